"""A slow reference over the plain export: what the arrays must agree with before they are published.

No hash table, no postings, no bit masks: every ad, every tag, every form, in a loop over the entries.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.errors import Unprocessable
from domain.formats import formats_for
from domain.language import Language
from fastpath.compile_cache import load_expansion
from fastpath.compile_tags import MAX_TAG_WORDS
from fastpath.decide import choose, context_of
from fastpath.expand import Expansion
from fastpath.japanese import is_japanese, stands_alone
from fastpath.match import find_tags
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag, fits, fold, is_plain, key_of, words_of
from fastpath.types import AdRequest, Features, Turn


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


def reference_tags(export: CatalogueExport, expansion: Expansion, text: str) -> set[str]:
    """Return the canonical tags of the export that stand in a text, by linear scan."""
    tags: set[str] = set()
    for ad in export.ads:
        for raw in (*ad.tags, *ad.negative_tags, *ad.blocked_topics):
            name = canonical_tag(raw)
            if 0 < len(name.split(" ")) <= MAX_TAG_WORDS and len(name) <= 80:
                tags.add(name)
    folded = fold(text)
    forms = {(form, tag) for tag in tags for form in (tag, *expansion.forms.get(tag, ()))}
    spaced = {(f, t) for f, t in forms if not any(map(is_japanese, f))}
    unspaced = {(f.replace(" ", ""), t) for f, t in forms if any(map(is_japanese, f))}
    return {t for f, t in spaced if _stands(folded, f)} | {
        t for f, t in unspaced if _stands_unspaced(folded, f)
    }


def _stands(folded: str, form: str) -> bool:
    words, tag = words_of(folded), words_of(form)
    count = len(tag.base)
    return count > 0 and any(
        key_of(words, start, count) == key_of(tag) and fits(words, start, tag, plain=is_plain(form))
        for start in range(len(words.base) - count + 1)
    )


def _stands_unspaced(folded: str, form: str) -> bool:
    return any(
        folded.startswith(form, start) and stands_alone(folded, start, start + len(form))
        for start in range(len(folded) - len(form) + 1)
    )


def reference_eligible(
    export: CatalogueExport,
    app: AppEntry,
    features: Features,
    said: set[str],
    asked: set[str],
    request: AdRequest,
) -> set[str]:
    """Return the ids of paid ads that may be shown, judged from the entries alone."""
    return {
        ad.ad_id
        for ad in export.ads
        if not ad.house
        and asked & set(map(canonical_tag, ad.tags))
        and _showable(ad, app, features, said, request)
    }


def _showable(
    ad: AdEntry, app: AppEntry, features: Features, said: set[str], request: AdRequest
) -> bool:
    wanted = set(app.formats if request.formats is None else request.formats) & set(app.formats)
    language_fits = (
        features.language in ad.languages and features.language in ad.texts
        if ad.languages
        else features.language in ad.texts or Language.ENG in ad.texts
    )
    topics = set(map(canonical_tag, ad.blocked_topics))
    unwanted = set(map(canonical_tag, ad.negative_tags)) | topics
    return (
        ad.format in wanted & formats_for(features.opportunity_milli / 1000)
        and language_fits
        and ad.currency == app.currency
        and (ad.starts_ms is None or ad.starts_ms <= request.now_ms)
        and (ad.ends_ms is None or request.now_ms < ad.ends_ms)
        and (not ad.geos or (request.geo or "").upper() in {geo.upper() for geo in ad.geos})
        and ad.advertiser_id not in {*app.blocked_advertisers, *request.blocked_advertisers}
        and not unwanted & said
        and not topics & set(map(canonical_tag, request.topics))
        and not set(map(canonical_tag, app.blocked_topics)) & set(map(canonical_tag, ad.tags))
    )


def verify_snapshot(
    snapshot: Snapshot, export: CatalogueExport, sample_texts: Iterable[str], *, now_ms: int = 0
) -> tuple[Difference, ...]:
    """Compare tags and eligible ads of sampled texts; an empty result means they agree.

    Args:
        snapshot: Compiled from `export`.
        export: The catalogue.
        sample_texts: Texts to try, e.g. of recent requests or built from the tags.
        now_ms: Time to judge schedules at.
    """
    expansion = load_expansion(snapshot.path) or Expansion("", {})
    out: list[Difference] = []
    for number, text in enumerate(sample_texts):
        said = reference_tags(export, expansion, text)
        seen = {snapshot.tag(tag) for tag in find_tags(snapshot, text)}
        _note(out, "tags", number, said, seen)
        for app in export.apps:
            request = AdRequest(
                request_id=f"verify-{number}", app_id=app.app_id, conversation_id="verify",
                message_id=str(number), turns=(Turn("user", text),), now_ms=now_ms,
            )  # fmt: skip
            features = read_turns(snapshot, request)
            proposal = choose(snapshot, features, context_of(request, now_ms=now_ms))
            if not (proposal.eligible or proposal.dropped) or proposal.cut:
                continue
            ours = {one.ad_id for one in proposal.eligible if not snapshot.ad_house[one.ad]}
            ours |= {one.ad_id for one in proposal.dropped if one.reason == "below_reserve"}
            _note(
                out,
                "eligible",
                number,
                reference_eligible(export, app, features, said, said, request),
                ours,
            )
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


def _note(out: list[Difference], what: str, number: int, wanted: set[str], seen: set[str]) -> None:
    if wanted != seen:
        out.append(
            Difference(what, number, tuple(sorted(wanted - seen)), tuple(sorted(seen - wanted)))
        )
