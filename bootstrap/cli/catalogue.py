"""`catalog import` and `compile`: ads from files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bootstrap.accounts import ensure_accounts
from bootstrap.cli.output import guarded, line, out, print_json, working
from bootstrap.cli.service import Json, current_settings
from bootstrap.services import Services, open_services
from bootstrap.snapshots import compile_and_publish, compile_verified, mark_current
from catalog.files import AdRow, export_of, read_ad_rows
from catalog.lifecycle import CampaignStatus
from catalog.service import CatalogService
from domain.errors import BadInput
from domain.ids import stable_id
from domain.product import RowProblem
from domain.time import SystemClock

_WHO = "catalog import"


@guarded
def import_file(
    file: Annotated[Path, typer.Argument(help="Ads as JSON Lines or a JSON array.")],
    as_json: Json = False,
) -> None:
    """Import ads into the running installation's catalogue and take them live.

    Rows that cannot be used are reported with line and reason; the others are imported. The same file
    twice imports nothing new.
    """
    rows, problems = _read(file)
    with working("importing …", quiet=as_json):
        told = asyncio.run(_import(rows))
    _show({**told, "problems": problems}, problems, as_json)


@guarded
def compile_catalogue(
    catalog: Annotated[
        Path | None, typer.Option(help="A catalogue file; default: the installation's database.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for snapshots; needed with --catalog.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile what may be served into a snapshot; from a file it needs no service."""
    if catalog is None:
        with working("compiling …", quiet=as_json):
            told: dict[str, Any] = {"snapshot": asyncio.run(_publish())}
        _show(told, [], as_json)
        return
    if out_dir is None:
        raise BadInput("out_missing", "Say where the snapshot goes: --out DIR.")
    rows, problems = _read(catalog)
    with working("compiling …", quiet=as_json):
        out_dir.mkdir(parents=True, exist_ok=True)
        info = compile_verified(export_of(rows), out_dir, None, SystemClock().now_ms())
        mark_current(out_dir, info.snapshot_id)
    told = {"snapshot": info.snapshot_id, "path": str(info.path), "ads": len(rows)}
    _show({**told, "warnings": list(info.warnings), "problems": problems}, problems, as_json)


def _read(file: Path) -> tuple[list[tuple[int, AdRow]], list[RowProblem]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput("file_unreadable", f"{file} cannot be read: {error.strerror}.") from error
    rows, problems = read_ad_rows(data, SystemClock().now_ms())
    if not rows:
        first = f" First problem, line {problems[0].line}: {problems[0].reason}" if problems else ""
        raise BadInput("catalogue_empty", f"{file} has no row that can be used.{first}")
    return rows, problems


async def _import(rows: list[tuple[int, AdRow]]) -> dict[str, Any]:
    async with open_services(current_settings(), pool_size=2) as services:
        org_id = (await ensure_accounts(services)).advertiser_id
        campaigns: dict[tuple[str, str], list[tuple[int, AdRow]]] = {}
        for number, row in rows:
            campaigns.setdefault((row.advertiser, row.campaign), []).append((number, row))
        ads = 0
        for key, members in campaigns.items():
            ads += await _import_campaign(services, org_id, key, members)
        snapshot = await compile_and_publish(services)
    return {"campaigns": len(campaigns), "ads": ads, "snapshot": snapshot}


async def _import_campaign(
    services: Services, org_id: str, key: tuple[str, str], members: list[tuple[int, AdRow]]
) -> int:
    campaign_id = stable_id("cmp", org_id, *key)
    async with services.db.tenant(org_id) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(
            org_id, members[0][1].campaign_spec(), who=_WHO, campaign_id=campaign_id
        )
        if campaign.status != CampaignStatus.DRAFT:
            return 0
        specs = [row.creative_spec(f"{number}:{row.url}") for number, row in members]
        await catalog.add_creatives(campaign, specs)
        await catalog.creatives.judge(
            [{"id": stable_id("crt", campaign_id, s.key), "status": "approved"} for s in specs]
        )
        for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
            await catalog.move(campaign_id, status, who=_WHO, why="imported by its owner")
        return await catalog.launch(campaign_id, who=_WHO, why="imported by its owner")


async def _publish() -> str:
    async with open_services(current_settings(), pool_size=2) as services:
        return await compile_and_publish(services)


def _show(told: dict[str, Any], problems: list[RowProblem], as_json: bool) -> None:
    if as_json:
        print_json({**told, "problems": [{"line": p.line, "reason": p.reason} for p in problems]})
        return
    for problem in problems[:10]:
        line("!", f"line {problem.line}", escape(problem.reason))
    if len(problems) > 10:
        line("!", "more", f"{len(problems) - 10} further rows could not be used")
    out.print(", ".join(f"{k} {v}" for k, v in told.items() if k not in ("problems", "warnings")))
