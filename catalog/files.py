"""Catalogue files: one ad per line (JSON Lines) or a JSON array, for import and for compiling without a database.

A row names its advertiser, its campaign and the ad:

    {"advertiser": "Kaze Trail", "campaign": "Autumn", "format": "action_card",
     "texts": {"eng": {"title": "…", "description": "…", "cta_text": "…"}},
     "url": "https://…", "tags": ["trail running shoes"],
     "bid": "0.50", "bid_model": "cpc", "currency": "USD", "budget_total": "300", "geos": ["JP"]}

`devices`, `weekdays`, `apps`, `blocked_apps`, `topics` (IAB ids), `caps` ([{"scope": "user", "limit": 3,
"window_ms": 86400000}]) and `pacing` (`even` or `asap`) stand for themselves.
`texts` may be left out for plain `title`, `description`, `cta_text` (English). Broken rows are reported
with line and reason; the others are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from catalog.specs import CampaignSpec, CreativeSpec, check_campaign, check_creative, check_name
from domain.catalogue import AdEntry, AdText, Cap, CatalogueExport, Pacing
from domain.errors import BadInput, ParleyError
from domain.formats import AdFormat, BidModel
from domain.ids import stable_id
from domain.money import Money
from domain.product import RowProblem

MAX_ROWS = 1_000_000


class AdRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row as written. Money is a decimal string in units of `currency`."""

    advertiser: str
    url: str
    tags: list[str]
    campaign: str = "Imported"
    payer: str | None = None
    format: AdFormat = AdFormat.ACTION_CARD
    texts: dict[str, AdText] = {}
    title: str | None = None
    description: str | None = None
    cta_text: str = "See details"
    image_url: str | None = None
    negative_tags: list[str] = []
    bid: str = "0.50"
    bid_model: BidModel = BidModel.CPC
    currency: str = "USD"
    budget_total: str | None = None
    budget_daily: str | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    geos: list[str] = []
    languages: list[str] = []
    blocked_topics: list[str] = []
    quality_ppm: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 1_000_000
    house: bool = False
    devices: list[str] = []
    weekdays: list[int] = []
    apps: list[str] = []
    blocked_apps: list[str] = []
    topics: list[str] = []
    caps: list[Cap] = []
    pacing: Pacing = Pacing.ASAP

    def campaign_spec(self) -> CampaignSpec:
        """Return the campaign that this row belongs to."""
        return CampaignSpec(
            name=self.campaign,
            currency=self.currency,
            bid_micros=Money.parse(self.bid, self.currency).micros,
            bid_model=self.bid_model,
            budget_total_micros=_micros(self.budget_total, self.currency),
            budget_daily_micros=_micros(self.budget_daily, self.currency),
            starts_ms=self.starts_ms,
            ends_ms=self.ends_ms,
            geos=tuple(self.geos),
            languages=tuple(self.languages),
            blocked_topics=tuple(self.blocked_topics),
            house=self.house,
            devices=tuple(self.devices),
            weekdays=tuple(self.weekdays),
            apps=tuple(self.apps),
            blocked_apps=tuple(self.blocked_apps),
            topics=tuple(self.topics),
            caps=tuple(self.caps),
            pacing=self.pacing,
        )

    def creative_spec(self, key: str) -> CreativeSpec:
        """Return the creative that this row describes."""
        texts = self.texts or {
            "eng": AdText(
                title=self.title or "", description=self.description or "", cta_text=self.cta_text
            )
        }
        return CreativeSpec(
            key=key,
            format=self.format,
            texts=texts,
            landing_url=self.url,
            image_url=self.image_url,
            tags=tuple(tag.strip().lower() for tag in self.tags),
            negative_tags=tuple(tag.strip().lower() for tag in self.negative_tags),
        )


def read_ad_rows(data: bytes, now_ms: int) -> tuple[list[tuple[int, AdRow]], list[RowProblem]]:
    """Read and check a catalogue file.

    Args:
        data: The file, UTF-8.
        now_ms: Against which ends are checked.

    Returns:
        Usable rows with their line (or item) numbers, and what is wrong with the others.

    Raises:
        BadInput: if it is not JSON Lines or a JSON array at all.
    """
    rows: list[tuple[int, AdRow]] = []
    problems: list[RowProblem] = []
    for number, raw in _items(data):
        try:
            if isinstance(raw, ParleyError):
                raise raw
            row = msgspec.convert(raw, AdRow)
            check_name("advertiser", row.advertiser)
            check_name("payer", row.payer or row.advertiser)
            check_campaign(row.campaign_spec(), now_ms)
            check_creative(row.creative_spec(str(number)))
        except msgspec.ValidationError as error:
            problems.append(RowProblem(number, f"{error}."))
        except ParleyError as error:
            problems.append(RowProblem(number, error.detail))
        else:
            rows.append((number, row))
    return rows, problems


def export_of(rows: list[tuple[int, AdRow]]) -> CatalogueExport:
    """Return what the compiler takes, with ids made from the rows themselves."""
    ads = (_entry(number, row) for number, row in rows)
    return CatalogueExport(ads=tuple(sorted(ads, key=lambda ad: ad.ad_id)))


def _entry(number: int, row: AdRow) -> AdEntry:
    campaign, creative = row.campaign_spec(), row.creative_spec(str(number))
    advertiser_id = stable_id("org", row.advertiser)
    campaign_id = stable_id("cmp", row.advertiser, row.campaign)
    creative_id = stable_id("crt", campaign_id, str(number), row.url, *creative.tags)
    return AdEntry(
        ad_id=stable_id("ad", creative_id),
        campaign_id=campaign_id,
        creative_id=creative_id,
        advertiser_id=advertiser_id,
        advertiser_name=row.advertiser,
        payer=row.payer or row.advertiser,
        format=creative.format,
        texts=creative.texts,
        landing_url=creative.landing_url,
        image_url=creative.image_url,
        tags=creative.tags,
        negative_tags=creative.negative_tags,
        bid_model=campaign.bid_model,
        bid_micros=campaign.bid_micros,
        currency=campaign.currency,
        quality_ppm=row.quality_ppm,
        geos=campaign.geos,
        languages=campaign.languages,
        starts_ms=campaign.starts_ms,
        ends_ms=campaign.ends_ms,
        blocked_topics=campaign.blocked_topics,
        budget_total_micros=campaign.budget_total_micros,
        budget_daily_micros=campaign.budget_daily_micros,
        house=campaign.house,
        devices=campaign.devices,
        weekdays=campaign.weekdays,
        apps=campaign.apps,
        blocked_apps=campaign.blocked_apps,
        topics=campaign.topics,
        caps=campaign.caps,
        pacing=campaign.pacing,
    )


def _items(data: bytes) -> Iterator[tuple[int, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            "catalogue_not_utf8", "The catalogue file is not UTF-8 text; save it as UTF-8."
        ) from error
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except (ValueError, RecursionError) as error:
            raise BadInput(
                "catalogue_not_json", f"The catalogue is not valid JSON: {error}."
            ) from error
        return
    # Not `splitlines`: it also breaks at signs that may stand inside a JSON text, such as U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if number > MAX_ROWS:
            raise BadInput("catalogue_too_long", f"The catalogue has more than {MAX_ROWS:,} rows.")
        if line.strip():
            yield number, _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return BadInput("row_not_json", "This line is not JSON.")


def _micros(amount: str | None, currency: str) -> int | None:
    return None if amount is None else Money.parse(amount, currency).micros
