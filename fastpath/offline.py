"""Decide rows of a file without service, state or keys: for `parley decide` and for measuring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from domain.catalogue import AppEntry
from domain.formats import AdFormat, Intent
from fastpath.decide import choose, context_of
from fastpath.gate import judge
from fastpath.reading import read_turns
from fastpath.render import why_shown
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Features, Proposal, Reason, Turn

APP_ID: Final = "offline"


class _Row(msgspec.Struct):
    """A row of the input file."""

    turns: tuple[Turn, ...] = ()
    text: str | None = None
    id: str | int | None = None
    formats: tuple[AdFormat, ...] | None = None
    language: str | None = None
    geo: str | None = None
    now_ms: int | None = None


def decide_file(
    snapshot: Snapshot,
    rows: Iterable[dict[str, Any]],
    *,
    now_ms: int = 0,
    app_id: str | None = None,
    geo: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one result per row; a row that cannot be used yields an error entry and the rest goes on.

    Args:
        snapshot: What to serve from.
        rows: `{id, turns: [{role, text}], formats?, language?, geo?, now_ms?}`; `text` may stand for one
            user turn.
        now_ms: Time at which schedules are judged, unless the row has its own.
        app_id: Ask as this app of the snapshot; by default as one that takes every format, in the most
            frequent currency, without a reserve.
        geo: Where the user is, unless the row says.
    """
    app = snapshot.app(app_id) if app_id is not None else everything_app(snapshot)
    for number, raw in enumerate(rows):
        name = raw.get("id", number) if isinstance(raw, dict) else number
        if not isinstance(raw, dict):
            detail = f"Row {number + 1}: not a JSON object."
            yield {"id": _plain(name), "error": "bad_row", "detail": detail}
            continue
        try:
            row = msgspec.convert(raw, _Row)
        except msgspec.ValidationError as error:
            yield {"id": _plain(name), "error": "bad_row", "detail": f"Row {number + 1}: {error}."}
            continue
        turns = row.turns or ((Turn("user", row.text),) if row.text is not None else ())
        request = AdRequest(
            request_id=f"offline-{_plain(name)}",
            app_id=app_id or APP_ID,
            conversation_id="offline",
            message_id=str(number),
            turns=turns,
            now_ms=now_ms if row.now_ms is None else row.now_ms,
            formats=row.formats,
            language=row.language,
            geo=row.geo or geo,
        )
        yield _result(snapshot, app, _plain(name), request)


def everything_app(snapshot: Snapshot) -> AppEntry:
    """Return an app that shows every format and settles in the snapshot's most frequent currency."""
    counts = Counter(snapshot.ad_currency.tolist())
    number = min(counts, key=lambda n: (-counts[n], n), default=None)
    currency = "USD" if number is None else snapshot.names.currencies[number]
    return AppEntry(
        app_id=APP_ID,
        publisher_id=APP_ID,
        formats=tuple(AdFormat),
        currency=currency,
        reserve_micros=0,
    )


def _result(
    snapshot: Snapshot, app: AppEntry | None, name: str | int, request: AdRequest
) -> dict[str, Any]:
    features = read_turns(snapshot, request)
    proposal = choose(snapshot, features, context_of(request, now_ms=request.now_ms), app=app)
    closed = features.refusal in (Reason.INVALID, Reason.TOO_LONG)
    gate = "unread" if closed else judge(features.categories).verdict
    return {
        "id": name,
        "language": features.language,
        "intent": Intent(features.intent).value,
        "opportunity": features.opportunity_milli / 1000,
        "gate": {"verdict": gate, "categories": list(features.categories)},
        "matched_tags": sorted(
            snapshot.tag(match.tag) for match in features.matches if match.asked
        ),
        "ad": _ad(snapshot, features, proposal),
        "reason": proposal.reason.value,
        "candidates": len(proposal.eligible) + len(proposal.dropped),
    }


def _ad(snapshot: Snapshot, features: Features, proposal: Proposal) -> dict[str, Any] | None:
    if proposal.winner is None:
        return None
    ad = snapshot.ad(proposal.winner.ad)
    text = ad.texts.get(features.language) or next(iter(ad.texts.values()))
    return {
        "id": ad.ad_id,
        "advertiser": ad.advertiser_name,
        "format": ad.format.value,
        "title": text.title,
        "description": text.description,
        "url": ad.landing_url,
        "why": why_shown(features.language, snapshot.form(proposal.winner.form)),
        "price_micros": proposal.price_micros,
        "vcg_micros": proposal.vcg_micros,
        "currency": ad.currency,
        "propensity": proposal.propensity_ppm / 1_000_000,
    }


def _plain(name: object) -> str | int:
    """Return an id that survives JSON and UTF-8, whatever the row had."""
    if isinstance(name, int) and not isinstance(name, bool):
        return name
    return str(name)[:200].encode("utf-8", "replace").decode("utf-8")
