"""Reads a question by rules into arguments of the query tool. What is not understood is said, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from agents.analytics import words
from agents.analytics.periods import Found, periods
from agents.analytics.schemas import AnalyticsQuery, Known, Tongue
from domain.errors import BadInput, Unprocessable
from llm.offline.tasks import OfflineRequest
from measurement.query_types import OF_DECISIONS, Dimension, Metric, Period, Side

MAX_CHARS = 1_000
#: Without a period, the question is about this many days, today included.
DEFAULT_DAYS = 7
T = TypeVar("T")

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_ID = re.compile(r"\b(?:cmp|app)_[0-9A-HJKMNP-TV-Z]{26}\b")


def language_of(question: str) -> Tongue:
    """Return the language that a question is asked in."""
    return "jpn" if _JAPANESE.search(question) else "eng"


def read_question(question: str, known: Known) -> AnalyticsQuery:
    """Return what a question asks for.

    Raises:
        BadInput: `question_empty` or `question_too_long`.
        Unprocessable: `question_not_understood`, with what could be asked.
    """
    if not question.strip():
        raise BadInput(
            "question_empty", "Ask something, for instance: clicks by campaign last week."
        )
    if len(question) > MAX_CHARS:
        raise BadInput("question_too_long", f"Ask in at most {MAX_CHARS} characters.")
    text = unicodedata.normalize("NFKC", question)
    text, campaigns = _named(text, known.campaigns)
    text, apps = _named(text, known.apps)
    named = periods(text, known.today)
    bare = _without(text, [(start, end) for start, end, _ in named])
    by = _found(bare, words.dimensions())[:2]
    bare_metrics = _cut(bare, words.dimensions())
    metrics = _metrics(bare_metrics, text, by, known, named=bool(campaigns or apps or named))
    ranks = bool(words.sign("best").search(text) or words.sign("worst").search(text))
    main, other = _periods(text, named, known.today)
    why = bool(words.sign("why").search(bare)) and Dimension.REASON not in by
    if other is None and (why or words.sign("compare").search(bare)):
        other = _year_before(main) if words.sign("last_year").search(text) else main.before()
    if why and not by:
        by = [Dimension.CAMPAIGN if known.side is Side.ADVERTISER else Dimension.APP]
    order = metrics[0] if (ranks and by) or why else None
    return AnalyticsQuery(
        kind="why" if why else "figures",
        metrics=metrics,
        by=by,
        campaigns=campaigns,
        apps=apps,
        languages=_found(bare, words.languages()),
        intents=_found(bare, words.intents()),
        first=main.first,
        last=main.last,
        compare_first=other.first if other else None,
        compare_last=other.last if other else None,
        order_by=order,
        ascending=_ascending(text, metrics[0]),
        limit=_limit(text, ranks, bool(by)),
    )


def analytics_query(request: OfflineRequest) -> dict[str, Any]:
    """Task `AnalyticsQuery` of the offline model: read the `<question>` of the prompt.

    Raises:
        ParleyError: as `read_question`.
    """
    known = Known(
        side=Side(str(request.section("side"))),
        campaigns=_listed(request.section("campaigns")),
        apps=_listed(request.section("apps")),
        today=date.fromisoformat(str(request.section("today"))),
    )
    question = request.section("question")
    return read_question(str(question or ""), known).model_dump(mode="json")


def _listed(section: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in section.items()} if isinstance(section, dict) else {}


def _named(text: str, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the text without the names that stand in it, and whose names they are."""
    found: list[str] = [match[0] for match in _ID.finditer(text) if match[0] in names]
    for name_id in found:
        text = text.replace(name_id, " ")
    for name in sorted(set(names.values()), key=lambda name: (-len(name), name)):
        plain = unicodedata.normalize("NFKC", name).strip()
        if len(plain) < 2:
            continue
        edges = (r"(?<![^\W_])", r"(?![^\W_])") if plain.isascii() else ("", "")
        pattern = re.compile(edges[0] + re.escape(plain) + edges[1], re.I)
        if pattern.search(text):
            text = pattern.sub(" ", text)
            # Two campaigns may have one name: the question is about both.
            found += [other for other, called in names.items() if called == name]
    return text, list(dict.fromkeys(found))[:100]


