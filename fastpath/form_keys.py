"""What a surface form is found by: its words, or itself where it is Japanese."""

from __future__ import annotations

from fastpath.japanese import is_japanese
from fastpath.text import is_plain, key_of, words_of

#: Begins what is no form but says in which longer word a form does not count: mark, form, mark, longer word.
#: A noncharacter, which the scan for forms leaves out of a text (`_core.Matcher.characters`).
MARK = "\ufffe"


def japanese_in(text: str) -> bool:
    """Return whether a text has a Japanese character."""
    return not text.isascii() and any(map(is_japanese, text))


def key_and_plain(form: str) -> tuple[str, bool]:
    """Return the key of a canonical surface form, and whether nothing but words is in it."""
    key = form if japanese_in(form) else key_of(words_of(form))
    return key, is_plain(form)


def is_silent(name: str, topic_prefix: str) -> bool:
    """Return whether a tag's own text is never looked for: topics, and Japanese with blanks in it."""
    return name.startswith(topic_prefix) or (" " in name and japanese_in(name))
