"""An event becomes knowledge and money, in one transaction. Knows no HTTP.

Order: the nonce must be ours and good; the decision must be kept; ad and app must be those of the decision;
what a host says it rendered must be what was signed for this decision; the event is recorded once; a billable
one is charged within the budgets; a campaign that can pay for nothing more is paused. After the commit the
serving state learns what was spent; should that fail, the next sync from the ledger puts it right. An event
about a test ad goes through the same checks and is kept nowhere.
"""

from __future__ import annotations

import logging
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from billing.service import BillingService, Charge, Posted
from bootstrap.budgets import sync_spend
from bootstrap.services import Services
from bootstrap.serving_state import ServingState, SharedState
from catalog.lifecycle import CampaignStatus
from catalog.service import CatalogService
from catalog.tables import Campaign
from domain.errors import Conflict, Forbidden, NotFound, ParleyError, Unavailable
from domain.formats import BidModel, EventType
from domain.ids import check_id, stable_id
from domain.money import Money
from domain.time import day_of, utc
from fastpath import nonce
from fastpath.receipt import Signer, verify
from fastpath.types import Reason
from measurement.service import decision_of, record_event
from measurement.tables import DecisionRow, EventRow
from storage.cache import REDIS_ERRORS

log = logging.getLogger("parley.intake")

CHARGED, OVER_BUDGET, RECORDED, TEST = "charged", "over_budget", "recorded", "test"
#: What each bid model bills.
_BILLED = {BidModel.CPC: EventType.CLICK, BidModel.CPM: EventType.IMPRESSION}


