"""Keys and apps on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from api.models.common import Line, Moment, Out, example
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


class CreateApp(BaseModel):
    """A publisher's chat product."""

    model_config = example(
        {
            "name": "Travel helper",
            "formats": ["action_card", "followup"],
            "currency": "USD",
            "reserve_micros": 50_000,
            "default_geo": "US",
            "web": True,
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
    created_at: Moment
