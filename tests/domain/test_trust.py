"""What is made of several texts is trusted no more than the least trusted of them."""

from __future__ import annotations

from itertools import product

import msgspec

from domain.evidence import Citation, Passage
from domain.trust import Span, Trust, weakest


def test_the_weakest_label_wins() -> None:
    for labels in product(Trust, repeat=2):
        assert weakest(labels) is min(labels, key=[*reversed(Trust)].index)
    assert weakest(()) is Trust.UNTRUSTED


def test_labels_and_quotes_survive_the_wire() -> None:
    span = Span("buy now", Trust.UNTRUSTED, "feed.csv", 3, 10)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(span), type=Span) == span
    passage = Passage(
        text="a", score=0.5, language="eng", citation=Citation(title="Guide", quote="a", url="https://x.test")
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(passage), type=Passage) == passage
