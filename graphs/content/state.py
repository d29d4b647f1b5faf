"""The typed state of a content run. Small: ids, counts and the brief; bulk lies on the shelf."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from domain.brief import Brief

Outcome = Literal["done", "refused", "failed"]

#: How often texts are written again without what was objected to.
MAX_ROUNDS = 2


def merged(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    """Return both; a part that was done twice counts once, since it has the same name."""
    return {**old, **new}


class ContentInput(TypedDict):
    """What a run starts with.

    Keys:
        goal: What the content is for, in plain language.
        site_url, page_source_id, feed_source_id: What may be read about the product.
        order: JSON text of `graphs.content.order.ContentOrder`.
    """

    goal: str
    site_url: str | None
    page_source_id: str | None
    feed_source_id: str | None
    order: str


class Part(TypedDict):
    """What one of the parallel nodes is sent: a channel, and a variant of it where it draws.

    Keys:
        brief: The goal, parsed.
        order: As in `ContentInput`.
        channel: Of the order.
        round: How often its texts were written again.
        arm: Which variants are drawn; `control` or a hypothesis.
    """

    brief: Brief
    order: str
    channel: str
    round: int
    arm: NotRequired[str]


class ContentState(ContentInput, total=False):
    """What a run knows.

    Keys:
        brief: The goal, parsed.
        channels: What is written for, without repeats.
        written: How many texts each channel has, by `<channel>`.
        drawn: How many pictures were made, by `<channel>/<arm>`.
        arms: Variants that passed, by channel and arm, as `<channel>/<arm>`.
        again: Channels whose texts are written again.
        round: How often that was done.
        passed, to_revise, blocked: Counts after the last reading.
        assets: Ids of all that was made.
        outcome, reason: How it ended.
    """

    brief: Brief
    channels: list[str]
    written: Annotated[dict[str, int], merged]
    drawn: Annotated[dict[str, int], merged]
    arms: list[str]
    again: list[str]
    round: int
    passed: int
    to_revise: int
    blocked: int
    assets: list[str]
    outcome: Outcome
    reason: str
