"""Japanese turns reach tags bought in English, and seldom a wrong one: figures of `benchmarks.japanese`."""

from __future__ import annotations

import pytest

from benchmarks.japanese import MISLEADING, NATURAL, later, measure, open_for, read_turns
from fastpath.expand import dictionary_path
from fastpath.snapshot import Snapshot

ROWS = read_turns()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return open_for(ROWS, tmp_path_factory.mktemp("turns"))


def test_the_set_is_what_it_says() -> None:
    assert len(ROWS) >= 400
    assert len({row["text"] for row in ROWS}) == len(ROWS)
    assert len({tag for row in ROWS for tag in row["tags"]}) >= 120
    held = [row for row in ROWS if row["split"] == "heldout"]
    assert abs(len(held) - len(ROWS) / 2) <= 2
    assert sum(not row["tags"] for row in held) >= 70


def test_the_later_sets(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Written for this project one after the other, most to mislead: first sights in docs/limits.md."""
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    sets = [later(split) for split in MISLEADING]
    assert [len(rows) for rows in sets] == [177, 242, 214, 190]
    every = [*ROWS, *(row for rows in sets for row in rows)]
    assert len({row["text"] for rows in sets for row in rows}) == sum(map(len, sets))
    snapshot = open_for(every, tmp_path_factory.mktemp("later"))
    for rows in sets:
        tally = measure(rows, snapshot)
        assert tally.reached >= 0.95 * tally.turns, tally.missed
        assert tally.wrong <= 0.02 * tally.matched, tally.missed


@pytest.mark.parametrize(
    ("split", "turns", "reach"),
    list(zip(NATURAL, (301, 267, 142, 100), (0.88, 0.82, 0.86, 0.66), strict=True)),
)
def test_natural_turns(
    tmp_path_factory: pytest.TempPathFactory, split: str, turns: int, reach: float
) -> None:
    """Written as users write, with tags as advertisers buy them: first sights in docs/limits.md."""
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    rows = later(split)
    assert len({row["text"] for row in rows}) == len(rows) == turns
    tally = measure(rows, open_for(rows, tmp_path_factory.mktemp(split)))
    assert tally.reached >= reach * tally.turns, tally.missed
    assert tally.wrong <= 0.02 * tally.matched, tally.missed


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_reach_and_false_matches(snapshot: Snapshot, split: str) -> None:
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    tally = measure([row for row in ROWS if row["split"] == split], snapshot)
    assert tally.reached >= 0.85 * tally.turns, tally.missed
    assert tally.wrong <= 0.02 * tally.matched, tally.missed
    assert tally.disturbed <= 0.03 * tally.others, tally.missed
