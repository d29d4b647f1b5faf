"""How many tokens a text is, without anybody's vocabulary.

Tokenisers download their vocabulary at first use; a router that must also work offline counts for itself.
Two figures: `likely_tokens` for showing and for fitting into a context, `most_tokens` for money, which no
byte-level tokeniser can exceed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

#: What a message costs besides its text: role and separators.
_PER_MESSAGE = 8
#: What providers put in front when functions are offered.
_TOOL_PREAMBLE = 700
_WORDS = re.compile(
    r"(?P<letters>[A-Za-z\u00c0-\u024f]+)|(?P<digits>\d+)|(?P<space>\s+)|(?P<other>.)", re.DOTALL
)


def likely_tokens(text: str) -> int:
    """Return about how many tokens a text is.

    Latin words: one for each six letters begun; digits: one for each three; a Chinese or Japanese
    character: one; a sign: one; white space belongs to the word behind it.
    """
    count = 0
    for found in _WORDS.finditer(text):
        length = found.end() - found.start()
        if found.lastgroup == "letters":
            count += -(-length // 6)
        elif found.lastgroup == "digits":
            count += -(-length // 3)
        elif found.lastgroup == "other" or length > 1:
            count += 1
    return count


def most_tokens(text: str) -> int:
    """Return a number of tokens that the text cannot exceed: one for each byte of UTF-8."""
    return len(text.encode("utf-8", "replace"))


def likely_input(messages: Sequence[BaseMessage], schema: Any = None) -> int:
    """Return about how many tokens a question is, with the schema of the answer."""
    text = _texts(messages) + (_schema_text(schema) if schema else "")
    extra = _TOOL_PREAMBLE if schema else 0
    return likely_tokens(text) + _PER_MESSAGE * len(messages) + extra


def most_input(messages: Sequence[BaseMessage], schema: Any = None) -> int:
    """Return a number of tokens that a question cannot exceed, with the schema of the answer."""
    text = _texts(messages) + (_schema_text(schema) if schema else "")
    extra = _TOOL_PREAMBLE if schema else 0
    return most_tokens(text) + _PER_MESSAGE * len(messages) + extra


def _texts(messages: Sequence[BaseMessage]) -> str:
    return "".join(
        m.content if isinstance(m.content, str) else json.dumps(m.content, default=str)
        for m in messages
    )


def _schema_text(schema: Any) -> str:
    return json.dumps(schema, ensure_ascii=False, default=str)
