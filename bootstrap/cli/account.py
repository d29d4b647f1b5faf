"""`account new`: the first key of an organisation; further keys are made over the API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bootstrap.cli.here import current_settings
from bootstrap.cli.output import Json, guarded, line, print_json
from bootstrap.services import open_services
from bootstrap.snapshots import compile_and_publish
from catalog.access import ADVERTISER_SCOPES, PUBLISHER_SCOPES, AccessService
from catalog.service import CatalogService
from domain.errors import BadInput

_SCOPES = {"advertiser": ADVERTISER_SCOPES, "publisher": PUBLISHER_SCOPES}


@guarded
def new(
    name: Annotated[str, typer.Argument(help="What people call the organisation.")],
    kind: Annotated[str, typer.Option(help="advertiser or publisher")] = "advertiser",
    legal_name: Annotated[
        str | None, typer.Option(help="Who pays; shown beside an advertiser's ads.")
    ] = None,
    tier: Annotated[str, typer.Option(help="Rate tier: free or pro")] = "free",
    currency: Annotated[str, typer.Option(help="What a publisher's app settles in.")] = "USD",
    country: Annotated[
        str | None, typer.Option(help="Country of most users of a publisher's app, e.g. US.")
    ] = None,
    web: Annotated[
        bool, typer.Option(help="A web app asks by its id alone, without a key.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an organisation and its first key (and, for a publisher, an app).

    The key is shown once and cannot be read again.
    """
    if kind not in _SCOPES or tier not in ("free", "pro"):
        raise BadInput("bad_kind", "Use --kind advertiser or publisher, and --tier free or pro.")
    made = asyncio.run(_make(name, kind, legal_name, tier, currency, country, web))
    if as_json:
        print_json(made)
        return
    for what, value in made.items():
        line("+", what, str(value))


async def _make(
    name: str,
    kind: str,
    legal_name: str | None,
    tier: str,
    currency: str,
    country: str | None,
    web: bool,
) -> dict[str, Any]:
    async with open_services(current_settings(), pool_size=2) as services:
        async with services.db.system() as session:
            access = AccessService(session, services.ids, services.clock, services.new_secret)
            org = await access.create_organisation(kind, name, legal_name=legal_name, tier=tier)
            made = {"organisation": org.id}
            if kind == "publisher":
                app = await access.create_app(
                    org.id, name, currency=currency, default_geo=country, web=web
                )
                made["app"] = app.id
            else:
                catalog = CatalogService(session, services.ids, services.clock)
                await catalog.brand_kit(org.id, org.name, org.legal_name)
            _, made["key"] = await access.issue_key(org.id, _SCOPES[kind], name="first")
        if kind == "publisher":
            await compile_and_publish(services)
    return made
