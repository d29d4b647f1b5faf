"""What the catalogue hands to the compiler: the only thing that crosses the seam between the planes."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from domain.formats import AdFormat, BidModel


class AdText(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads, in one language.

    Attributes:
        title: At most 60 characters.
        description: At most 160 characters.
        cta_text: Button text, at most 25 characters.
        question: `followup` only: the question shown as a tappable card, at most 100 characters.
        success_message: `lead_gen` only: shown after the form was sent.
        placeholder: `lead_gen` only: hint in the empty form field.
    """

    title: str
    description: str
    cta_text: str
    question: str | None = None
    success_message: str | None = None
    placeholder: str | None = None


class CapScope(StrEnum):
    """Within what a frequency cap counts."""

    USER = "user"
    CONVERSATION = "conversation"
    CAMPAIGN = "campaign"
    ACCOUNT = "account"


class Cap(msgspec.Struct, frozen=True):
    """A frequency cap: at most so many ads within a sliding window.

    Attributes:
        scope: Whose ads are counted: those one user saw, those of one conversation, of the campaign as a
            whole, or of the advertiser's account.
        limit: Most ads within the window, at least 1.
        window_ms: Length of the window, milliseconds.
    """

    scope: CapScope
    limit: int
    window_ms: int


class Pacing(StrEnum):
    """How a budget is spread over its day."""

    EVEN = "even"
    ASAP = "asap"


class AdEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One ad of a live campaign, as the serving plane needs it.

    Attributes:
        ad_id, campaign_id, creative_id, advertiser_id: Ids.
        advertiser_name: Shown beside the ad.
        payer: Who pays for it, shown beside the ad (DSA Art. 26).
        format: Ad format.
        texts: By ISO 639-3 code; at least one.
        landing_url: http(s) address.
        image_url: Picture, or None.
        tags: English keywords, lower case, 1 to 4 words each.
        negative_tags: Keywords that exclude the ad.
        bid_model, bid_micros, currency: What is offered, per click (CPC) or per 1,000 impressions (CPM).
        quality_ppm: Quality in parts per million (1_000_000 = average).
        geos: ISO 3166-1 alpha-2; empty = everywhere.
        languages: ISO 639-3; empty = every served language.
        starts_ms, ends_ms: Schedule, UTC milliseconds, end exclusive; None = open.
        blocked_topics: Host topics beside which the advertiser does not want to stand.
        budget_total_micros, budget_daily_micros: Caps; None = none.
        house: House ads rank below every paid ad.
        devices: `desktop`, `mobile`, `tablet`, `tv`, `watch`, `speaker`, `car`; empty = all.
        weekdays: ISO days of the week (1 = Monday … 7), UTC; empty = all.
        apps: App ids it may be shown in; empty = all.
        blocked_apps: App ids it may not be shown in.
        topics: IAB Content Taxonomy ids it is bought on, beside its tags.
        caps: Frequency caps; all of them hold.
        pacing: How the budget is spread.
        pace_ppm: Share of auctions the pacing controller lets the campaign take part in, parts per million.
    """

    ad_id: str
    campaign_id: str
    creative_id: str
    advertiser_id: str
    advertiser_name: str
    payer: str
    format: AdFormat
    texts: dict[str, AdText]
    landing_url: str
    image_url: str | None = None
    tags: tuple[str, ...] = ()
    negative_tags: tuple[str, ...] = ()
    bid_model: BidModel = BidModel.CPC
    bid_micros: int = 0
    currency: str = "USD"
    quality_ppm: int = 1_000_000
    geos: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    starts_ms: int | None = None
    ends_ms: int | None = None
    blocked_topics: tuple[str, ...] = ()
    budget_total_micros: int | None = None
    budget_daily_micros: int | None = None
    house: bool = False
    devices: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    apps: tuple[str, ...] = ()
    blocked_apps: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    pacing: Pacing = Pacing.ASAP
    pace_ppm: int = 1_000_000


class AppEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One publisher app (host chat product) that may ask for ads.

    Attributes:
        app_id, publisher_id: Ids.
        formats: Formats the host shows.
        currency: ISO 4217 it settles in; only ads bidding in it compete.
        reserve_micros: Lowest price per click the host accepts.
        default_geo: ISO 3166-1 alpha-2 of most of its users; stands in where a request names none.
        blocked_advertisers, blocked_topics: What the host does not want.
        allowed_advertisers: The only advertisers the host takes; empty = all.
        relevance_floor_ppm: Least relevance of a match that the host wants, parts per million.
    """

    app_id: str
    publisher_id: str
    formats: tuple[AdFormat, ...]
    currency: str = "USD"
    reserve_micros: int = 50_000
    default_geo: str | None = None
    blocked_advertisers: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    allowed_advertisers: tuple[str, ...] = ()
    relevance_floor_ppm: int = 0


class CatalogueExport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be served at one moment, in a canonical order (by id).

    Attributes:
        ads: Ads of live campaigns with an approved creative.
        apps: Active publisher apps.
    """

    ads: tuple[AdEntry, ...] = ()
    apps: tuple[AppEntry, ...] = ()
