"""What a guard said, in words for whoever wrote the goal: what was refused, why, and what they can do about it.

Nothing of an argument's value stands in a sentence, nor any argument that Parley does not know: it may be an
attacker's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

#: By tool: what is being done, and the same as something that can be refused.
_TOOLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "fetch_page": ("Reading the page that you named.", "Reading the page"),
        "read_web": ("Reading a page that your goal names.", "Reading the page"),
        "retrieve": ("Looking into your documents.", "Looking into your documents"),
        "store_campaign": ("Writing the campaign down, for approval.", "The campaign"),
        "store_creative": ("Keeping an ad, for approval.", "An ad"),
        "launch": ("Carrying out what was approved.", "What was planned"),
        "answer": ("Giving the answer.", "The answer"),
    }
)
#: By argument: what a marketer calls it.
_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "url": "the address",
        "question": "the question",
        "passages": "the number of passages",
        "name": "the campaign's name",
        "currency": "the currency",
        "bid_micros": "the bid",
        "budget_total_micros": "the total budget",
        "budget_daily_micros": "the daily budget",
        "geos": "the countries",
        "languages": "the languages",
        "starts": "the first day",
        "ends": "the last day",
        "texts": "its text",
        "tags": "its keywords",
        "landing_url": "its link",
        "image_url": "its picture",
        "approved_by": "the approval",
        "changeset": "the list of changes",
        "text": "its text",
    }
)
_ALLOWED = "allowed"
#: By code, and where an argument needs other words by code and argument: why, and what to do.
_WHY: Mapping[str, str] = MappingProxyType(
    {
        "policy_tool_unknown": "no policy names this tool; ask whoever runs Parley to add it.",
        "policy_tool_not_here": "this step of a run may not do that; ask whoever runs Parley if it should.",
        "policy_not_asked": "neither the goal nor your answers ask for it; say so in the goal if you want it.",
        "policy_argument_unknown": "{argument} is not part of it; report this to whoever runs Parley.",
        "policy_bad_argument": "{argument} is no number, or more than may ever be set; state a smaller one.",
        "policy_untrusted_argument": (
            "{argument} is not what you stated yourself but what a page, a feed or a model says; state it in the"
            " goal if it is right."
        ),
        "policy_untrusted_argument/landing_url": (
            "its link is none that your page or feed states; put the link into your feed, or name the page in the"
            " goal."
        ),
        "policy_untrusted_argument/image_url": (
            "its picture is none that your page or feed states; put the picture into your feed, or upload it."
        ),
        "policy_untrusted_argument/approved_by": "nobody who may approve it has; approve it yourself.",
        "policy_link": (
            "{argument} leads to a site that is not known to be yours; use your own address, or name that site in"
            " the goal."
        ),
        "policy_orders": (
            "{argument} gives orders to a machine instead of speaking to customers; take those words out of the"
            " page, feed or document that they come from."
        ),
        "policy_canary": "{argument} would have given Parley's own instructions away; start the run again.",
        "policy_over_budget": (
            "it was done as often, or for as much money, as one step may; start another run for the rest."
        ),
    }
)
CODES = frozenset(code for code in _WHY if "/" not in code)
_PLAIN = re.compile(r"[a-z][a-z_]{0,39}")


def sentence(code: str, tool: str, argument: str = "") -> str:
    """Return one sentence about a decision.

    Args:
        code: `allowed`, or why not; one of `CODES`.
        tool: Which one was to be used.
        argument: Of the call, if it is about one.
    """
    doing, held = _TOOLS.get(tool, (f"Using {_name(tool)}.", f"Using {_name(tool)}"))
    if code == _ALLOWED:
        return doing
    why = _WHY.get(f"{code}/{argument}", _WHY[code])
    return f"{held} was refused: {why.format(argument=_called(argument))}"


def tally(allowed: int, refused: Iterable[str]) -> str:
    """Return one line about many ads: how many may be shown, and why the others may not.

    Args:
        allowed: How many passed.
        refused: The sentence about each that did not.
    """
    held = list(refused)
    if not held:
        return f"{_ads(allowed)} may be shown once approved"
    first, *others = dict.fromkeys(held)
    more = f" (and {len(others)} other reason{'s' if len(others) > 1 else ''})" if others else ""
    why = first.partition(": ")[2].rstrip(".")
    return f"{_ads(allowed)} may be shown once approved, {len(held)} refused: {why}{more}."


def _ads(count: int) -> str:
    return f"{count} ad{'' if count == 1 else 's'}"


def _name(tool: str) -> str:
    return tool if _PLAIN.fullmatch(tool) else "a tool"


def _called(argument: str) -> str:
    return _ARGUMENTS.get(argument, "one of its values")
