# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Compile time: what is read of every ad, and its entry in a block; compiled or not (types: `_entries.pxd`)."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.catalogue import Pacing

#: Between fields, for an absent field, for a payer of the advertiser's name.
FIELD, NONE, SAME = "\x1f", "\x1e", "\x1c"
_CONTROLS = bytes(range(9)) + bytes(range(11, 13)) + bytes(range(14, 32))
#: Each stands for a form of one of the ad's first tags.
_MARKS = tuple(bytes([code]) for code in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15))
_FORMS = 3
_TAGS = 4
_LEAST = 3
_ASAP = Pacing.ASAP
_encode = msgspec.msgpack.Encoder()
_astuple = msgspec.structs.astuple


def forms_of(tags: Any) -> Any:
    """Return the marks and what they stand for: each of the first tags as it is, as a title and in an address.

    Args:
        tags: UTF-8 of an ad's tags, in order.
    """
    found = []
    for i in range(min(len(tags), _TAGS)):
        form = tags[i]
        if len(form) < _LEAST:
            continue
        found.append((_MARKS[_FORMS * i], form))
        title = form.title()
        if title != form:
            found.append((_MARKS[_FORMS * i + 1], title))
        if b" " in form:
            found.append((_MARKS[_FORMS * i + 2], form.replace(b" ", b"-")))
    return found


def entry_of(ad: Any, tags: Any, rest: Any) -> Any:
    """Return the bytes of one ad, or None where its texts hold control characters.

    Args:
        ad: The ad.
        tags: UTF-8 of its canonical tags, in order.
        rest: What few ads have, as text.
    """
    name = ad.advertiser_name
    image = ad.image_url
    payer = ad.payer
    parts = [name, payer, ad.landing_url, image, rest]
    signs = 0
    if payer == name:
        parts[1] = SAME
        signs += 1
    if image is None:
        parts[3] = NONE
        signs += 1
    for language, text in ad.texts.items():
        parts.append(language)
        parts.append(text.title)
        parts.append(text.description)
        parts.append(text.cta_text)
        for one in (text.question, text.success_message, text.placeholder):
            if one is None:
                parts.append(NONE)
                signs += 1
            else:
                parts.append(one)
    data = FIELD.join(parts).encode()
    if len(data) - len(data.translate(None, _CONTROLS)) != len(parts) - 1 + signs:
        return None
    # As `forms_of` has them.
    for i in range(min(len(tags), _TAGS)):
        form = tags[i]
        if len(form) < _LEAST:
            continue
        data = data.replace(form, _MARKS[_FORMS * i])
        title = form.title()
        if title != form:
            data = data.replace(title, _MARKS[_FORMS * i + 1])
        if b" " in form:
            data = data.replace(form.replace(b" ", b"-"), _MARKS[_FORMS * i + 2])
    return data


class Entries:
    """The entries of a catalogue's ads, each made when asked for.

    Args:
        ads: In number order.
        names: UTF-8 of all tags. offsets, values: int64: ad → numbers of its tags.
        rest: Ad → what few ads have, as text.
    """

    def __init__(self, ads: Any, names: Any, offsets: Any, values: Any, rest: Any) -> None:
        self.ads = ads
        self.names = names
        self.offsets = offsets
        self.values = values
        self.rest = rest
        self.common: dict[Any, Any] = {}

    def entry(self, number: Any) -> Any:
        """Return the bytes of an ad, or None where its texts hold control characters."""
        ad = self.ads[number]
        tags = []
        for at in range(self.offsets[number], self.offsets[number + 1]):
            tags.append(self.names[self.values[at]])
        # UTF-8 sorts as the texts do.
        tags.sort()
        return entry_of(ad, tags, self.rest_of(ad))

    def rest_of(self, ad: Any) -> Any:
        """Return what few ads have, as text; most have nothing but a total budget."""
        if (
            ad.pacing is not _ASAP or ad.budget_daily_micros is not None or ad.languages or ad.weekdays
            or ad.devices or ad.apps or ad.blocked_apps or ad.topics or ad.blocked_topics or ad.caps
        ):  # fmt: skip
            return self.rest(ad)
        budget = ad.budget_total_micros
        said = self.common.get(budget)
        if said is None:
            said = self.common[budget] = self.rest(ad)
        return said


