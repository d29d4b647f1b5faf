"""Changes of the rules on the wire."""

from __future__ import annotations

from api.models.common import Out


class RuleChangeOut(Out):
    """One rule that came into force, was changed, or has to be looked at again."""

    rule: str
    platform: str
    what: str
    on: str
    before: list[str]
    after: list[str]
    source: str
    message: str


class TouchedOut(Out):
    """A running ad that a changed rule speaks against."""

    creative_id: str
    campaign_id: str
    rule: str
    field: str
    excerpt: str
    severity: str


class RuleUpdates(Out):
    """What changed in the rules since a day, and which ads it touches."""

    rules_hash: str
    changes: list[RuleChangeOut]
    touched: list[TouchedOut]
