"""From date expressions to start, end and "ongoing"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from llm.offline.brief import calendar as cal
from llm.offline.brief.dates_en import find_english
from llm.offline.brief.dates_ja import find_japanese
from llm.offline.brief.durations import Duration, find_duration
from llm.offline.brief.moments import Moment
from llm.offline.brief.text import Text

_EXCL = re.compile(
    r"(?:\bbefore|\bprior to|\bahead of|\bleading up to|\bin the run-?up to)\s(?:the\s|our\s)?$"
)
_INCL = re.compile(
    r"(?:\bby|\buntil|\btill?|\b'til|\bthrough|\bthru|\bto|\bup to|\bup until|"
    r"\bending(?: on)?|\bends?(?: on)?|\bend date(?: is)?:?"
    r"|\bfinish(?:es|ing)?(?: on| by)?|\bstop(?:s|ping)?(?: on| at)?|"
    r"\bdeadline(?: is)?:?|\bclos(?:es|ing)(?: on)?|\bexpir(?:es|ing)(?: on)?"
    r"|\bno later than|\bnot later than|\bat the latest by|\bin time for|\bdue(?: on|"
    r" by)?|[a-z\d]\s?[-~]"
    r"|終了日?(?:は|:|が)?|締め?切り?(?:は|:)?|期限(?:は|:)?|から|~)\s?(?:the\s|"
    r"midnight on\s|our\s|(?:and )?including\s|on\s|about\s|around\s)?$"
)
_START = re.compile(
    r"(?:\bfrom|\bstarting|\bstarts?|\bbeginning|\bbegins?|\blaunch(?:es|ing)?|\bas of|"
    r"\beffective|\bsince|\bkick(?:s|ing)? off|\bgo(?:es|ing)? live"
    r"|\bcommencing|\bstart date(?: is)?:?|\bbetween|開始日?(?:は|:|が)?|スタート(?:は|"
    r":))\s?(?:on\s|in\s|from\s|at\s|the\s|with\s)?(?:the\s)?$"
)
_AFTER = re.compile(r"\bafter\s(?:the\s)?$")
_BOTH = re.compile(
    r"(?:\bin|\bon|\bduring|\bover|\bthroughout|\bwithin|\bacross|\bthis|\ball|\bjust|"
    r"\bonly)\s(?:the\s|just\s|only\s)?$"
)
_FOR = re.compile(r"\bfor\s(?:the\s|our\s|this\s)?$")
_JA_END = re.compile(
    r"^(?:\(?[月火水木金土日]\)?)?(?:の?(?:前日)?まで|迄|以内|を期限|締め?切|が締め|"
    r"終了|を?終わり|が?期限)"
)
_JA_START = re.compile(
    r"^(?:\(?[月火水木金土日](?:曜)?\)?)?\s?(?:から|より|以降|以後|スタート|開始|"
    r"に?(?:開始|スタート)|~|-|を皮切り)"
)
_JA_BEFORE = re.compile(r"^(?:の?前(?:まで)?|より前|以前)")
_JA_BOTH = re.compile(r"^(?:に|中|の間|期間|限定|のみ|だけ|で|当日|の1日|の一日)")

_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?!\d)")
_RANGE = re.compile(r"\s?(?:-|~|to|until|till|through|thru|から|より)\s?(?:the |and )?")

_ONGOING = re.compile(
    r"\bon-?going\b|\balways[- ]on\b(?! (?:helpdesk|software|support|app|tool|"
    r"assistant|display))|\buntil further notice\b|\bno (?:fixed )?end(?:[- ]date|"
    r" in sight)?\b|\bwithout (?:an )?end(?: date)?\b"
    r"|\bopen[- ]ended\b|\bindefinite(?:ly)?\b|\bcontinu(?:ous(?:ly)?|ally)\b|"
    r"\bevergreen\b|\bperpetual(?:ly)?\b|\bnon-?stop\b|\ball year round\b|"
    r"\byear[- ]round\b"
    r"|\bpermanent(?:ly)?\b|\bkeep (?:it |them |this )?running\b|\brolling (?:basis|"
    r"campaign)\b|\buntil (?:we|i) (?:say|stop|tell|cancel|pause)|\bforever\b|"
    r"\bin perpetuity\b"
    r"|継続的|継続して|継続配信|常時|無期限|ずっと|期限なし|終了日なし|終了日はなし|"
    r"終わりは(?:決めて|決まって)い?ない|期間(?:は)?(?:無制限|定めず)|通年|恒久|"
    r"止めるまで|当面(?:の間)?|期限は(?:なし|設け)|継続(?=$|[。、,で])|エンドレス"
)


@dataclass
class Schedule:
    """When the campaign runs, as stated.

    Attributes:
        start: First day.
        end: Last day (inclusive).
        ongoing: The goal says that there is no end.
        days: Length in days, if it is stated (by both ends or as a duration).
        past: The stated dates are over.
        contradictory: The end lies before the start, or two statements differ.
        ambiguous: A date can be read in two ways.
        impossible: A date does not exist.
    """

    start: date | None = None
    end: date | None = None
    ongoing: bool = False
    days: int | None = None
    past: bool = False
    contradictory: bool = False
    ambiguous: bool = False
    impossible: bool = False


def read_schedule(text: Text, today: date, month_first: bool = False) -> Schedule:
    """Read start, end and duration of a goal relative to `today`.

    Args:
        text: The goal; understood stretches are marked as `date`.
        today: The day relative expressions count from.
        month_first: Read `03/04/2027` as 4 March instead of reporting it as ambiguous.
    """
    schedule = Schedule()
    if match := _ONGOING.search(text.low):
        schedule.ongoing = True
        text.mark("date", *match.span())
    duration = find_duration(text)
    moments = find_japanese(text, today) if text.japanese else []
    moments = sorted([*moments, *find_english(text, today)], key=lambda m: (m.start, m.end))
    moments = [_settled(text, m) for m in moments if not _ignored(text, m)]
    _assign(text, schedule, moments, today, month_first)
    _apply_duration(schedule, duration, today)
    _judge(schedule, moments, today)
    return schedule


def _settled(text: Text, moment: Moment) -> Moment:
    """Resolve `12/1` by another date of the goal that can only be read one way."""
    if moment.problem != "ambiguous":
        return moment
    pairs = [(int(a), int(b)) for a, b in _SLASHED.findall(text.low)]
    if any(a <= 12 < b <= 31 for a, b in pairs):
        return replace(moment, problem=None)
    if any(b <= 12 < a <= 31 for a, b in pairs):
        swapped = date(moment.first.year, moment.first.day, moment.first.month)
        return replace(moment, problem=None, first=swapped, last=swapped)
    return moment


def _ignored(text: Text, moment: Moment) -> bool:
    before = text.before(moment.start, 24)
    if text.low[moment.start : moment.end] == "today" and not re.search(
        r"\b(?:by|from|starting|start|starts|until|as of|on|before|of|between)\s$", before
    ):
        return True  # "How are you today?" names no date
    return bool(
        re.search(
            (
                r"(?:\b(?:since|founded in|established in|est\.?|model|class of|born in|edition|"
                r"version|opened in)\s(?:the )?|創業)$"
            ),
            before,
        )
    )


def _role(text: Text, moment: Moment, is_second: bool, following: Moment | None) -> str:
    """Return `start`, `after`, `end`, `before`, `edge_end` or `both`."""
    if moment.role:
        return moment.role
    between = text.low[moment.end : following.start] if following and not following.role else None
    if between is not None and _RANGE.fullmatch(between):
        return "start"
    before, after = text.before(moment.start, 32), text.after(moment.end, 10)
    particles = ((_JA_BEFORE, "before"), (_JA_END, "end"), (_JA_START, "start"))
    words = ((_EXCL, "before"), (_AFTER, "after"), (_START, "start"), (_INCL, "end"))
    stated = [r for pattern, r in particles if text.japanese and pattern.search(after)]
    stated += [r for pattern, r in words if pattern.search(before)]
    if stated:
        return stated[0]
    if _FOR.search(before):
        return "end" if moment.unit in ("holiday", "day", "edge") else "both"
    if is_second and before.endswith("and ") and "between" in text.before(moment.start, 48):
        return "end"
    if _BOTH.search(before) or (text.japanese and _JA_BOTH.search(after)):
        return "edge_end" if moment.unit == "edge" else "both"
    return "end" if moment.unit in ("edge", "day") else "both"


def _assign(
    text: Text, schedule: Schedule, moments: list[Moment], today: date, month_first: bool
) -> None:
    start_moment: Moment | None = None
    end_moment: Moment | None = None
    for index, moment in enumerate(moments):
        following = moments[index + 1] if index + 1 < len(moments) else None
        role = _role(text, moment, index > 0, following)
        if moment.problem == "impossible":
            schedule.impossible = True
            continue
        if moment.problem == "ambiguous" and not month_first:
            schedule.ambiguous = True
            continue
        if role in ("start", "after"):
            if start_moment is None:
                start_moment = moment
                schedule.start = (
                    moment.first if role == "start" else moment.last + timedelta(days=1)
                )
        elif role in ("end", "edge_end", "before"):
            if end_moment is not None and end_moment.last != moment.last and role != "before":
                continue
            end_moment = moment
            excluded = role == "before" and moment.unit != "edge"
            schedule.end = moment.first - timedelta(days=1) if excluded else moment.last
        elif end_moment is None and not schedule.end:
            end_moment = moment
            schedule.end = moment.last
            if (start_moment is None and moment.first > today) or moment.unit == "day":
                schedule.start = schedule.start or moment.first
    _match_years(schedule, start_moment, end_moment, today)


def _match_years(schedule: Schedule, start: Moment | None, end: Moment | None, today: date) -> None:
    """Move a date without a year next to the other one."""
    if not (schedule.start and schedule.end and start and end and start is not end):
        return
    if start.year_given and not end.year_given:
        moved = _with_year(schedule.end, schedule.start.year)
        if moved < schedule.start and moved.month != schedule.start.month:
            moved = _with_year(moved, schedule.start.year + 1)
        schedule.end = moved
    elif end.year_given and not start.year_given and end.unit != "edge":
        moved = _with_year(schedule.start, schedule.end.year)
        if moved > schedule.end and moved.month > schedule.end.month:
            moved = _with_year(moved, schedule.end.year - 1)
        schedule.start = moved
    elif not start.year_given and schedule.start > schedule.end:
        earlier = _with_year(schedule.start, schedule.start.year - 1)
        if earlier <= today and (today - earlier).days <= 120:
            schedule.start = earlier


def _with_year(day: date, year: int) -> date:
    return date(year, day.month, min(day.day, cal.month_end(year, day.month).day))


def _apply_duration(schedule: Schedule, duration: Duration | None, today: date) -> None:
    if duration is None:
        if schedule.start and schedule.end:
            schedule.days = (schedule.end - schedule.start).days + 1
        return
    if schedule.start and schedule.end:
        stated = (schedule.end - schedule.start).days + 1
        wanted = (duration.last(schedule.start) - schedule.start).days + 1
        schedule.days = stated
        if schedule.start != schedule.end and abs(stated - wanted) > max(3, wanted // 5):
            schedule.contradictory = True
        elif schedule.start == schedule.end:
            schedule.end = duration.last(schedule.start)
    elif schedule.end:
        schedule.start = duration.first(schedule.end)
    else:
        schedule.end = duration.last(schedule.start or today)
    first = schedule.start or today
    schedule.days = (schedule.end - first).days + 1


def _judge(schedule: Schedule, moments: list[Moment], today: date) -> None:
    if schedule.start and schedule.end and schedule.end < schedule.start:
        schedule.contradictory = True
    if schedule.end and schedule.end < today:
        schedule.past = True
    if (
        schedule.start
        and schedule.start < today
        and any(m.year_given and m.first == schedule.start for m in moments)
    ):
        schedule.past = True
    if schedule.ongoing and schedule.end:
        schedule.contradictory = True
