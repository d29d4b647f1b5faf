"""Where a piece of text comes from, and hence what it may lead to. The label travels with the text."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Trust(StrEnum):
    """Who stands behind a text.

    An operator's text may instruct. An advertiser's states what is wanted and is checked. Untrusted text
    (pages, feeds, documents, reviews, chats, answers of tools and models) may be quoted, never obeyed.
    """

    OPERATOR = "operator"
    ADVERTISER = "advertiser"
    UNTRUSTED = "untrusted"


_ORDER = {Trust.OPERATOR: 2, Trust.ADVERTISER: 1, Trust.UNTRUSTED: 0}


class Span(msgspec.Struct, frozen=True):
    """A piece of text with its label.

    Attributes:
        text: The words.
        trust: Who stands behind them.
        source: Where they are from: an id, an address, a file name.
        start, end: Where in the source they stand, in characters; both 0 = all of it.
    """

    text: str
    trust: Trust
    source: str
    start: int = 0
    end: int = 0


Labelled = tuple[Span, ...]


def weakest(labels: Iterable[Trust]) -> Trust:
    """Return the label of something made of several texts: that of the least trusted one.

    Nothing at all is untrusted: what has no known origin is nobody's word.
    """
    return min(labels, key=_ORDER.__getitem__, default=Trust.UNTRUSTED)
