"""The four ad formats, the five intents and the thresholds between them (design.md §6)."""

from __future__ import annotations

from enum import StrEnum

T_LOW = 0.3
T_HIGH = 0.7
COOLDOWN_MS = 60_000
EXPLORE_RATE = 0.05
EXPLORE_TOP = 5


class AdFormat(StrEnum):
    """How an ad appears in a chat."""

    ACTION_CARD = "action_card"
    LEAD_GEN = "lead_gen"
    STATIC = "static"
    FOLLOWUP = "followup"


class Intent(StrEnum):
    """What the user is doing, from "never advertise here" to "about to buy"."""

    SENSITIVE = "sensitive"
    CHITCHAT = "chitchat"
    LOW_INTENT = "low_intent"
    MEDIUM_COMMERCIAL = "medium_commercial"
    HIGH_COMMERCIAL = "high_commercial"


class BidModel(StrEnum):
    """What the advertiser pays for."""

    CPC = "cpc"
    CPM = "cpm"


class EventType(StrEnum):
    """What can happen to a shown ad."""

    IMPRESSION = "impression"
    CLICK = "click"
    SUBMIT = "submit"
    DISMISS = "dismiss"


#: Formats that may be shown while the opportunity is in [T_LOW, T_HIGH).
QUIET_FORMATS = frozenset({AdFormat.STATIC, AdFormat.FOLLOWUP})
ALL_FORMATS = frozenset(AdFormat)


def formats_for(opportunity: float) -> frozenset[AdFormat]:
    """Return the formats that an opportunity in [0, 1] allows."""
    if opportunity < T_LOW:
        return frozenset()
    return QUIET_FORMATS if opportunity < T_HIGH else ALL_FORMATS


#: What a person reads beside every ad, by language.
LABELS: dict[str, str] = {"eng": "Ad", "jpn": "広告"}
