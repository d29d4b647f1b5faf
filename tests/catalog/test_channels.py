"""The port to channels: one way, guarded, written down before, never blindly repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.services import Services
from catalog.changes import Committed
from catalog.changesets import Amount, Approved, Change, ChangeKind, ChangeSet, MoneyMove
from catalog.channels import Ambiguous, Dispatcher, OpResult, check_done
from catalog.guards import BudgetGuard, SpendLimits, cap_of, check_spend
from catalog.in_chat import InChat, launch_of, update_of
from catalog.lifecycle import CampaignStatus
from catalog.operations import Operations, OpState
from catalog.repository import Audit, Campaigns
from catalog.service import CatalogService
from catalog.specs import CampaignSpec, CreativeSpec
from catalog.tables import Campaign
from domain.catalogue import AdText
from domain.errors import Forbidden, Unavailable, Unprocessable
from domain.formats import AdFormat, BidModel
from domain.ids import stable_id
from domain.money import CURRENCIES, Money
from tests.support.campaigns import advertiser


def usd(units: float) -> Money:
    return Money(round(units * 1_000_000), "USD")


def move(before: float | None, after: float | None, what: Amount = Amount.DAILY) -> MoneyMove:
    return MoneyMove(
        what=what,
        before=None if before is None else usd(before),
        after=None if after is None else usd(after),
    )


def update(*moves: MoneyMove) -> Change:
    return Change(kind=ChangeKind.UPDATE, campaign_id="cmp_1", money=moves)


@dataclass
class Platform:
    """A platform that fails as told: `answers` are taken one after another."""

    answers: list[Any] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    looks: bool = True
    name: str = "meta"

    async def send(self, org_id: str, op_id: str, change: Change, **said: str) -> str:
        self.sent.append(op_id)
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer == "lost before":
            raise Ambiguous("timeout", "No answer came; look it up.")
        if isinstance(answer, Exception):
            raise answer
        self.done[op_id] = f"ref-{len(self.done)}"
        if answer == "lost after":
            raise Ambiguous("timeout", "No answer came; look it up.")
        if answer == "died after":
            raise KeyboardInterrupt
        return self.done[op_id]

    async def look_up(self, org_id: str, op_id: str, change: Change) -> str | None:
        if not self.looks:
            raise Unavailable("platform_down", "The platform cannot be reached; try again.")
        return self.done.get(op_id)


def changeset(org: str, *changes: Change, channel: str = "meta", plan: str = "p1") -> ChangeSet:
    return ChangeSet(org_id=org, channel=channel, plan_id=plan, changes=changes, why="test")


def create(name: str = "cmp_1") -> Change:
    return Change(
        kind=ChangeKind.CREATE, campaign_id=name,
        money=(move(100, 100, Amount.TOTAL), move(1, 1, Amount.BID)),
    )  # fmt: skip


def yes(asked: ChangeSet) -> Approved:
    return Approved("key:anna", asked.hash)


def dispatcher(services: Services, *channels: Any, limits: SpendLimits | None = None) -> Dispatcher:
    return Dispatcher(
        services.db, services.ids, services.clock, {c.name: c for c in channels}, limits
    )


def states(results: tuple[OpResult, ...]) -> list[str]:
    return [str(result.state) for result in results]


@pytest.mark.asyncio
async def test_what_is_planned_is_written_down_and_not_sent(services: Services) -> None:
    org, platform = await advertiser(services), Platform()
    asked = changeset(org, create())
    port = dispatcher(services, platform)
    assert states(await port.plan(asked, "key:anna")) == ["planned"]
    assert platform.sent == []
    assert states(await port.apply(asked, yes(asked))) == ["confirmed"]
    assert states(await port.apply(asked, yes(asked))) == ["confirmed"]
    assert len(platform.sent) == 1


@pytest.mark.asyncio
async def test_an_approval_is_of_one_change_only(services: Services) -> None:
    org, platform = await advertiser(services), Platform()
    asked, other = changeset(org, create()), changeset(org, create("cmp_2"))
    with pytest.raises(Forbidden, match="another change"):
        await dispatcher(services, platform).apply(asked, yes(other))
    assert platform.sent == []


@pytest.mark.asyncio
async def test_a_platform_without_connector_is_stored_and_shown(services: Services) -> None:
    org = await advertiser(services)
    asked = changeset(org, create(), channel="tiktok")
    port = dispatcher(services)
    assert states(await port.plan(asked, "key:anna")) == ["not_connected"]
    assert states(await port.apply(asked, yes(asked))) == ["not_connected"]


@pytest.mark.asyncio
async def test_a_lost_answer_is_looked_up_and_never_sent_twice(services: Services) -> None:
    org, platform = await advertiser(services), Platform(["lost after"])
    asked, port = changeset(org, create()), dispatcher(services, platform)
    assert states(await port.apply(asked, yes(asked))) == ["unknown"]
    platform.looks = False
    assert states(await port.apply(asked, yes(asked))) == ["unknown"]
    platform.looks = True
    (result,) = await port.apply(asked, yes(asked))
    assert (result.state, result.ref, result.done) == (OpState.RECONCILED, "ref-0", True)
    assert len(platform.sent) == 1


@pytest.mark.asyncio
async def test_what_surely_did_not_arrive_is_sent_again(services: Services) -> None:
    org, platform = await advertiser(services), Platform(["lost before"])
    asked, port = changeset(org, create()), dispatcher(services, platform)
    assert states(await port.apply(asked, yes(asked))) == ["unknown"]
    assert states(await port.apply(asked, yes(asked))) == ["confirmed"]
    assert (len(platform.sent), len(platform.done)) == (2, 1)


@pytest.mark.asyncio
async def test_a_sender_that_dies_after_sending_is_found_out(services: Services) -> None:
    org, platform = await advertiser(services), Platform(["died after"])
    asked, port = changeset(org, create()), dispatcher(services, platform)
    with pytest.raises(KeyboardInterrupt):
        await port.apply(asked, yes(asked))
    assert states(await port.status(asked)) == ["sent"]
    assert states(await port.apply(asked, yes(asked))) == ["reconciled"]
    assert len(platform.sent) == 1


@pytest.mark.asyncio
async def test_each_change_succeeds_or_fails_on_its_own(services: Services) -> None:
    refused = Unprocessable("policy_rejected", "The platform refused the ad; change its copy.")
    org, platform = await advertiser(services), Platform([refused, "ok", "lost before"])
    asked = changeset(org, create("cmp_1"), create("cmp_2"), create("cmp_3"))
    results = await dispatcher(services, platform).apply(asked, yes(asked))
    assert states(results) == ["failed", "confirmed", "unknown"]
    assert results[0].code == "policy_rejected"
    with pytest.raises(Unprocessable, match="refused the ad"):
        check_done(results)


@pytest.mark.asyncio
async def test_the_kill_switch_stops_spending_and_not_pausing(services: Services) -> None:
    org, platform = await advertiser(services), Platform()
    port = dispatcher(services, platform)
    stop = await port.stop(org, "*", who="key:anna", why="Audit.")
    asked = changeset(org, create(), Change(kind=ChangeKind.PAUSE, campaign_id="cmp_2"))
    results = await port.apply(asked, yes(asked))
    assert states(results) == ["failed", "confirmed"]
    assert results[0].code == "spend_stopped"
    await port.lift(org, stop)
    again = changeset(org, create(), plan="p2")
    assert states(await port.apply(again, yes(again))) == ["confirmed"]


@pytest.mark.asyncio
async def test_the_day_counts_all_changes_together(services: Services) -> None:
    org, platform = await advertiser(services), Platform()
    port = dispatcher(services, platform)
    steps = ((100, 150), (150, 200), (200, 201))
    got: list[OpResult] = []
    for number, (before, after) in enumerate(steps):
        asked = changeset(org, update(move(before, after)), plan=f"p{number}")
        got += await port.apply(asked, yes(asked))
    assert states(tuple(got)) == ["confirmed", "confirmed", "failed"]
    assert got[2].code == "spend_day_step"


REFUSED = [
    ("spend_step", update(move(100, 150.01))),
    ("spend_step", update(move(100, 19.99))),
    ("spend_step", update(move(100, None))),
    ("spend_unreadable", update()),
    ("spend_unreadable", update(move(100, 110), move(110, 120))),
    ("spend_unreadable", update(MoneyMove(what=Amount.BID, before=usd(1), after=Money(1, "JPY")))),
    ("spend_cap", update(move(None, 200_000, Amount.TOTAL))),
    ("spend_cap", update(move(None, 90_000, Amount.DAILY))),
    ("spend_unreadable", update(move(None, 0, Amount.TOTAL))),
    ("spend_unreadable", Change(kind=ChangeKind.LAUNCH, campaign_id="c")),
    ("spend_unreadable", Change(kind=ChangeKind.LAUNCH, campaign_id="c", money=(move(1, 1, Amount.BID),))),
    ("spend_unreadable", Change(kind=ChangeKind.RESUME, campaign_id="c", money=(move(5, 5),))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "change"), REFUSED)
def test_the_guards_refuse_what_is_too_much_and_what_they_cannot_read(
    code: str, change: Change
) -> None:
    with pytest.raises(BudgetGuard) as caught:
        check_spend(change, SpendLimits(), (), ())
    assert caught.value.code == code


def test_a_currency_without_a_cap_is_refused_and_every_billable_one_has_one() -> None:
    with pytest.raises(BudgetGuard):
        cap_of("XXX", SpendLimits())
    assert all(cap_of(code, SpendLimits()) > 0 for code in CURRENCIES)
    assert cap_of("USD", SpendLimits(campaign_caps={"USD": 5})) == 5


@given(st.integers(1, 10**12), st.integers(1, 10**13))
def test_no_step_beyond_the_limits_passes(before: int, after: int) -> None:
    change = update(
        MoneyMove(what=Amount.BID, before=Money(before, "USD"), after=Money(after, "USD"))
    )
    try:
        check_spend(change, SpendLimits(), (), ())
    except BudgetGuard:
        return
    assert before * 0.2 - 1 <= after <= before * 1.5


async def campaign_of(services: Services, org: str) -> Campaign:
    """Make a campaign in review with one approved creative."""
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        spec = CampaignSpec(
            name="Shoes", currency="USD", bid_model=BidModel.CPC, bid_micros=500_000,
            budget_total_micros=100_000_000, budget_daily_micros=10_000_000,
        )  # fmt: skip
        campaign = await catalog.create_campaign(org, spec, who="test")
        text = AdText(title="Shoes", description="They grip.", cta_text="See")
        creative = CreativeSpec(
            key="k", format=AdFormat.ACTION_CARD, texts={"eng": text}, tags=("shoes",),
            landing_url="https://kaze-trail.example/",
        )  # fmt: skip
        await catalog.add_creatives(campaign, [creative])
        await catalog.creatives.judge(
            [{"id": stable_id("crt", campaign.id, "k"), "status": "approved", "findings": []}]
        )
        await catalog.move(campaign.id, CampaignStatus.IN_REVIEW, who="test", why="x")
        return campaign


def in_chat(services: Services) -> InChat:
    async def borne(session: Any, campaign_id: str) -> Committed:
        return Committed(0, 0)

    return InChat(services.db, services.ids, services.clock, borne)


async def current(services: Services, org: str, campaign_id: str) -> Campaign:
    async with services.db.tenant(org) as session:
        return await Campaigns(session).get(campaign_id)


@pytest.mark.asyncio
async def test_chats_stand_behind_the_same_port(services: Services) -> None:
    org = await advertiser(services)
    campaign = await campaign_of(services, org)
    port = dispatcher(services, in_chat(services))
    launch = changeset(org, launch_of(campaign), channel="in_chat")
    check_done(await port.apply(launch, yes(launch)))
    live = await current(services, org, campaign.id)
    assert live.status == "live"
    raised = changeset(org, update_of(live, budget_daily_micros=15_000_000), channel="in_chat")
    check_done(await port.apply(raised, yes(raised)))
    assert (await current(services, org, campaign.id)).budget_daily_micros == 15_000_000
    pause = changeset(
        org, Change(kind=ChangeKind.PAUSE, campaign_id=campaign.id), channel="in_chat"
    )
    check_done(await port.apply(pause, yes(pause)))
    # What was planned from amounts that hold no more is refused: the guards measured from them.
    stale = changeset(org, update_of(live, budget_daily_micros=14_000_000), channel="in_chat")
    (result,) = await port.apply(stale, yes(stale))
    assert result.code == "changed_meanwhile"
    # The launch again, as after a crash: nothing happens, the pause stays.
    check_done(await port.apply(launch, yes(launch)))
    assert (await current(services, org, campaign.id)).status == "paused"
    async with services.db.tenant(org) as session:
        trail = [e.to_state for e in await Audit(session).of(campaign.id)]
        rows = await Operations(session).of(campaign.id)
    assert trail == ["draft", "in_review", "approved", "live", "live", "paused"]
    assert [row.kind for row in rows] == ["launch", "update", "pause", "update"]


@pytest.mark.asyncio
async def test_a_launch_whose_confirmation_was_lost_is_recognised(services: Services) -> None:
    org = await advertiser(services)
    campaign = await campaign_of(services, org)
    channel = in_chat(services)

    class Dies:
        name = "in_chat"
        look_up = channel.look_up

        async def send(self, *args: Any, **said: Any) -> str:
            await channel.send(*args, **said)
            raise KeyboardInterrupt

    launch = changeset(org, launch_of(campaign), channel="in_chat")
    with pytest.raises(KeyboardInterrupt):
        await dispatcher(services, Dies()).apply(launch, yes(launch))
    results = await dispatcher(services, channel).apply(launch, yes(launch))
    assert states(results) == ["reconciled"]
    async with services.db.tenant(org) as session:
        assert [e.to_state for e in await Audit(session).of(campaign.id)].count("live") == 1


@pytest.mark.asyncio
async def test_operations_of_others_are_not_seen(services: Services) -> None:
    org, other = await advertiser(services), await advertiser(services, "Other")
    asked = changeset(org, create())
    await dispatcher(services, Platform()).plan(asked, "key:anna")
    async with services.db.tenant(other) as session:
        assert await Operations(session).of("cmp_1") == []
