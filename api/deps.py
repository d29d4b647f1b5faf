"""What routes ask for: the running parts, and a caller with the needed scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from api.exchange import exchange_of
from api.state import State
from bootstrap.spending import Changes
from catalog.access import Principal
from domain.errors import Unauthenticated
from domain.ids import check_id


def state_of(request: Request) -> State:
    """Return the running parts."""
    state: State = request.app.state.parley
    return state


Api = Annotated[State, Depends(state_of)]


def need(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency that gives the caller, if its key has the scope.

    The front has authenticated and counted the call before its body was read.
    """

    async def caller(request: Request) -> Principal:
        principal = exchange_of(request.scope).principal
        if principal is None:
            raise Unauthenticated(
                "key_missing", "Send an API key: Authorization: Bearer parley_sk_…."
            )
        principal.need(scope)
        return principal

    return caller


CampaignReader = Annotated[Principal, Depends(need("campaigns:read"))]
CampaignWriter = Annotated[Principal, Depends(need("campaigns:write"))]
Approver = Annotated[Principal, Depends(need("approvals:write"))]
Reporter = Annotated[Principal, Depends(need("reports:read"))]
KeyKeeper = Annotated[Principal, Depends(need("keys:write"))]

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key with the same body starts one run, however often it is sent.",
    ),
]


def id_of(prefix: str) -> Callable[[str], str]:
    """Return a dependency that gives the id in the path, if it is one of that kind."""

    def checked(item_id: Annotated[str, Path(alias="id")]) -> str:
        return check_id(item_id, prefix)

    return checked


AppId = Annotated[str, Depends(id_of("app"))]
CampaignId = Annotated[str, Depends(id_of("cmp"))]
RunId = Annotated[str, Depends(id_of("run"))]
SourceId = Annotated[str, Depends(id_of("src"))]
StopId = Annotated[str, Depends(id_of("stp"))]
KeyId = Annotated[str, Depends(id_of("key"))]
RequestId = Annotated[str, Depends(id_of("req"))]


def who(principal: Principal) -> str:
    """Return how the audit names a caller."""
    return f"key:{principal.key_id}"


def changes_by(principal: Principal, api: State) -> Changes:
    """Return what a caller may do to campaigns that are there: through guards and ledger."""
    return Changes(api.services, api.serving.state.reservation, principal.org_id, who(principal))
