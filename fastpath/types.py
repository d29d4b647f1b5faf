"""What the fast path is asked and what it answers: the words of the serving plane."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from auction.types import Rule
from domain.formats import AdFormat, Intent


class Reason(StrEnum):
    """Why there is an ad, why there is none, or why one candidate was dropped. Stable codes."""

    SERVED = "served"
    INVALID = "invalid"
    TOO_LONG = "too_long"
    UNKNOWN_APP = "unknown_app"
    NO_CONSENT = "no_consent"
    SENSITIVE = "sensitive"
    RESTRICTED = "restricted"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    LOW_OPPORTUNITY = "low_opportunity"
    NO_MATCH = "no_match"
    FORMAT_NOT_ALLOWED = "format_not_allowed"
    LANGUAGE = "language"
    CURRENCY = "currency"
    SCHEDULE = "schedule"
    WEEKDAY = "weekday"
    GEO = "geo"
    DEVICE = "device"
    APP_NOT_ALLOWED = "app_not_allowed"
    BLOCKED = "blocked"
    MUTED = "muted"
    NEGATIVE_TAG = "negative_tag"
    BUDGET = "budget"
    FREQUENCY = "frequency"
    PACED = "paced"
    RELEVANCE = "relevance"
    BELOW_RESERVE = "below_reserve"
    OUTRANKED = "outranked"
    HOUSE = "house"
    COOLDOWN = "cooldown"
    STATE_UNAVAILABLE = "state_unavailable"
    TEST_AD = "test_ad"


class Turn(msgspec.Struct, frozen=True):
    """One message of the conversation.

    Attributes:
        role: `user`, `assistant` or `system`.
        text: What was said; read, never stored.
    """

    role: str
    text: str


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the user agreed to. None means "not asked".

    Attributes:
        ads: False: no ad at all. None or True: contextual ads.
        personalisation: Only True allows the user id to play a part.
        measurement: Only True allows events to be joined to a user.
    """

    ads: bool | None = None
    personalisation: bool | None = None
    measurement: bool | None = None


class AdRequest(msgspec.Struct, frozen=True):
    """One chat turn that may carry an ad.

    Attributes:
        request_id: Fresh id; also the seed of every draw.
        app_id, conversation_id, message_id: Who asks, in which conversation, for which message; the
            three together make a repeated request return the first answer.
        turns: The conversation, oldest first, ending with the message to answer.
        now_ms: The service's clock, UTC milliseconds; never the client's.
        formats: What the host can show here; None = whatever the app shows.
        language: Host's hint, ISO 639-1 or -3.
        user_id: Opaque id; ignored without personalisation consent.
        geo: ISO 3166-1 alpha-2 or None. device: one of `layout.DEVICES`; anything else counts as unknown.
        topics: Topics the host declares for this conversation, tags or IAB Content Taxonomy ids: they bring
            candidates, and keep away ads that do not want to stand beside them.
        consent: See `Consent`.
        blocked_advertisers: Advertisers this user muted.
        blocked_topics: Topics this user muted, tags or IAB ids.
        test: Ask for a test ad: labelled as one, never billed, never recorded as spend.
    """

    request_id: str
    app_id: str
    conversation_id: str
    message_id: str
    turns: tuple[Turn, ...]
    now_ms: int
    formats: tuple[AdFormat, ...] | None = None
    language: str | None = None
    user_id: str | None = None
    geo: str | None = None
    device: str | None = None
    topics: tuple[str, ...] = ()
    consent: Consent = Consent()
    blocked_advertisers: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    test: bool = False