def rest_key(ad: Any) -> Any:
    """Return what few ads have and no array holds, in the order of `blocks.Rest`."""
    return (
        ad.languages, ad.weekdays, ad.devices, ad.apps, ad.blocked_apps, ad.topics, ad.blocked_topics,
        ad.caps, ad.pacing, ad.budget_total_micros, ad.budget_daily_micros,
    )  # fmt: skip


def digests(ads: Any, empty: Any) -> Any:
    """Return what names the content of each ad, one behind the other.

    Args:
        ads: The ads.
        empty: A hash of nothing, from `hashlib`.
    """
    buffer = bytearray()
    out = []
    for ad in ads:
        _encode.encode_into(_astuple(ad), buffer)
        digest = empty.copy()
        digest.update(buffer)
        out.append(digest.digest())
    return b"".join(out)


class Codes:
    """Numbers for values, in the order they come.

    Attributes:
        listed: The values.

    Args:
        listed: Values that have a number already.
    """

    def __init__(self, listed: Any = ()) -> None:
        self.listed = list(listed)
        self._known = {value: code for code, value in enumerate(self.listed)}

    def of(self, value: Any) -> Any:
        """Return the number of a value."""
        code = self._known.get(value)
        if code is None:
            code = self._known[value] = len(self.listed)
            self.listed.append(value)
        return code


def read(ads: Any, formats: Any, models: Any, codes: Any, out: Any) -> Any:
    """Write what of each ad is a number, or becomes one; return what is not.

    Args:
        ads: The ads.
        formats: What the numbers of formats stand for.
        models: What those of bid models stand for.
        codes: `Codes` of currencies, of (languages, languages of its texts), and of schedules and targets; 0 of
            the last is an ad without any.
        out: int64, one row for each of `compile_facts.COLUMNS`, and the numbers of tags and of negative tags.

    Returns:
        The ids in four lists, as in `compile_ids.ID_FIELDS`; all tags, one behind the other; all negative tags;
        (ad, topics it is bought on) of those that are; (ad, topics it keeps away from) of those that do.

    Raises:
        ValueError: A format or bid model nobody knows.
    """
    currencies, languages, bounds = codes
    found: Any = ([], [], [], [], [], [], [], [])
    advertisers, campaigns, own, creatives, tags, negatives, topics, away = found
    currency = None
    code = 0
    for i in range(len(ads)):
        ad = ads[i]
        out[0, i] = ad.bid_micros
        out[1, i] = ad.quality_ppm
        out[2, i] = min(max(ad.pace_ppm, 0), 1_000_000)
        out[3, i] = 1 if ad.house else 0
        out[4, i] = _place(formats, ad.format)
        out[5, i] = _place(models, ad.bid_model)
        if currency is None or ad.currency != currency:
            currency = ad.currency
            code = currencies.of(currency)
        out[6, i] = code
        out[7, i] = languages.of((ad.languages, tuple(ad.texts)))
        advertisers.append(ad.advertiser_id)
        campaigns.append(ad.campaign_id)
        own.append(ad.ad_id)
        creatives.append(ad.creative_id)
        listed = ad.tags
        out[9, i] = len(listed)
        tags.extend(listed)
        listed = ad.negative_tags
        out[10, i] = len(listed)
        if listed:
            negatives.extend(listed)
        listed = ad.topics
        if listed:
            topics.append((i, listed))
        listed = ad.blocked_topics
        if listed:
            away.append((i, listed))
        geos = ad.geos
        starts = ad.starts_ms
        ends = ad.ends_ms
        devices = ad.devices
        weekdays = ad.weekdays
        apps = ad.apps
        blocked = ad.blocked_apps
        free = starts is None and ends is None
        if free and not (geos or devices or weekdays or apps or blocked):
            out[8, i] = 0
        else:
            bound = (
                starts,
                ends,
                tuple(devices),
                tuple(weekdays),
                tuple(geos),
                tuple(apps),
                tuple(blocked),
            )
            out[8, i] = bounds.of(bound)
    return found


def _place(known: Any, value: Any) -> Any:
    for i in range(len(known)):
        if known[i] is value:
            return i
    return known.index(value)
