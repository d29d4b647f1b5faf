"""Spend guards. They stand in the one way to a channel, read typed Money, and refuse what they cannot read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import UNSET

from catalog.changesets import SPENDING, Amount, Change, ChangeKind, MoneyMove
from domain.errors import Forbidden
from domain.money import Money

_PPM = 1_000_000
#: What a person may do with one request: anything but a slip of the keyboard, such as a zero too many.
PEOPLE_RAISE_PPM, PEOPLE_DAY_RAISE_PPM = 4_000_000, 9_000_000
#: Days that a daily budget without a total counts for against the cap.
_DAYS = 31


class SpendLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may change at once. Nothing here can be switched off by leaving it out.

    Attributes:
        max_raise_ppm: Most a single change may add, parts per million of the amount before.
        max_cut_ppm: Most a single change may take away; to stop a campaign it is paused.
        max_day_raise_ppm: Most that all changes of 24 hours may add together.
        may_unlimit: Whether a limit may be taken away; only for what a person does.
        may_lower_stopped: Whether amounts may be lowered while spending is stopped; only for what a person does,
            since a run lowers one budget to raise another.
        campaign_caps: Most a campaign may be given, whole units by currency; those not named here have
            the shipped cap, and a currency without either is refused.
    """

    max_raise_ppm: int = 500_000
    max_cut_ppm: int = 800_000
    max_day_raise_ppm: int = 1_000_000
    may_unlimit: bool = False
    may_lower_stopped: bool = False
    campaign_caps: Mapping[str, int] = {}


def for_people() -> SpendLimits:
    """Return the limits for changes that a person makes by hand."""
    return SpendLimits(
        max_raise_ppm=PEOPLE_RAISE_PPM,
        max_cut_ppm=_PPM,
        max_day_raise_ppm=PEOPLE_DAY_RAISE_PPM,
        may_unlimit=True,
        may_lower_stopped=True,
    )


class BudgetGuard(Forbidden):
    """A change that the spend guards do not let through."""


def check_spend(
    change: Change, limits: SpendLimits, recent: Sequence[MoneyMove], stops: Sequence[str]
) -> None:
    """Let a change through or raise.

    Args:
        change: What would be sent. Pausing and ending are always let through.
        limits: How much may change.
        recent: Amounts of this campaign that were changed in the last 24 hours, oldest first.
        stops: Reasons of the kill switches that are on.

    Raises:
        BudgetGuard: `spend_stopped`, `spend_unreadable`, `spend_cap`, `spend_step` or `spend_day_step`.
    """
    if change.kind not in SPENDING:
        return
    if stops and not (limits.may_lower_stopped and _only_less(change)):
        why = stops[0].rstrip(".")
        raise BudgetGuard("spend_stopped", f"Spending is stopped: {why}. Lift the stop first.")
    moves = {move.what: move for move in change.money}
    if len(moves) != len(change.money):
        raise BudgetGuard("spend_unreadable", "One amount is named twice; send it once.")
    if change.kind is ChangeKind.UPDATE:
        if not moves and change.rest is UNSET:
            raise BudgetGuard("spend_unreadable", "The change names no amount; nothing was sent.")
        _check_steps(moves, limits)
        _check_day(moves, limits, recent)
    else:
        _check_whole(moves)
    _check_cap(moves, limits)


def _only_less(change: Change) -> bool:
    """Tell whether a change does nothing but lower amounts, or limit what had no limit."""
    return (
        change.kind is ChangeKind.UPDATE
        and change.rest is UNSET
        and bool(change.money)
        and all(
            move.after is not None
            and (
                move.before is None
                or (
                    move.after.currency == move.before.currency
                    and move.after.micros <= move.before.micros
                )
            )
            for move in change.money
        )
    )


def _check_whole(moves: Mapping[Amount, MoneyMove]) -> None:
    """Something that starts to spend must say with how much."""
    bid, caps = moves.get(Amount.BID), [moves.get(Amount.TOTAL), moves.get(Amount.DAILY)]
    if bid is None or bid.after is None or not any(m is not None and m.after for m in caps):
        raise BudgetGuard(
            "spend_unreadable",
            "Bid and budget have to be stated; what cannot be read is not spent.",
        )


def _check_cap(moves: Mapping[Amount, MoneyMove], limits: SpendLimits) -> None:
    for what, days in ((Amount.TOTAL, 1), (Amount.DAILY, _DAYS), (Amount.BID, 1)):
        amount = moves[what].after if what in moves else None
        if amount is None:
            continue
        if amount.micros <= 0:
            raise BudgetGuard("spend_unreadable", f"{amount} is no amount to spend.")
        cap = Money(cap_of(amount.currency, limits) * _PPM, amount.currency)
        total = moves[Amount.TOTAL].after if Amount.TOTAL in moves else None
        worth = amount.micros * (days if total is None else 1)
        if worth > cap.micros:
            raise BudgetGuard(
                "spend_cap", f"A campaign may be given {cap} at most; ask the operator for more."
            )


def _check_steps(moves: Mapping[Amount, MoneyMove], limits: SpendLimits) -> None:
    for move in moves.values():
        _check_move(move.before, move.after, limits)


def _check_move(before: Money | None, after: Money | None, limits: SpendLimits) -> None:
    if before is None:
        # From "no limit" to a limit is less, whatever the limit.
        return
    if after is None and limits.may_unlimit:
        return
    if after is None:
        raise BudgetGuard("spend_step", "A limit cannot be taken away; set another one.")
    most = before.micros + before.micros * limits.max_raise_ppm // _PPM
    least = before.micros - before.micros * limits.max_cut_ppm // _PPM
    if after.currency != before.currency:
        raise BudgetGuard("spend_unreadable", f"{after} cannot be compared with {before}.")
    if not least <= after.micros <= most:
        raise BudgetGuard(
            "spend_step",
            f"{before} may become {Money(least, before.currency)} to {Money(most, before.currency)} "
            f"at once, not {after}.",
        )


def _check_day(
    moves: Mapping[Amount, MoneyMove], limits: SpendLimits, recent: Sequence[MoneyMove]
) -> None:
    first: dict[Amount, Money] = {}
    for move in recent:
        if move.before is not None:
            first.setdefault(move.what, move.before)
    for what, start in first.items():
        after = moves[what].after if what in moves else None
        most = start.micros + start.micros * limits.max_day_raise_ppm // _PPM
        if after is not None and after.micros > most:
            raise BudgetGuard(
                "spend_day_step",
                f"Within 24 hours {start} may become {Money(most, start.currency)} at most; try again "
                "tomorrow.",
            )


def cap_of(currency: str, limits: SpendLimits) -> int:
    """Return the most a campaign may be given, in whole units.

    Raises:
        BudgetGuard: `spend_cap` if there is none for that currency.
    """
    cap = limits.campaign_caps.get(currency, _shipped().get(currency))
    if cap is None:
        raise BudgetGuard(
            "spend_cap", f"There is no cap for {currency}; the operator must set one."
        )
    return cap


@cache
def _shipped() -> dict[str, int]:
    text = files("catalog").joinpath("campaign_caps.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: int(units) for code, units in rows}
