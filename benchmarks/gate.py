"""How often the sensitive gate fires: on flagged and unflagged prompts, shopping dialogues, Japanese questions."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path

from fastpath.gate import categories_of


def rate(hits: int, of: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    if not of:
        return "–"
    p, z = hits / of, 1.96
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{hits:>4} of {of:<4} {p:6.3f}  [{middle - half:.3f}, {middle + half:.3f}]"


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fires(texts: Iterable[str]) -> tuple[int, int]:
    found = [bool(categories_of(text)) for text in texts]
    return sum(found), len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    moderation = rows(data / "moderation" / "dev.jsonl")
    flagged = [r for r in moderation if any(r["labels"].values())]
    calm = [r for r in moderation if not any(r["labels"].values())]
    talks = rows(data / "commercial-dialogues" / "dialogues.jsonl")
    table = {
        "moderation, any flag": fires(r["text"] for r in flagged),
        "moderation, self-harm": fires(r["text"] for r in moderation if r["labels"]["SH"]),
        "moderation, unflagged": fires(r["text"] for r in calm),
        "commercial dialogues": fires("\n".join(t["text"] for t in r["turns"]) for r in talks),
        "Japanese questions": fires(
            r["text"] for r in rows(data / "questions-ja" / "questions.jsonl")
        ),
    }
    for name, (hits, of) in table.items():
        print(f"{name:<24} {rate(hits, of)}")


if __name__ == "__main__":
    main()
