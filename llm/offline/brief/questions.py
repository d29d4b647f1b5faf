"""What has to be asked, one sentence each, in the goal's language."""

from __future__ import annotations

from domain.brief import Missing

#: Order in which questions are put.
ORDER: tuple[Missing, ...] = (
    "product", "budget", "geos", "end_date", "contradictory", "past", "impossible", "ambiguous",
)  # fmt: skip

#: Kinds that are about something said, not about something left out.
DOUBTS: frozenset[Missing] = frozenset({"contradictory", "past", "impossible", "ambiguous"})

_ENGLISH: dict[Missing, str] = {
    "product": "What do you want to advertise?",
    "budget": "How much may be spent, and in which currency?",
    "geos": "In which countries should the ads be shown?",
    "end_date": "What is the last day of the campaign, or should it run until you stop it?",
    "contradictory": "Two parts of the goal exclude each other: {detail}. Which one holds?",
    "past": "The dates are already over: which dates do you mean?",
    "impossible": "This cannot be reached as stated: {detail}. What should it be instead?",
    "ambiguous": "One part can be read in several ways: {detail}. What exactly do you mean?",
}
_JAPANESE: dict[Missing, str] = {
    "product": "何を宣伝したいですか。",
    "budget": "予算はいくらですか(通貨もお知らせください)。",
    "geos": "どの国で広告を出しますか。",
    "end_date": "最終日はいつですか。それとも止めるまで続けますか。",
    "contradictory": "内容に矛盾があります({detail})。どちらが正しいですか。",
    "past": "日付がすでに過ぎています。いつのことですか。",
    "impossible": "このままでは実現できません({detail})。どう変えますか。",
    "ambiguous": "複数の意味に取れる箇所があります({detail})。具体的に教えてください。",
}
#: Why a goal is contradictory, impossible or ambiguous: English, Japanese.
DETAILS: dict[str, tuple[str, str]] = {
    "budget": ("the budget", "予算"),
    "dates": ("the dates", "日付"),
    "place": ("the place", "地域"),
    "measure": ("the target", "目標"),
    "daily": ("the daily budget and the total", "日予算と総予算"),
    "cap": ("the cost per action and the budget", "獲得単価と予算"),
    "goal": ("the goal", "ご依頼の内容"),
}


def questions(asked: dict[Missing, list[str]], japanese: bool) -> tuple[str, ...]:
    """Return one question per missing part.

    Args:
        asked: What is missing and, for the kinds that need it, which parts (`DETAILS` keys).
        japanese: Ask in Japanese.
    """
    table = _JAPANESE if japanese else _ENGLISH
    join = "、" if japanese else " and "
    return tuple(
        table[kind].format(
            detail=join.join(DETAILS[part][japanese] for part in dict.fromkeys(asked[kind]))
        )
        for kind in ORDER
        if kind in asked
    )


def parts_in(question: str) -> tuple[str, ...]:
    """Return which parts (`DETAILS` keys) a question of `questions` names, longest name first."""
    found = []
    named = sorted(DETAILS.items(), key=lambda item: -len(item[1][0]))
    for part, names in named:
        for name in names:
            if name in question:
                found.append(part)
                # A shorter name may be a part of this one.
                question = question.replace(name, "")
    return tuple(found)