class Match(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A tag that was found.

    Attributes:
        tag: Tag number in the snapshot.
        form: Surface form number (the tag itself, or one of its Japanese forms).
        age: How many user turns ago, 0 = the latest.
        asked: Whether the user said it; words of the assistant only count against an ad.
    """

    tag: int
    form: int
    age: int
    asked: bool


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of the text: numbers, codes and snapshot references; never words of the chat.

    Attributes:
        refusal: Set when the text alone forbids an ad.
        language: ISO 639-3, or `und`.
        language_why: How the language was found: `script`, `words`, `hint`, `history`, `default`.
        categories: Sensitive or restricted categories found, sorted.
        intent: One of the five intents.
        opportunity_milli: Opportunity in thousandths, 0 to 1000.
        signals: Names of the intent features that fired, sorted.
        matches: Tags found, in tag order.
        cut: How many matches were left out by the cap.
        similar: Ads found by meaning: (ad number, relevance in parts per million), in ad order.
    """

    refusal: Reason | None
    language: str
    language_why: str
    categories: tuple[str, ...] = ()
    intent: Intent = Intent.LOW_INTENT
    opportunity_milli: int = 0
    signals: tuple[str, ...] = ()
    matches: tuple[Match, ...] = ()
    cut: int = 0
    similar: tuple[tuple[int, int], ...] = ()


class Context(msgspec.Struct, frozen=True, gc=False):
    """What the choice depends on besides the text; goes into the decision record.

    Attributes:
        request_id, app_id, now_ms, formats, geo, topics, blocked_advertisers, blocked_topics, test: As in
            `AdRequest`, without topics and advertisers that the snapshot does not know. The seed of every
            draw is `request_id`; the day of the week is that of `now_ms`, UTC.
        device: One of `layout.DEVICES`, or None when unknown.
        consent_ads: As in `Consent`.
        spent_campaigns: Campaigns whose budget was found used up, sorted.
        capped_campaigns: Campaigns found at a frequency cap, of whatever scope, sorted.
        shown: (campaign, how often this conversation or consenting user saw it), sorted: see
            `eligibility.KEEP_PPM`.
        paces: (campaign, share of auctions) known at that moment and other than in the snapshot, of the
            campaigns it mattered for, sorted; see `Proposal.paces`.
        rule: Which price is charged; the other one is the shadow.
    """

    request_id: str
    app_id: str
    now_ms: int
    formats: tuple[AdFormat, ...] | None = None
    geo: str | None = None
    topics: tuple[str, ...] = ()
    blocked_advertisers: tuple[str, ...] = ()
    consent_ads: bool | None = None
    spent_campaigns: tuple[str, ...] = ()
    device: str | None = None
    blocked_topics: tuple[str, ...] = ()
    capped_campaigns: tuple[str, ...] = ()
    shown: tuple[tuple[str, int], ...] = ()
    test: bool = False
    paces: tuple[tuple[str, int], ...] = ()
    rule: Rule = Rule.GSP


class Scored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One candidate as the choice saw it.

    Attributes:
        ad: Ad number in the snapshot.
        ad_id: Its id.
        reason: Why it was dropped; None = it took part in the auction.
        pctr_ppm, bid_micros, weight, reserve_micros: What it was ranked by; 0 when dropped before.
        form: Surface form that did most to bring it in; -1 = a topic the host declared, or its meaning.
        relevance_ppm: How well it fits what was said; see `choose`.
    """

    ad: int
    ad_id: str
    reason: Reason | None
    pctr_ppm: int = 0
    bid_micros: int = 0
    weight: int = 0
    reserve_micros: int = 0
    form: int = -1
    relevance_ppm: int = 0


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """What the choice wants to show, before the state has agreed.

    Attributes:
        reason: `served`, `test_ad`, or why there is no ad.
        winner: The chosen candidate, or None.
        rank: Its rank before exploration, 0 = best.
        propensity_ppm: The chance with which it was chosen. propensities: that of each of the top ranks
            that exploration looks at, best first; 0 = too far behind to be explored.
        price_micros: Charge per billable unit; one of the next two.
        gsp_micros, vcg_micros: What either rule would charge.
        hold_micros: What the budget must be able to bear for this one offer.
        eligible: Ranked candidates, best first; all, or as many as were asked for.
        eligible_count: How many there are.
        dropped: Candidates with the reason each was dropped for, in ad order; all, or as many as were
            asked for.
        dropped_counts: How many were dropped, by reason code, sorted by it.
        cut: Candidates left out by the cap.
        paces: Shares of auctions that played a part; belong into the context of the record.
    """

    reason: Reason
    winner: Scored | None = None
    rank: int = 0
    propensity_ppm: int = 0
    propensities: tuple[int, ...] = ()
    price_micros: int = 0
    gsp_micros: int = 0
    vcg_micros: int = 0
    hold_micros: int = 0
    eligible: tuple[Scored, ...] = ()
    eligible_count: int = 0
    dropped: tuple[Scored, ...] = ()
    dropped_counts: dict[str, int] = {}
    cut: int = 0
    paces: tuple[tuple[str, int], ...] = ()


class AdPayload(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The ad on the wire, in the field names of the Ceed web SDK plus label, payer and reason.

    Attributes:
        label: "Ad" or "広告". payer: who pays. why: one sentence in the user's language.
        The rest is what the advertiser wrote; `question`, `success_message`, `placeholder` only where
        the format has them.
    """

    id: str
    advertiser_id: str
    advertiser_name: str
    format: AdFormat
    title: str
    description: str
    cta_text: str
    cta_url: str
    label: str
    payer: str
    why: str
    image_url: str | None = None
    question: str | None = None
    success_message: str | None = None
    placeholder: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the host gets back.

    Attributes:
        request_id: Echo; of the first request when this one repeats it.
        ad: The ad, or None. reason: `served` or why not.
        language, intent, opportunity: What was understood.
        snapshot: Id of the snapshot that decided.
        nonce: Token that events about this ad must carry. expires_ms: until when.
        receipt: Signed proof of ad, label, payer, snapshot and price.
    """

    request_id: str
    ad: AdPayload | None
    reason: Reason
    language: str
    intent: Intent
    opportunity: float
    snapshot: str
    nonce: str | None = None
    expires_ms: int | None = None
    receipt: str | None = None
