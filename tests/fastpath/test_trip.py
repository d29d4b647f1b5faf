"""The words of a trip: what a client would write, compiled or not, under the same names as ever."""

from __future__ import annotations

import hashlib
from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import CapScope
from fastpath import _trip
from fastpath.caps import CapKey
from fastpath.reservation import VERDICTS, Ask, Keys, Verdict, _head
from tests.fastpath.serving_asks import ask
from tests.fastpath.test_compiled_core import plain

PLAIN = plain("_trip")
#: Lengths around those that stand in tables.
SIZES = (0, 1, 255, 256, 2_047, 2_048, 70_000)
some = st.text(max_size=300)
numbers = st.integers(0, 2**62)


def reference(*parts: str) -> bytes:
    raw = [part.encode("utf-8", "replace") for part in parts]
    return b"".join(len(one).to_bytes(4, "big") + one for one in raw)


@given(st.text(max_size=400), some, some)
def test_names_are_hashes_of_all_ids_before_them(app: str, talk: str, message: str) -> None:
    expected = tuple(
        hashlib.blake2b(reference(*ids), digest_size=16).hexdigest()
        for ids in ((app, talk), (app, talk, message))
    )
    assert _trip.names(app, talk, message) == PLAIN.names(app, talk, message) == expected
    keyed = hashlib.blake2b(reference(app, talk), digest_size=16, key=b"s").hexdigest()
    assert _trip.keyed(b"s", (app, talk)) == PLAIN.keyed(b"s", (app, talk)) == keyed


@pytest.mark.parametrize("of", [_trip, PLAIN], ids=["compiled", "plain"])
def test_a_command_is_what_a_client_writes(of: Any) -> None:
    parts = [bytes([65 + size % 26]) * size for size in SIZES]
    packed = of.command(_head("a" * 40, 4, len(parts)), parts)
    assert packed == hiredis.pack_command(("EVALSHA", "a" * 40, 4, *parts))


asks = st.builds(
    lambda **fields: ask(**fields),
    app_id=some, conversation_id=some, message=some, request_id=some, now_ms=numbers,
    wants_ad=st.booleans(), sensitive=st.booleans(), final=st.booleans(), campaign_id=some,
    hold_micros=numbers, budget_total_micros=st.none() | numbers,
    budget_daily_micros=st.none() | numbers, record=st.binary(max_size=3_000),
    answers=st.dictionaries(st.sampled_from(VERDICTS), st.binary(max_size=300)),
    overruled=st.tuples(st.binary(max_size=9), st.binary(max_size=9)),
    caps=st.lists(
        st.builds(CapKey, st.sampled_from(CapScope), some, numbers, numbers), max_size=3
    ).map(tuple),
)  # fmt: skip


@given(asks, some)
def test_the_words_are_the_same_as_plain_python(question: Ask, prefix: str) -> None:
    keys = Keys(prefix)
    found = [of.Parts(keys, VERDICTS) for of in (_trip, PLAIN)]
    refused, wanted = (
        [getattr(one, name)(question) for one in found] for name in ("refused", "wanted")
    )
    assert refused[0] == refused[1]
    assert wanted[0] == wanted[1]
    assert refused[0][6] == b"1" + question.said(Verdict.REFUSED)
    assert len(wanted[0][: 10 + len(question.caps)]) == 10 + len(question.caps)
