"""What the lead agent holds itself to."""

from __future__ import annotations

import re

#: Segments of one kind that are suggested, and leads from which on an interest is a segment of its own.
MOST_SEGMENTS, LEAST_LEADS = 8, 3
#: Share of leads in countries that a goal leaves out, from which on that is said.
ELSEWHERE = 0.25
#: An interest as people say it.
INTEREST = re.compile(r"[a-z0-9][a-z0-9'&+ -]{1,58}[a-z0-9]")
_WORD = re.compile(r"[a-z]{3,}|[\u30a1-\u30faー]{2,}|[\u4e00-\u9fff]{2,}")


def words(text: str) -> frozenset[str]:
    """Return the words by which two interests are compared; a plural is its singular."""
    return frozenset(
        word[:-1] if word.isascii() and word.endswith("s") and len(word) > 4 else word
        for word in _WORD.findall(text.casefold())
    )
