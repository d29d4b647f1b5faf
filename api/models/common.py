"""Shapes that several resources share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.money import Money


def _plain(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the NUL character")
    return value.strip()


#: Text of a person: stripped, without characters that PostgreSQL cannot hold.
Line = Annotated[str, AfterValidator(_plain)]


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits or parts.username or any(c.isspace() for c in value):
        raise ValueError("must be an http(s) address without user name")
    return value


WebAddress = Annotated[Line, Field(max_length=2_000), AfterValidator(_web_address)]


class In(BaseModel):
    """A request body; fields it does not know are refused, so that a typo is not lost."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True)


class MoneyOut(Out):
    """An amount of money."""

    micros: int = Field(description="Millionths of one unit of the currency.")
    currency: str = Field(description="ISO 4217.")
    text: str = Field(description="For people, e.g. `12.50 USD`.")


class ProblemOut(Out):
    """RFC 9457 problem+json: what every failure looks like."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str = Field(description="Stable, for programs.")
    detail: str = Field(description="One sentence a person can act on.")


def money(micros: int, currency: str) -> MoneyOut:
    """Return an amount as it goes out."""
    return MoneyOut(micros=micros, currency=currency, text=str(Money(micros, currency)))


def cap(micros: int | None, currency: str) -> MoneyOut | None:
    """Return a cap as it goes out; None = none."""
    return None if micros is None else money(micros, currency)


def example(value: dict[str, Any]) -> ConfigDict:
    """Return a model configuration with one example request, shown in the docs and tested."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


Moment = datetime
