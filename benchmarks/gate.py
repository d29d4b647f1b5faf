"""How often the sensitive gate fires: on flagged and unflagged prompts, shopping dialogues, Japanese questions."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable
from pathlib import Path

from fastpath.gate import categories_of, check, lexicon_categories
from fastpath.model import shipped
from fastpath.text import fold

FIXTURES = Path(__file__).parents[1] / "tests" / "fastpath" / "fixtures"
TURN = {
    "English": "which running shoes would you recommend for wet trails, something light and wide? "
    * 4,
    "Japanese": "雨の日でも滑りにくくて幅の広いトレイルランニングシューズのおすすめを教えてください。"
    * 8,
}


def rate(hits: int, of: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    if not of:
        return "–"
    p, z = hits / of, 1.96
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{hits:>4} of {of:<4} {p:6.3f}  [{max(0, middle - half):.3f}, {middle + half:.3f}]"


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fires(texts: Iterable[str]) -> tuple[int, int]:
    found = [bool(categories_of(text)) for text in texts]
    return sum(found), len(found)


def closes(talks: Iterable[list[str]]) -> tuple[int, int]:
    found = [check(talk).verdict != "clear" for talk in talks]
    return sum(found), len(found)


def held_out() -> dict[str, tuple[int, int]]:
    """What each set is: `docs/limits.md`. The third was written after the last training text."""
    table = {}
    for file in sorted(FIXTURES.glob("*.jsonl")):
        for part in ("first", "second", "third"):
            held = [row for row in rows(file) if row["split"] == "heldout"]
            texts = [row["text"] for row in held if row.get("set", "first") == part]
            table[f"{part} held out, {file.stem}"] = fires(texts)
            if "sensitive" in file.stem:
                alone = [bool(lexicon_categories(fold(text))) for text in texts]
                table[f"  lexicon alone, {part} {file.stem[:3]}"] = sum(alone), len(alone)
    return table


def microseconds(call, text: str) -> float:
    best = math.inf
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(300):
            call(text)
        best = min(best, time.perf_counter() - start)
    return best / 300 * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for name, (hits, of) in held_out().items():
        print(f"{name:<32} {rate(hits, of)}")
    moderation = rows(data / "moderation" / "dev.jsonl")
    flagged = [r for r in moderation if any(r["labels"].values())]
    calm = [r for r in moderation if not any(r["labels"].values())]
    talks = rows(data / "commercial-dialogues" / "dialogues.jsonl")
    table = {
        "moderation, any flag": fires(r["text"] for r in flagged),
        "moderation, self-harm": fires(r["text"] for r in moderation if r["labels"]["SH"]),
        "moderation, unflagged": fires(r["text"] for r in calm),
        "commercial dialogues": closes([t["text"] for t in r["turns"]] for r in talks),
        "Japanese questions": fires(
            r["text"] for r in rows(data / "questions-ja" / "questions.jsonl")
        ),
    }
    for name, (hits, of) in table.items():
        print(f"{name:<32} {rate(hits, of)}")
    for name, text in TURN.items():
        folded = fold(text[:300])
        model = microseconds(shipped().fires, folded)
        whole = microseconds(categories_of, text[:300])
        print(f"300 characters of {name}: model {model:.0f} µs, whole gate {whole:.0f} µs")


if __name__ == "__main__":
    main()
