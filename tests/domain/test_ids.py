"""Ids say what they are, sort by time, and come out the same for the same content."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.ids import PREFIXES, CountingIds, RandomIds, check_id, encode, stable_id
from domain.time import FixedClock


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_kind_of_id_is_recognised_and_no_other(prefix: str) -> None:
    for made in (
        RandomIds(FixedClock(1)).new(prefix),
        CountingIds().new(prefix),
        stable_id(prefix),
    ):
        assert check_id(made, prefix) == made
        assert len(made) == len(prefix) + 27
        other = "cmp" if prefix != "cmp" else "org"
        with pytest.raises(BadInput):
            check_id(made, other)


def test_ids_sort_by_the_time_they_were_made_at() -> None:
    clock = FixedClock(1_800_000_000_000)
    ids, made = RandomIds(clock), []
    for _ in range(50):
        made.append(ids.new("run"))
        clock.advance(1)
    assert made == sorted(made)
    assert len({ids.new("run") for _ in range(1000)}) == 1000


def test_a_forked_process_makes_ids_of_its_own() -> None:
    ids = RandomIds(FixedClock(1))
    ids.new("run")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, ids.new("run").encode())
        os._exit(0)
    os.waitpid(child, 0)
    made = {ids.new("run") for _ in range(1000)}
    assert os.read(reading, 100).decode() not in made
    os.close(reading)
    os.close(writing)


def test_counted_ids_are_the_same_in_every_test() -> None:
    ids = CountingIds()
    assert [ids.new("run"), ids.new("ad")] == [
        "run_00000000000000000000000001",
        "ad_00000000000000000000000002",
    ]


@given(st.integers(0, 2**130 - 1), st.integers(0, 2**130 - 1))
def test_encoded_numbers_keep_their_order(a: int, b: int) -> None:
    assert len(encode(a)) == 26
    assert (encode(a) < encode(b)) == (a < b)


def test_stable_ids_depend_on_their_parts_and_never_change() -> None:
    assert stable_id("cmp", "a", "b") == "cmp_06BATQ876ZNN26GZ7H370YPKP9"
    assert stable_id("org", "platform") == "org_50Q6HHFT2V582ZMJRC97FDXQC8"
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", ""), ("a",), ("", "a"), ("a b",), ("日本",)]
    assert len({stable_id("cmp", *p) for p in parts}) == len(parts)
    assert stable_id("ad", "a", "b")[3:] == stable_id("cmp", "a", "b")[4:]


@pytest.mark.parametrize(
    "value",
    ["", "cmp_", "cmp", "cmp_1", "CMP_00000000000000000000000001", "cmp_0000000000000000000000000I",
     "cmp_00000000000000000000000001\n", "cmp_000000000000000000000000011", "org_00000000000000000000000001",
     "cmp_' OR 1=1 --", "cmp_" + "é" * 26, "x" * 10_000],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_much_of_it(value: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_id(value, "cmp")
    assert caught.value.code == "bad_id"
    assert "campaign" in caught.value.detail
    assert len(caught.value.detail) < 200
