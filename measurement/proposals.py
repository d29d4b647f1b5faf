"""Budget and creative proposals from what was measured: bounded, sums kept, and silent where nothing is known.

Money moves from campaigns that surely do worse than the others, or cannot spend what they have, to campaigns that
spend all they have and do not do worse. Returns are taken to diminish (exponent 0.7), so that nothing is moved
for a small difference. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import msgspec

from domain.money import MAX_MICROS, Money, exponent
from measurement.allocation import Power, allocate, whole_units
from measurement.judging import Rule, Standing, Tally, Verdict, judge_rates, judge_shares

_PPM = 1_000_000
#: How returns diminish with spend: twice the money brings 1.6 times the events.
RETURNS = 0.7
#: Which share of its budget a campaign must use to be held back by it, and below which it cannot use it.
LIMITED_PPM, IDLE_PPM = 850_000, 500_000
#: How far a budget is raised to find out whether there is demand for more.
TRY_PPM = 100_000
#: Days a campaign must have run before its idle budget is taken.
SETTLED_DAYS = 7
#: Sign-ups of all campaigns together from which on they are what counts; below, clicks are.
ENOUGH_SUBMITS = 30
#: Changes smaller than this share are not worth an approval.
LEAST_MOVE_PPM = 50_000

Amount = Literal["budget_daily_micros", "budget_total_micros"]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How far a budget may move at once, in parts per million of what it was."""

    max_raise_ppm: int = 500_000
    max_cut_ppm: int = 800_000


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that competes for budget.

    Attributes:
        campaign_id, name, currency: Which.
        amount: Which of its budgets moves.
        budget_micros: That budget now.
        floor_micros: What it must not fall below: spent or promised already, or the price of one event.
        demand_micros: What it would spend in that budget's period if the budget did not end it; may be more
            than the budget.
        demand_known: False if that is only known to be at least as much as was spent.
        ceiling_micros: What it must not be raised above, such as a total over a daily budget.
        spent_micros, clicks, submits: In the time that was looked at.
        days: How many days of that time it ran.
    """

    campaign_id: str
    name: str
    currency: str
    amount: Amount
    budget_micros: int
    floor_micros: int
    demand_micros: int
    spent_micros: int
    clicks: int
    submits: int
    days: int
    demand_known: bool = True
    ceiling_micros: int = MAX_MICROS

    @property
    def use_ppm(self) -> int:
        """Share of its budget that it uses."""
        return self.demand_micros * _PPM // max(1, self.budget_micros)


class AdArm(msgspec.Struct, frozen=True, kw_only=True):
    """An ad beside the other ads of its campaign."""

    ad_id: str
    campaign_id: str
    format: str
    impressions: int
    clicks: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A budget that should change, micros of `currency`."""

    campaign_id: str
    name: str
    amount: Amount
    currency: str
    before_micros: int
    after_micros: int
    why: str
    sure: float


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """An ad that should rest."""

    ad_id: str
    campaign_id: str
    why: str
    sure: float


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that needs other creatives: nothing is changed, the content creator should be asked."""

    campaign_id: str
    name: str
    why: str


class Proposals(msgspec.Struct, frozen=True, kw_only=True):
    """What should change.

    Attributes:
        event: What counted as success, `submits` or `clicks`.
        verdicts: Of every campaign.
        moves: Budgets; in each currency their sum stays.
        rests: Ads.
        rewrites: Advice.
    """

    event: str
    verdicts: tuple[Verdict, ...]
    moves: tuple[Move, ...]
    rests: tuple[Rest, ...]
    rewrites: tuple[Rewrite, ...]


def propose(
    arms: Sequence[Arm],
    ads: Sequence[AdArm],
    seed: str,
    *,
    bounds: Bounds | None = None,
    rule: Rule | None = None,
) -> Proposals:
    """Return what should change.

    Args:
        arms: Live campaigns of one organisation.
        ads: Their active ads.
        seed: Names the draws; the same seed and numbers give the same proposals.
        bounds: How far a budget may move.
        rule: How sure a verdict must be.
    """
    event = "submits" if sum(arm.submits for arm in arms) >= ENOUGH_SUBMITS else "clicks"
    verdicts: list[Verdict] = []
    moves: list[Move] = []
    rewrites: list[Rewrite] = []

    def kind(arm: Arm) -> tuple[str, str]:
        return arm.currency, arm.amount

    # Currencies cannot be compared, and a day's budget cannot become a total.
    for currency, same in groupby(sorted(arms, key=lambda a: a.currency), lambda a: a.currency):
        rivals = list(same)
        judged = judge_rates(
            [Tally(a.campaign_id, a.spent_micros / _PPM, getattr(a, event)) for a in rivals],
            f"{seed}:{currency}",
            rule,
        )
        verdicts += judged
        of = {verdict.key: verdict for verdict in judged}
        for _, group in groupby(sorted(rivals, key=kind), kind):
            moves += _moves(list(group), of, event, bounds or Bounds())
        rewrites += [
            Rewrite(campaign_id=a.campaign_id, name=a.name, why=_worse(of[a.campaign_id], event, a))
            for a in rivals
            if of[a.campaign_id].standing is Standing.UNDER
        ]
    return Proposals(
        event=event,
        verdicts=tuple(verdicts),
        moves=tuple(moves),
        rests=tuple(_rests(ads, seed)),
        rewrites=tuple(rewrites),
    )


def _moves(arms: Sequence[Arm], of: dict[str, Verdict], event: str, bounds: Bounds) -> list[Move]:
    givers = [arm for arm in arms if _gives(arm, of[arm.campaign_id])]
    takers = [arm for arm in arms if arm not in givers and _takes(arm, of[arm.campaign_id])]
    if not givers or not takers:
        return []
    pool = [*givers, *takers]
    limits = [
        *((_least(arm, of[arm.campaign_id], bounds), arm.budget_micros) for arm in givers),
        *((arm.budget_micros, _most(arm, bounds)) for arm in takers),
    ]
    total = sum(arm.budget_micros for arm in pool)
    parts = allocate(
        [_response(arm, of[arm.campaign_id]) for arm in pool],
        float(total),
        [(float(low), float(high)) for low, high in limits],
    )
    after = _in_minor_units(pool, parts, limits)
    return [
        Move(
            campaign_id=arm.campaign_id, name=arm.name, amount=arm.amount, currency=arm.currency,
            before_micros=arm.budget_micros, after_micros=micros,
            why=_why(arm, of[arm.campaign_id], event), sure=round(of[arm.campaign_id].sure, 4),
        )
        for arm, micros in zip(pool, after, strict=True)
        if micros != arm.budget_micros
    ]  # fmt: skip


def _gives(arm: Arm, verdict: Verdict) -> bool:
    idle = arm.days >= SETTLED_DAYS and arm.use_ppm < IDLE_PPM
    return verdict.standing is Standing.UNDER or idle


def _takes(arm: Arm, verdict: Verdict) -> bool:
    known = verdict.standing in (Standing.OVER, Standing.TYPICAL)
    return known and arm.use_ppm >= LIMITED_PPM


def _least(arm: Arm, verdict: Verdict, bounds: Bounds) -> int:
    least = arm.budget_micros - arm.budget_micros * bounds.max_cut_ppm // _PPM
    if verdict.standing is not Standing.UNDER:
        # Only what it cannot use is taken, with a quarter of what it uses left as room.
        least = max(least, arm.demand_micros * 5 // 4)
    return min(arm.budget_micros, max(least, arm.floor_micros))


def _most(arm: Arm, bounds: Bounds) -> int:
    most = arm.budget_micros + arm.budget_micros * bounds.max_raise_ppm // _PPM
    # More than there is demand for would be taken from others and not be spent.
    demand = arm.demand_micros
    if not arm.demand_known:
        demand = max(demand, arm.budget_micros + arm.budget_micros * TRY_PPM // _PPM)
    return max(arm.budget_micros, min(most, demand, arm.ceiling_micros))


def _response(arm: Arm, verdict: Verdict) -> Power:
    """Return the response through what was measured: at today's spend, the posterior mean's events."""
    spend = float(max(min(arm.demand_micros, arm.budget_micros), 1))
    if arm.use_ppm < IDLE_PPM and verdict.standing is not Standing.UNDER:
        # Beyond its demand more money brings nothing.
        return Power(0.0, RETURNS)
    return Power(verdict.rate * spend / spend**RETURNS, RETURNS)


def _in_minor_units(
    pool: Sequence[Arm], parts: Sequence[float], limits: Sequence[tuple[int, int]]
) -> list[int]:
    """Return budgets that differ from today's by whole minor units and have the same sum; small moves stay out."""
    unit = 10 ** (6 - exponent(pool[0].currency))
    taken = [
        max(0, int((arm.budget_micros - part) // unit))
        for arm, part in zip(pool, parts, strict=True)
    ]
    room = [(high - arm.budget_micros) // unit for arm, (_, high) in zip(pool, limits, strict=True)]
    for number, arm in enumerate(pool):
        if taken[number] * unit * _PPM < arm.budget_micros * LEAST_MOVE_PPM:
            taken[number] = 0
    wanted = [max(0.0, part - arm.budget_micros) for arm, part in zip(pool, parts, strict=True)]
    whole, given = sum(taken), [0] * len(pool)
    if whole and sum(wanted) > 0:
        scale = whole / sum(wanted)
        given = whole_units([w * scale for w in wanted], whole)
        given = [min(g, r) if w else 0 for g, r, w in zip(given, room, wanted, strict=True)]
    # What nobody has room for stays where it was.
    over = whole - sum(given)
    for number in range(len(pool)):
        back = min(over, taken[number])
        taken[number] -= back
        over -= back
    return [
        arm.budget_micros + (g - t) * unit for arm, g, t in zip(pool, given, taken, strict=True)
    ]


def _rests(ads: Sequence[AdArm], seed: str) -> list[Rest]:
    """Return ads that are surely clicked less than the others of their campaign; each format keeps one."""
    rests: list[Rest] = []
    rule = Rule(least_expected=5.0, margin=0.2, sure=0.975)

    def campaign(ad: AdArm) -> str:
        return ad.campaign_id

    for campaign_id, group in groupby(
        sorted(ads, key=lambda a: (a.campaign_id, a.ad_id)), campaign
    ):
        rivals = list(group)
        verdicts = judge_shares(
            [Tally(ad.ad_id, ad.impressions, ad.clicks) for ad in rivals], f"{seed}:ads", rule
        )
        left = {ad.ad_id: ad for ad in rivals}
        for verdict in sorted(verdicts, key=lambda v: (v.rate, v.key)):
            ad = left[verdict.key]
            alone = sum(other.format == ad.format for other in left.values()) == 1
            if verdict.standing is not Standing.UNDER or alone or len(left) <= 2:
                continue
            del left[verdict.key]
            rests.append(
                Rest(
                    ad_id=ad.ad_id,
                    campaign_id=campaign_id,
                    why=f"{ad.clicks} clicks of {ad.impressions} impressions against "
                    f"{verdict.rest:.2%} of the campaign's other ads",
                    sure=round(verdict.sure, 4),
                )
            )
    return rests


def _why(arm: Arm, verdict: Verdict, event: str) -> str:
    if verdict.standing is Standing.UNDER:
        return _worse(verdict, event, arm)
    if arm.use_ppm < IDLE_PPM:
        return f"It uses {arm.use_ppm / 10_000:.0f} % of its budget."
    return (
        f"It uses {arm.use_ppm / 10_000:.0f} % of its budget, and {_per(verdict, event, arm)} is "
        "not worse than the others'."
    )


def _worse(verdict: Verdict, event: str, arm: Arm) -> str:
    rest = f"{verdict.rest:.3g}" if verdict.rest else "0"
    return f"{_per(verdict, event, arm)} against {rest} of the others; {verdict.sure:.1%} sure that it is worse."


def _per(verdict: Verdict, event: str, arm: Arm) -> str:
    name = "sign-ups" if event == "submits" else "clicks"
    money = Money(_PPM, arm.currency)
    return f"{verdict.hits} {name} for {verdict.tries:,.2f} {arm.currency} ({verdict.rate:.3g} per {money})"