def _metrics(
    bare: str, text: str, by: Sequence[Dimension], known: Known, *, named: bool
) -> list[Metric]:
    asked = _found(bare, words.metrics())
    if any(metric in words.LESS_IS_BETTER for metric in asked):
        # "How much" asks for the price that is named, not for the spend as well.
        asked = _found(bare.replace("いくら", "   "), words.metrics())
    if Dimension.REASON in by:
        asked = [metric for metric in asked if metric in OF_DECISIONS] or [Metric.REQUESTS]
    if asked:
        return asked[:6]
    whole = words.DEFAULT if known.side is Side.ADVERTISER else words.DEFAULT_PUBLISHER
    if words.sign("whole").search(text) or (by and named) or by:
        return list(whole)
    raise Unprocessable(
        "question_not_understood",
        "I can tell impressions, clicks, sign-ups, spend, CTR, cost per click and more, by day, campaign, ad, "
        "app or language, for any period; ask for instance: clicks by campaign last week.",
    )


def _periods(text: str, named: Sequence[Found], today: date) -> tuple[Period, Period | None]:
    """Return what is asked about and what it is to be compared with.

    "This week compared with last week" holds Monday to today against Monday to the same weekday.
    """
    default = Period(today - timedelta(days=DEFAULT_DAYS - 1), today)
    if not named:
        return default, None
    compare = words.sign("compare").search(text)
    if len(named) == 1:
        start, _, only = named[0]
        against = compare is not None and re.search(
            r"(?:to|with|than|vs\.?|versus|against)\s*(?:the )?$", text[:start], re.I
        )
        after = text[named[0][1] :].lstrip()
        if against or after.startswith(("と比", "より", "に比べ", "比")):
            # "Clicks compared with last week": the days up to today against those of the same length.
            return Period(today - timedelta(days=only.days - 1), today), only
        return only, None
    (_, _, first), (_, _, second) = named[0], named[1]
    after = text[named[0][1] : named[1][0]]
    if compare is None and not re.search(r"と|and", after):
        return Period(min(first.first, second.first), max(first.last, second.last)), None
    if second.first > first.first:
        main, other = second, first
    else:
        main, other = first, second
    if main.last == today and main.days < other.days:
        other = Period(other.first, other.first + timedelta(days=main.days - 1))
    return main, other


def _year_before(period: Period) -> Period:
    # 52 weeks: weekdays stand against the same weekdays.
    return Period(period.first - timedelta(days=364), period.last - timedelta(days=364))


def _ascending(text: str, metric: Metric) -> bool:
    if words.sign("cheap").search(text):
        return True
    if metric in words.LESS_IS_BETTER and not words.sign("bad").search(text):
        return not re.search(r"highest|most expensive|最高|高い", text, re.I) or bool(
            words.sign("worst").search(text)
        )
    if metric in words.LESS_IS_BETTER:
        return False
    return bool(words.sign("worst").search(text))


def _limit(text: str, ranks: bool, split: bool) -> int:
    if not split:
        return 10
    match = words.HOW_MANY.search(text)
    if match:
        said = match[1] or match[2]
        return max(1, words.COUNTS.get(said.lower(), 0) or int(said))
    one = re.search(
        r"(?:which|what)(?: \w+){0,2} (?:had|has|got|is|was|did|gets|spent|performed)|"
        r"(?:best|worst|top) (?:performing )?(?:campaign|ad|creative|app|day|language)\b(?!s)|一番|最も",
        text,
        re.I,
    )
    return 3 if ranks and one else 10


def _found(text: str, table: Iterable[tuple[re.Pattern[str], T]]) -> list[T]:
    """Return what is named, in order of the text; words that one pattern has taken are gone for the next."""
    found: list[tuple[int, T]] = []
    for pattern, what in table:
        matches = list(pattern.finditer(text))
        if matches:
            found.append((matches[0].start(), what))
            text = _without(text, [match.span() for match in matches])
    return [what for _, what in sorted(found, key=lambda pair: pair[0])]


def _cut(text: str, table: Iterable[tuple[re.Pattern[str], Any]]) -> str:
    for pattern, _ in table:
        text = _without(text, [match.span() for match in pattern.finditer(text)])
    return text


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with spaces in the place of spans, so that positions stay."""
    signs = list(text)
    for start, end in spans:
        signs[start:end] = " " * (end - start)
    return "".join(signs)
