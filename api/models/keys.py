"""Keys and apps on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from api.models.common import In, Line, Moment, Out, example
from domain.formats import AdFormat

Label = Annotated[Line, Field(min_length=1, max_length=100)]


class CreateKey(BaseModel):
    """A key to make; it cannot do more than the key that makes it."""

    model_config = example(
        {
            "name": "Reporting job",
            "scopes": ["reports:read"],
            "app_id": None,
            "expires_in_days": 90,
        }
    )

    name: Label
    scopes: list[str] = Field(min_length=1, max_length=20)
    app_id: str | None = Field(None, description="The only app the key may speak for.")
    expires_in_days: int | None = Field(None, ge=1, le=3_650)


class RotateKey(BaseModel):
    """How long the old key works on beside its successor."""

    model_config = example({"grace_hours": 24})

    grace_hours: int = Field(24, ge=0, le=168)


class KeyOut(Out):
    """A key without its secret."""

    id: str
    name: str
    hint: str = Field(description="The secret's last four characters.")
    scopes: list[str]
    app_id: str | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    replaces: str | None


class NewKey(KeyOut):
    """A fresh key."""

    secret: str = Field(description="Shown once; it cannot be read again.")


class AppRules(In):
    """What the host wants beside its chats, and what it does not."""

    relevance_floor_ppm: int = Field(
        default=0, description="Least relevance of a match, parts per million; 0 = any."
    )
    allowed_advertisers: list[Line] = Field(
        default=[], max_length=200, description="Only these organisations; empty = all."
    )
    blocked_advertisers: list[Line] = Field(default=[], max_length=200)
    blocked_topics: list[Line] = Field(
        default=[], max_length=200, description="Words, phrases or IAB ids."
    )
    passes_user_ids: bool = Field(
        default=False,
        description="Its requests carry opaque user ids (with consent), so users can be counted.",
    )


class ChangeApp(AppRules):
    """New rules of an app; those left out stay."""

    model_config = example({"relevance_floor_ppm": 300_000, "blocked_topics": ["gambling"]})


class CreateApp(AppRules):
    """A publisher's chat product."""

    model_config = example(
        {
            "name": "Travel helper",
            "formats": ["action_card", "followup"],
            "currency": "USD",
            "reserve_micros": 50_000,
            "default_geo": "US",
            "web": True,
            "blocked_topics": ["gambling"],
            "passes_user_ids": True,
        }
    )

    name: Label
    formats: list[AdFormat] = Field(default=list(AdFormat), min_length=1, max_length=4)
    currency: str = "USD"
    reserve_micros: int | None = Field(
        None,
        ge=0,
        le=1_000_000_000,
        description="Lowest price per click; five of the currency's smallest units if left out.",
    )
    default_geo: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="Country of most of its users; used where a request names none.",
    )
    web: bool = Field(False, description="A web app asks by its id alone, without a secret.")


class AppOut(Out):
    """An app."""

    id: str
    name: str
    status: str
    formats: list[str]
    currency: str
    reserve_micros: int
    default_geo: str | None
    web: bool
    relevance_floor_ppm: int
    allowed_advertisers: list[str]
    blocked_advertisers: list[str]
    blocked_topics: list[str]
    passes_user_ids: bool
    created_at: Moment
