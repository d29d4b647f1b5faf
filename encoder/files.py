"""Where the model's files are and what they must be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

#: Bump with any change of the graph or its quantisation: stored vectors name the model they came from.
MODEL_ID: Final = "all-MiniLM-L6-v2-int8-1"
DIM: Final = 384
MAX_TOKENS: Final = 256

FOLDER: Final = Path(__file__).with_name("data")
MODEL: Final = "minilm.onnx"
VOCABULARY: Final = "vocab.txt"
NOTICE: Final = "NOTICE.txt"
#: Versioned with the code, because it takes minutes to make: `python -m encoder.distil`.
TABLE: Final = "query_table.bin"

#: SHA-256 of what `python -m encoder.build` makes from the published weights, the same on any machine.
DIGESTS: Final = {
    MODEL: "cfdd48586ac07d98775f3a50d3f18cf83cf7c512c79050eb92aca754bbaa81e4",
    VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal; empty if there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stale(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of the files that are missing or not what this version of the code expects."""
    return tuple(name for name, wanted in DIGESTS.items() if digest(folder / name) != wanted)
