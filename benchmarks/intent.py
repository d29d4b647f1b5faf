"""How many commercial turns are seen as an opportunity, and how many neutral ones are taken for one.

`python -m benchmarks.intent`. Turns are the gate's fixtures, train and held-out together: the intent lexicons
were written without them. No tag is matched, so this is the reading of the words alone; a matched tag adds 0.2.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from benchmarks.gate import rate
from fastpath.intent import read_intent

FIXTURES = Path(__file__).parents[1] / "tests" / "fastpath" / "fixtures"
MENTIONS = FIXTURES.parent / "mention_turns.jsonl"
T_LOW = 300


def turns(language: str, kind: str) -> list[str]:
    """Return the texts of one fixture file."""
    lines = (FIXTURES / f"{language}_{kind}.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line)["text"] for line in lines if line]


def spoken_of(language: str, kind: str) -> list[str]:
    """Return later turns with a thing in each, wanted (`commercial`) or only spoken of (`mention`)."""
    rows = [json.loads(line) for line in MENTIONS.read_text("utf-8").splitlines()]
    return [row["text"] for row in rows if (row["language"], row["kind"]) == (language, kind)]


def reach(texts: list[str], tags: int) -> tuple[int, Counter[str]]:
    """Return how many turns score T_LOW and more, and the intents."""
    readings = [read_intent([text], tags) for text in texts]
    return (
        sum(reading.opportunity_milli >= T_LOW for reading in readings),
        Counter(reading.intent.value for reading in readings),
    )


def main() -> None:
    """Print the table."""
    for tags in (0, 1):
        for language in ("eng", "jpn"):
            for kind in ("commercial", "neutral"):
                texts = turns(language, kind)
                hits, intents = reach(texts, tags)
                spread = ", ".join(f"{name} {count}" for name, count in sorted(intents.items()))
                print(f"{tags} tags, {language} {kind:<11} {rate(hits, len(texts))}  {spread}")
    for language in ("eng", "jpn"):
        for kind in ("commercial", "mention"):
            texts = spoken_of(language, kind)
            hits, _ = reach(texts, 1)
            print(f"1 tag, later, {language} {kind:<11} {rate(hits, len(texts))}")


if __name__ == "__main__":
    main()
