"""The slow reference of tags and eligibility, over the plain export: no table, postings, numbers or bit masks.

Every rule is written a second time here, as published, so that a mistake in the arrays shows as a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.formats import formats_for
from domain.language import Language
from domain.time import utc
from fastpath import topics
from fastpath.expand import Expansion
from fastpath.form_keys import MARK
from fastpath.japanese import is_japanese, stands_alone
from fastpath.text import Words, canonical_tag, fits, fold, is_plain, key_of, words_of
from fastpath.types import AdRequest, Features

_MAX_WORDS = 4
_MAX_CHARS = 80


class Reference:
    """What must hold of a catalogue.

    Args:
        export: The catalogue.
        expansion: Japanese forms of its tags and of the words of its topics.
    """

    def __init__(self, export: CatalogueExport, expansion: Expansion) -> None:
        self._taxonomy = topics.shipped()
        self._ads: dict[str, list[AdEntry]] = defaultdict(list)
        self._by_word: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._by_char: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._longer: dict[str, set[str]] = defaultdict(set)
        every: set[str] = set()
        for ad in export.ads:
            own = self._own(ad)
            for tag in own:
                self._ads[tag].append(ad)
            every |= own | set(_usable(ad.negative_tags)) | self._away(ad)
            for topic in self._bought(ad):
                every.update(map(topics.tag_of, self._taxonomy.lineage(topic)))
        for tag in every:
            for said in self._said(tag):
                for form in (said, *expansion.forms.get(said, ())):
                    self._add(form, tag)

    def tags(self, text: str) -> set[str]:
        """Return the canonical tags that stand in a text, topics among them."""
        folded = fold(text)
        words = words_of(folded)
        near = (pair for word in set(words.base) for pair in self._by_word.get(word, ()))
        found = {tag for form, tag in near if _stands(words, form)}
        spots = (pair for char in set(folded) for pair in self._by_char.get(char, ()))
        return found | {
            tag
            for form, tag in spots
            if _stands_unspaced(folded, form, self._longer.get(form, frozenset()))
        }

    def eligible(
        self, app: AppEntry, features: Features, said: set[str], request: AdRequest
    ) -> set[str]:
        """Return the ids of paid ads that may be shown, whatever they cost and how often they take part."""
        declared = {topics.tag_of(topic) for topic in self._topics(request.topics)}
        return {
            ad.ad_id
            for tag in said | declared
            for ad in self._ads.get(tag, ())
            if not ad.house
            and _fits(ad, app, features, request)
            and self._welcome(ad, app, said, request)
        }

    def _welcome(self, ad: AdEntry, app: AppEntry, said: set[str], request: AdRequest) -> bool:
        """Return whether nobody keeps the ad away: the host, the user, or the advertiser itself."""
        away = self._away(ad)
        declared = {canonical_tag(topic) for topic in request.topics}
        declared |= {topics.tag_of(topic) for topic in self._topics(request.topics)}
        blocked = {*app.blocked_advertisers, *request.blocked_advertisers}
        unwanted = {*app.blocked_topics, *request.blocked_topics}
        above = {one for topic in self._bought(ad) for one in self._taxonomy.lineage(topic)}
        return (
            ad.advertiser_id not in blocked
            and (not app.allowed_advertisers or ad.advertiser_id in app.allowed_advertisers)
            and not away & (said | declared)
            and not set(map(canonical_tag, ad.negative_tags)) & said
            and not set(map(canonical_tag, unwanted)) & set(map(canonical_tag, ad.tags))
            and not set(self._topics(unwanted)) & above
        )

    def _own(self, ad: AdEntry) -> set[str]:
        """Return all tags that lead to an ad: its own, and every topic below those it is bought on."""
        below = (one for topic in self._bought(ad) for one in self._taxonomy.below(topic))
        return {*_usable(ad.tags), *map(topics.tag_of, below)}

    def _bought(self, ad: AdEntry) -> list[str]:
        return self._topics(ad.topics)

    def _away(self, ad: AdEntry) -> set[str]:
        words = [name for name in ad.blocked_topics if not name.startswith(topics.PREFIX)]
        named = [name for name in ad.blocked_topics if name.startswith(topics.PREFIX)]
        below = (one for topic in self._topics(named) for one in self._taxonomy.below(topic))
        return {*_usable(words), *map(topics.tag_of, below)}

    def _topics(self, names: Iterable[str]) -> list[str]:
        return [topic for name in names if (topic := self._taxonomy.known(name)) is not None]

    def _said(self, tag: str) -> tuple[str, ...]:
        """Return what is said for a tag: itself, or the words of a topic."""
        topic = self._taxonomy.known(tag) if tag.startswith(topics.PREFIX) else None
        return (tag,) if topic is None else tuple(self._taxonomy.words[topic])

    def _add(self, form: str, tag: str) -> None:
        if form.startswith(MARK):
            _, inner, word = form.split(MARK)
            self._longer[inner].add(word)
        elif not form.isascii() and any(map(is_japanese, form)):
            unspaced = form.replace(" ", "")
            self._by_char[unspaced[0]].add((unspaced, tag))
        elif base := words_of(form).base:
            self._by_word[base[0]].add((form, tag))


def _usable(raw: Iterable[str]) -> list[str]:
    names = map(canonical_tag, raw)
    return [
        name
        for name in names
        if 0 < len(name) <= _MAX_CHARS
        and len(name.split(" ")) <= _MAX_WORDS
        and not name.startswith(topics.PREFIX)
    ]


def _stands(words: Words, form: str) -> bool:
    tag = words_of(form)
    count = len(tag.base)
    return any(
        key_of(words, start, count) == key_of(tag) and fits(words, start, tag, plain=is_plain(form))
        for start in range(len(words.base) - count + 1)
    )


def _stands_unspaced(folded: str, form: str, longer: Collection[str]) -> bool:
    return any(
        folded.startswith(form, start)
        and stands_alone(folded, start, start + len(form))
        and not any(_holds(folded, word, start, start + len(form)) for word in longer)
        for start in range(len(folded) - len(form) + 1)
    )


def _holds(folded: str, word: str, start: int, end: int) -> bool:
    """Return whether a longer word stands around a form."""
    return any(
        folded.startswith(word, at) and at + len(word) >= end
        for at in range(max(0, start - len(word)), start + 1)
    )


def _fits(ad: AdEntry, app: AppEntry, features: Features, request: AdRequest) -> bool:
    """Return whether format, language, money, time, place, device and app fit."""
    wanted = set(app.formats if request.formats is None else request.formats) & set(app.formats)
    language_fits = (
        features.language in ad.languages and features.language in ad.texts
        if ad.languages
        else features.language in ad.texts or Language.ENG in ad.texts
    )
    return (
        ad.format in wanted & formats_for(features.opportunity_milli / 1000)
        and language_fits
        and ad.currency == app.currency
        and (ad.starts_ms is None or ad.starts_ms <= request.now_ms)
        and (ad.ends_ms is None or request.now_ms < ad.ends_ms)
        and (not ad.weekdays or utc(request.now_ms).isoweekday() in ad.weekdays)
        and (not ad.geos or (request.geo or "").upper() in {geo.upper() for geo in ad.geos})
        and (not ad.devices or (request.device or "").lower() in ad.devices)
        and (not ad.apps or app.app_id in ad.apps)
        and app.app_id not in ad.blocked_apps
    )
