"""Kill switches: while one is on nothing new is launched, resumed or raised; pausing always works."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Api, CampaignReader, CampaignWriter, StopId, changes_by, who
from api.models.stops import StopOut, StopSpending
from api.state import State
from catalog.access import Principal
from catalog.operations import Stops

router = APIRouter(prefix="/api/v1/spend/stops", tags=["campaigns"])


@router.post("", status_code=201)
async def stop(body: StopSpending, caller: CampaignWriter, api: Api) -> StopOut:
    """Stop new spending on a channel, or on all of them, until the stop is lifted."""
    stop_id = (
        await changes_by(caller, api)
        .dispatcher()
        .stop(caller.org_id, body.channel, who=who(caller), why=body.why)
    )
    return await _shown(api, caller, stop_id)


@router.get("")
async def list_stops(caller: CampaignReader, api: Api) -> list[StopOut]:
    """Return the stops that are on, oldest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [StopOut.model_validate(row) for row in await Stops(session).standing()]


@router.delete("/{id}")
async def lift(item_id: StopId, caller: CampaignWriter, api: Api) -> StopOut:
    """Take a stop back; twice is once."""
    await changes_by(caller, api).dispatcher().lift(caller.org_id, item_id)
    return await _shown(api, caller, item_id)


async def _shown(api: State, caller: Principal, stop_id: str) -> StopOut:
    async with api.services.db.tenant(caller.org_id) as session:
        return StopOut.model_validate(await Stops(session).get(stop_id))
