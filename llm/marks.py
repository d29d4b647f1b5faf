"""Marks on words that are material: a model can see at each of them that it is nobody's instruction.

Spotlighting by datamarking (Hines et al., arXiv 2403.14720): a sign no text uses stands before each word of
untrusted text. It lowers the rate at which models obey such text; it does not stop an attacker who adapts,
so nothing may rest on it alone.
"""

from __future__ import annotations

import re

#: First character of Unicode's private use area: it means nothing in any text, and no keyboard has it.
MARK = "\ue000"

#: Scripts without blanks between words get a mark at each so many characters.
_EVERY = 6
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9f"
_WORD = re.compile(rf"[{_DENSE}]{{1,{_EVERY}}}|[^\s{_DENSE}]+")
_QUOTED = re.compile(r"</?quoted(?:\s[^<>]*)?>\n?")


def mark(text: str) -> str:
    """Return the text with a mark before each word. Marks that were in it are taken out first."""
    return _WORD.sub(lambda word: MARK + word[0], text.replace(MARK, ""))


def unmark(text: str) -> str:
    """Return the text without marks: `unmark(mark(t)) == t` for any text without marks."""
    return text.replace(MARK, "")


def bare(section: str) -> str:
    """Return what a section holds, without marks and without the tags around quoted material."""
    return unmark(_QUOTED.sub("", section))
