"""What the arrays must agree with before they are published: a slow reference, asked about sampled texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from domain.catalogue import AppEntry, CatalogueExport
from domain.errors import Unprocessable
from fastpath import layout
from fastpath.compile_cache import load_expansion
from fastpath.decide import choose, context_of
from fastpath.expand import Expansion
from fastpath.match import find_tags
from fastpath.reading import read_turns
from fastpath.reference import Reference
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Reason, Turn

#: Apps asked about each text: all of a small catalogue, others in turn.
_APPS: Final = 4
_HOUR_MS: Final = 3_600_000
#: Reasons that say nothing about whether an ad may stand here: money, chance and rank.
_ALLOWED: Final = frozenset({Reason.BELOW_RESERVE, Reason.PACED, Reason.RELEVANCE})


class Difference(msgspec.Struct, frozen=True):
    """One disagreement.

    Attributes:
        what: `tags` or `eligible`.
        sample: Number of the sampled text.
        missing: In the reference only. extra: in the snapshot only.
    """

    what: str
    sample: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def verify_snapshot(
    snapshot: Snapshot, export: CatalogueExport, sample_texts: Iterable[str], *, now_ms: int = 0
) -> tuple[Difference, ...]:
    """Compare tags and eligible ads of sampled texts; an empty result means they agree.

    Places, devices, times and topics of the requests change from text to text, among those the catalogue knows.

    Args:
        snapshot: Compiled from `export`.
        export: The catalogue.
        sample_texts: Texts to try, e.g. of recent requests or built from the tags.
        now_ms: Time to judge schedules at; later texts are asked some hours later.
    """
    reference = Reference(export, load_expansion(snapshot.path) or Expansion("", {}))
    out: list[Difference] = []
    for number, text in enumerate(sample_texts):
        said = reference.tags(text)
        seen = {snapshot.tag(tag) for tag in find_tags(snapshot, text)}
        _note(out, "tags", number, said, seen)
        for app in _some(export.apps, number):
            request = _request(snapshot, app, number, text, now_ms)
            features = msgspec.structs.replace(read_turns(snapshot, request), similar=())
            context = context_of(request, now_ms=request.now_ms)
            proposal = choose(snapshot, features, context)
            if not (proposal.eligible or proposal.dropped) or proposal.cut:
                continue
            ours = {one.ad_id for one in proposal.eligible if not snapshot.ad_house[one.ad]}
            ours |= {
                one.ad_id
                for one in proposal.dropped
                if one.reason in _ALLOWED and not snapshot.ad_house[one.ad]
            }
            _note(out, "eligible", number, reference.eligible(app, features, said, request), ours)
    return tuple(out)


def require_equal(differences: tuple[Difference, ...]) -> None:
    """Refuse a snapshot that disagrees with the reference.

    Raises:
        Unprocessable: `snapshot_differs`.
    """
    if differences:
        first = differences[0]
        raise Unprocessable(
            "snapshot_differs",
            f"The compiled snapshot disagrees with the catalogue in {len(differences)} of the samples"
            f" (first: {first.what}, missing {list(first.missing)[:3]}, extra {list(first.extra)[:3]}):"
            " it was not published.",
        )


def _some(apps: Sequence[AppEntry], number: int) -> list[AppEntry]:
    count = min(_APPS, len(apps))
    return [apps[(number * count + i) % len(apps)] for i in range(count)]


def _request(snapshot: Snapshot, app: AppEntry, number: int, text: str, now_ms: int) -> AdRequest:
    """Return a request of one sample; every third names a topic, every fifth mutes one."""
    names = snapshot.names
    geos = (None, *names.geos)
    devices = (None, *layout.DEVICES)
    topic = names.topics[number * 7 % len(names.topics)] if names.topics else ""
    return AdRequest(
        request_id=f"verify-{number}",
        app_id=app.app_id,
        conversation_id="verify",
        message_id=str(number),
        turns=(Turn("user", text),),
        now_ms=now_ms + number * 7 * _HOUR_MS,
        geo=geos[number % len(geos)],
        device=devices[number % len(devices)],
        topics=(topic,) if topic and number % 3 == 2 else (),
        blocked_topics=(topic,) if topic and number % 5 == 4 else (),
    )


def _note(out: list[Difference], what: str, number: int, wanted: set[str], seen: set[str]) -> None:
    if wanted != seen:
        out.append(
            Difference(what, number, tuple(sorted(wanted - seen)), tuple(sorted(seen - wanted)))
        )
