"""Fuzz the compiled core: `python -m tests.fuzz.core --seconds 60 [--target NAME] [--engine ENGINE]`.

With atheris, guided by coverage; without it, by hypothesis. Either way a difference between a compiled loop
and its source as plain Python, a crash or an unexpected exception ends the run with a non-zero status.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fastpath import core_info
from tests.fuzz.source import Source
from tests.fuzz.targets import TARGETS, run

_TEXTS = Path(__file__).parents[1] / "fastpath"
_BATCH = 200


def corpus() -> list[bytes]:
    """Return inputs made of the texts of the fast path's fixtures, in every target."""
    texts: list[str] = []
    for file in sorted(_TEXTS.rglob("*.jsonl")):
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        texts += [row["text"] for row in rows[::7] if isinstance(row.get("text"), str)]
    bodies = [text.encode("utf-8", "replace") for text in texts]
    return [bytes([number, 255]) + body for body in bodies for number in range(len(TARGETS))]


def by_hypothesis(one: Callable[[bytes], None], seconds: float) -> int:
    """Run corpus and random inputs for some seconds; returns how many."""
    end = time.monotonic() + seconds
    count = 0
    for data in corpus():
        if time.monotonic() > end:
            return count
        one(data)
        count += 1
    batch = 0
    while time.monotonic() < end:
        batch += 1

        @seed(batch)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.binary(max_size=400))
        def some(data: bytes) -> None:
            if time.monotonic() < end:
                one(data)

        some()
        count += _BATCH
    return count


def by_atheris(one: Callable[[bytes], None], seconds: float) -> None:
    """Hand over to atheris, which ends the process."""
    atheris = importlib.import_module("atheris")  # installed only where coverage guides the fuzzing
    atheris.instrument_all()
    folder = Path(tempfile.mkdtemp(prefix="parley-corpus-"))
    for number, data in enumerate(corpus()[:: len(TARGETS) + 1]):
        (folder / str(number)).write_bytes(data)
    limits = [f"-max_total_time={max(1, round(seconds))}", "-max_len=600", "-verbosity=0"]
    atheris.Setup([sys.argv[0], str(folder), *limits], one)
    atheris.Fuzz()


def main() -> int:
    """Run the fuzzer of the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--target", choices=sorted(TARGETS))
    parser.add_argument("--engine", choices=["auto", "atheris", "hypothesis"], default="auto")
    args = parser.parse_args()
    chosen = TARGETS[args.target] if args.target else None

    def one(data: bytes) -> None:
        run(data) if chosen is None else chosen(Source(data))

    there = importlib.util.find_spec("atheris") is not None
    guided = args.engine == "atheris" or (args.engine == "auto" and there)
    name = "atheris" if guided else "hypothesis (atheris is not installed)"
    sys.stderr.write(
        f"fuzzing the core ({core_info()['note']}) with {name}, {args.seconds:.0f} s\n"
    )
    if guided:
        by_atheris(one, args.seconds)
        return 0
    sys.stderr.write(f"{by_hypothesis(one, args.seconds)} inputs, no difference and no crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
