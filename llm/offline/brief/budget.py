"""Which of the stated amounts is the budget, and of what kind: total, per day, per period or a cost cap."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from domain.brief import Period, PeriodBudget
from llm.offline.brief import budget_words as words
from llm.offline.brief.money import MAX_UNITS, Amount, resolve, to_minor
from llm.offline.brief.numbers import english_value, japanese_value
from llm.offline.brief.text import Text

Role = str


@dataclass
class Budget:
    """What was understood about money.

    Attributes:
        total_minor: Whole budget, minor units.
        daily_minor: Budget per day, minor units.
        period: Budget per week, month, quarter or year.
        currency: ISO 4217 code.
        cap_minor: Target cost per action, minor units.
        revenue_minor: Stated sales target in money, minor units.
        stated: Something was said about the budget, even if it cannot be used.
        contradictory: Two statements exclude each other.
        impossible: Zero or negative.
        ambiguous: Vague, a range, or no known currency.
    """

    total_minor: int | None = None
    daily_minor: int | None = None
    period: PeriodBudget | None = None
    currency: str | None = None
    cap_minor: int | None = None
    revenue_minor: int | None = None
    stated: bool = False
    contradictory: bool = False
    impossible: bool = False
    ambiguous: bool = False
    by_role: dict[Role, list[Amount]] = field(default_factory=dict)


def read_budget(text: Text, amounts: list[Amount], geos: tuple[str, ...]) -> Budget:
    """Sort the stated amounts into a `Budget`.

    Args:
        text: The goal.
        amounts: Amounts with a currency, in order.
        geos: Countries of the goal; they decide what `$`, `kr` or pesos mean.
    """
    budget = Budget()
    amounts = _without_ranges(text, amounts, budget)
    known = next((a.currency for a in amounts), None)
    bare = _bare_amounts(text, known)
    for amount in sorted([*amounts, *bare], key=lambda a: a.start):
        role = words.role_of(text, amount)
        budget.by_role.setdefault(role, []).append(amount)
    _choose_currency(budget, geos)
    _fill_total(text, budget)
    _fill_daily(budget)
    _fill_period(budget)
    _fill_caps(budget)
    _read_vague(text, budget)
    return budget


def _without_ranges(text: Text, amounts: list[Amount], budget: Budget) -> list[Amount]:
    kept: list[Amount] = []
    skip = False
    for index, amount in enumerate(amounts):
        if skip:
            skip = False
            continue
        following = amounts[index + 1] if index + 1 < len(amounts) else None
        between = text.low[amount.end : following.start] if following else "."
        if following and following.value > 0 and _is_range(text, amount, between):
            role = words.role_of(text, following)
            if role in ("total", "weak", "daily") or role in words.PERIODS:
                budget.ambiguous = budget.stated = True
                budget.currency = amount.currency
            skip = True
            continue
        before = text.before(amount.start, 16)
        if re.search(r"(?:\d\s?(?:-|to|~|から)\s?)$", before) and amount.value > 0:
            budget.ambiguous = budget.stated = True
            budget.currency = amount.currency
            continue
        kept.append(amount)
    return kept


def _is_range(text: Text, amount: Amount, between: str) -> bool:
    if re.fullmatch(r"\s?(?:-|to|~|or|から|か)\s?", between):
        return not re.search(r"(?:from|raise|increase|up)\s$", text.before(amount.start, 10)) or (
            between.strip() != "to"
        )
    return between.strip() == "and" and text.before(amount.start, 10).endswith("between ")


def _bare_amounts(text: Text, currency: str | None) -> list[Amount]:
    """Numbers that are called a budget but have no currency, or one that nobody knows."""
    found: list[Amount] = []
    readers = [(p, english_value) for p in words.BARE_EN] + [
        (p, japanese_value) for p in words.BARE_JA
    ]
    for pattern, value_of in readers:
        for match in pattern.finditer(text.low):
            start, end = match.span("n")
            if text.taken(start, end, "money", "date"):
                continue
            value = value_of(match["n"].strip(",. -"))
            if value is None:
                continue
            value = -value if match["n"].startswith("-") else value
            unknown = bool(match["u"]) or bool(words.UNKNOWN_UNIT.match(text.after(end, 24)))
            text.mark("money", start, match.end("u") if match["u"] else end)
            found.append(Amount(value, None if unknown else currency, start, end))
    return found


def _choose_currency(budget: Budget, geos: tuple[str, ...]) -> None:
    order = ("total", "daily", *words.PERIODS, "weak", "cap", "revenue")
    weak = sorted(budget.by_role.get("weak", []), key=lambda a: -a.value)
    by_role = {**budget.by_role, "weak": weak}
    candidates = [a for role in order for a in by_role.get(role, [])]
    for amount in candidates:
        code = resolve(amount.currency, geos)
        if code is not None:
            budget.currency = code
            return
    if budget.currency is not None:
        budget.currency = resolve(budget.currency, geos)
    if candidates:
        budget.stated = budget.ambiguous = True


def _usable(budget: Budget, amount: Amount) -> bool:
    """Return whether the amount can be used; records why not."""
    budget.stated = True
    if amount.value <= 0:
        budget.impossible = True
        return False
    if amount.value > MAX_UNITS:
        budget.impossible = True
        return False
    if amount.currency is None or budget.currency is None:
        budget.ambiguous = True
        return False
    return True


def _fill_total(text: Text, budget: Budget) -> None:
    strong = budget.by_role.get("total", [])
    weak = budget.by_role.get("weak", [])
    others = any(role in budget.by_role for role in ("daily", *words.PERIODS))
    chosen = strong or ([] if others and not _looks_total(text, weak) else weak)
    usable = [a for a in chosen if _usable(budget, a)]
    if not usable or budget.currency is None:
        return
    distinct = {(a.value, a.currency) for a in usable}
    if strong and len(distinct) > 1:
        budget.contradictory = True
        return
    if len({a.currency for a in usable}) > 1:
        budget.ambiguous = True
        return
    value = max(a.value for a in usable)
    budget.total_minor = to_minor(value, budget.currency)


def _looks_total(text: Text, weak: list[Amount]) -> bool:
    return len(weak) == 1 and bool(re.search(r"total|overall|in all|合計|総", text.low))


def _fill_daily(budget: Budget) -> None:
    usable = [a for a in budget.by_role.get("daily", []) if _usable(budget, a)]
    if usable and budget.currency:
        if len({a.value for a in usable}) > 1:
            budget.contradictory = True
            return
        budget.daily_minor = to_minor(usable[0].value, budget.currency)


@cache
def _periods() -> tuple[Period, ...]:
    return ("week", "month", "quarter", "year")


def _fill_period(budget: Budget) -> None:
    for period in _periods():
        usable = [a for a in budget.by_role.get(period, []) if _usable(budget, a)]
        if usable and budget.currency:
            if len({a.value for a in usable}) > 1:
                budget.contradictory = True
                return
            budget.period = PeriodBudget(to_minor(usable[0].value, budget.currency), period)
            return


def _fill_caps(budget: Budget) -> None:
    if budget.currency is None:
        return
    for amount in budget.by_role.get("cap", []):
        if amount.value <= 0:
            budget.impossible = True
        elif amount.currency is not None and amount.value <= MAX_UNITS:
            budget.cap_minor = to_minor(amount.value, budget.currency)
    for amount in budget.by_role.get("revenue", []):
        if Decimal(0) < amount.value <= MAX_UNITS:
            budget.revenue_minor = to_minor(amount.value, budget.currency)


def _read_vague(text: Text, budget: Budget) -> None:
    usable = budget.total_minor or budget.daily_minor or budget.period
    if not usable and (match := words.VAGUE.search(text.low)):
        budget.stated = budget.ambiguous = True
        text.mark("money", match.start(), match.end())
        budget.currency = budget.currency or words.vague_currency(match)
    if words.NO_BUDGET.search(text.low):
        budget.stated = True
        if usable:
            budget.contradictory = True
        else:
            budget.impossible = True
    if usable and words.UNLIMITED.search(text.low):
        budget.contradictory = True