class Render(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says it put on the screen: the receipt it was given, and the words beside the ad."""

    receipt: str
    label: str
    payer: str


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was sent; see `api.models.events.EventBody`."""

    type: EventType
    request_id: str
    nonce: str | None
    ad_id: str
    app_id: str
    event_id: str | None = None
    render: Render | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an event.

    Attributes:
        event_id: Of the stored event.
        duplicate: It was known already.
        charged: The advertiser was charged for it, now or the first time.
        verdict: `charged`, `over_budget`, `recorded` (free) or `test` (kept nowhere).
    """

    event_id: str
    duplicate: bool
    charged: bool
    verdict: str


class Intake:
    """Takes events.

    Args:
        services: The installation's parts.
        state: The state of serving, by default the one in Redis.
    """

    def __init__(self, services: Services, state: ServingState | None = None) -> None:
        self._parts = services
        self._state = state or SharedState(services)

    async def take(self, happening: Happening) -> Outcome:
        """Book an event; the caller has been found entitled to speak for `app_id`.

        Raises:
            Forbidden: `nonce_forged`, `nonce_missing`, `receipt_forged`, or `render_ack_missing`.
            Conflict: `render_differs` if something else was shown than what was signed.
            Gone: `nonce_expired`.
            NotFound: if no such request was answered for this app.
            Conflict: if this ad has reported this before under another event id.
            Unavailable: if a needed part is down.
        """
        self._check_nonce(happening)
        await self._be_kept(happening.request_id)
        async with self._parts.db.system() as session:
            decision = await decision_of(session, happening.request_id)
            _check_shown(decision, happening)
            self._check_render(decision, happening)
            if decision.reason == Reason.TEST_AD:
                return _tested(decision, happening)
            event, new = await record_event(
                session,
                decision,
                happening.type,
                event_id=_own_id(decision, happening),
                at=utc(self._parts.clock.now_ms()),
            )
            if new:
                await self._charge(session, decision, event)
        await self._tell_serving(decision, event, new=new)
        return Outcome(
            event_id=event.id,
            duplicate=not new,
            charged=event.charged_micros > 0,
            verdict=event.verdict,
        )

    def _check_nonce(self, happening: Happening) -> None:
        check_id(happening.request_id, "req")
        check_id(happening.ad_id, "ad")
        if happening.nonce is None:
            raise Forbidden(
                "nonce_missing", "Send requestId as it was answered, or its nonce beside it."
            )
        nonce.check(
            self._parts.settings.key("nonce"),
            happening.nonce,
            request_id=happening.request_id,
            ad_id=happening.ad_id,
            now_ms=self._parts.clock.now_ms(),
        )

    def _check_render(self, decision: DecisionRow, happening: Happening) -> None:
        """Hold what the host says it rendered against the receipt that was signed for this decision."""
        if happening.type is not EventType.IMPRESSION:
            return
        shown = happening.render
        if shown is None:
            if self._parts.settings.render_ack == "required":
                raise Forbidden(
                    "render_ack_missing",
                    "Send render with the receipt, label and payer that were shown with the ad.",
                )
            return
        signer = Signer(self._parts.settings.key("receipt"))
        signed = verify(shown.receipt, signer.public_key)
        offered = (decision.id, decision.ad_id, decision.snapshot_id)
        if (signed.request_id, signed.ad_id, signed.snapshot_id) != offered:
            raise _render_differs("The receipt belongs to another ad request")
        if (shown.label, shown.payer) != (signed.label, signed.payer):
            raise _render_differs("Label or payer shown are not those of the receipt")

    async def _be_kept(self, request_id: str) -> None:
        """Return when the decision is kept: an event may overtake it."""
        try:
            await self._state.kept(request_id)
        except REDIS_ERRORS as error:
            raise Unavailable(
                "state_unavailable", "The ad request cannot be looked up right now; send it again."
            ) from error

    async def _charge(self, session: AsyncSession, decision: DecisionRow, event: EventRow) -> None:
        amount = price_of(decision, EventType(event.type))
        if amount is None:
            return
        catalog = CatalogService(session, self._parts.ids, self._parts.clock)
        assert decision.campaign_id is not None
        campaign = await catalog.campaigns.get(decision.campaign_id)
        if campaign.house:
            return
        posted = await BillingService(session, self._parts.ids, self._parts.clock).charge(
            Charge(
                event_id=event.id,
                kind=event.type,
                campaign_id=campaign.id,
                advertiser_id=event.advertiser_id,
                publisher_id=event.publisher_id,
                amount=amount,
                budget_total_micros=campaign.budget_total_micros,
                budget_daily_micros=campaign.budget_daily_micros,
            )
        )
        event.verdict = CHARGED if posted.charged else OVER_BUDGET
        event.charged_micros = amount.micros if posted.charged else 0
        await session.flush()
        await _stop_if_exhausted(session, catalog, campaign, posted)

    async def _tell_serving(self, decision: DecisionRow, event: EventRow, *, new: bool) -> None:
        """Give the hold back and show what the ledger says; best effort, since the ledger decides."""
        billed = price_of(decision, EventType(event.type)) is not None
        if not new or not (billed or event.type == EventType.DISMISS):
            return
        try:
            await self._state.reservation.settle(
                event.campaign_id,
                decision.id,
                spent_micros=event.charged_micros,
                day=day_of(self._parts.clock.now_ms()).strftime("%Y%m%d"),
            )
            if billed:
                await sync_spend(self._parts, [event.campaign_id], self._state.reservation)
        except (ParleyError, *REDIS_ERRORS) as error:
            log.warning("serving state not told of %s: %s", event.id, error)


def price_of(decision: DecisionRow, kind: EventType) -> Money | None:
    """Return what an event costs the advertiser, or None if it is free.

    CPC bills the click. CPM bills the impression at price ÷ 1,000, rounded half-even to the micro, each
    impression on its own; what rounds to zero is free.
    """
    if decision.bid_model is None or not decision.price_micros or decision.currency is None:
        return None
    model = BidModel(decision.bid_model)
    if _BILLED[model] is not kind:
        return None
    micros = decision.price_micros
    if model is BidModel.CPM:
        micros = int((Decimal(micros) / 1000).to_integral_value(ROUND_HALF_EVEN))
    return Money(micros, decision.currency) if micros > 0 else None


def _render_differs(what: str) -> Conflict:
    return Conflict("render_differs", f"{what}: show the ad with the words it came with.")


def _tested(decision: DecisionRow, happening: Happening) -> Outcome:
    """Return what comes of an event about a test ad: it is understood, and kept nowhere."""
    event_id = _own_id(decision, happening) or stable_id("evt", decision.id, str(happening.type))
    return Outcome(event_id=event_id, duplicate=False, charged=False, verdict=TEST)


def _check_shown(decision: DecisionRow, happening: Happening) -> None:
    if (decision.ad_id, decision.app_id) != (happening.ad_id, happening.app_id):
        raise NotFound("request_not_found", "No such ad was shown for a request of this app.")


def _own_id(decision: DecisionRow, happening: Happening) -> str | None:
    """Return the id to store: a sender's own ids live in its publisher's name space."""
    if happening.event_id is None:
        return None
    return stable_id("evt", decision.publisher_id, happening.event_id)


async def _stop_if_exhausted(
    session: AsyncSession, catalog: CatalogService, campaign: Campaign, posted: Posted
) -> None:
    """Pause a campaign that can pay for nothing more. Paused, not ended: its people decide what becomes of it."""
    if not posted.exhausted:
        return
    # Read before the charge waited for its lock; another event may have paused it meanwhile.
    campaign_id = campaign.id
    session.expire(campaign)
    fresh = await catalog.campaigns.get(campaign_id, lock=True)
    if fresh.status == CampaignStatus.LIVE:
        await catalog.move(fresh.id, CampaignStatus.PAUSED, who="billing", why="budget exhausted")
