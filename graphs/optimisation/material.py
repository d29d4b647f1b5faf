"""The bulk of an optimisation run: objects keyed by the run; a step that runs twice overwrites its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from catalog.changesets import Change, ChangeSet
from catalog.in_chat import update_of
from catalog.tables import Campaign
from graphs.desk import RunObjects
from measurement.proposals import AdArm, Arm, Move, Proposals, Rest, Rewrite


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        first, last: The days that were looked at, ISO 8601.
        arms, ads: Campaigns and their ads.
        skipped: Campaigns that were left out, and why.
    """

    first: str
    last: str
    arms: tuple[Arm, ...]
    ads: tuple[AdArm, ...]
    skipped: dict[str, str]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that a guard did not let through."""

    campaign_id: str
    code: str
    detail: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown for approval, and then done.

    Attributes:
        moves, rests: As proposed and let through by the guards.
        cuts, raises: The same as what is sent to the channel; cuts go first.
        rewrites: Advice; nothing is done about it.
        refused: What the guards held back.
    """

    moves: tuple[Move, ...]
    rests: tuple[Rest, ...]
    cuts: ChangeSet
    raises: ChangeSet
    rewrites: tuple[Rewrite, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def hash(self) -> str:
        """Name of all that is done: an approval is bound to it."""
        asked = msgspec.json.encode((self.cuts.hash, self.raises.hash, self.rests))
        return hashlib.blake2b(asked, digest_size=16).hexdigest()


def plan_of(
    org_id: str,
    run_id: str,
    proposals: Proposals,
    campaigns: Mapping[str, Campaign],
    refused: tuple[Refused, ...],
) -> Plan:
    """Return what proposals would send.

    Args:
        org_id: Whose.
        run_id: Names the two ChangeSets.
        proposals: What should change.
        campaigns: As they stand, by id.
        refused: What was held back already.
    """
    changes = {m.campaign_id: change_of(m, campaigns[m.campaign_id]) for m in proposals.moves}

    def changeset(part: str, *, up: bool) -> ChangeSet:
        return ChangeSet(
            org_id=org_id,
            channel="in_chat",
            plan_id=f"{run_id}:{part}",
            changes=tuple(
                changes[m.campaign_id]
                for m in proposals.moves
                if (m.after_micros > m.before_micros) is up
            ),
            why="optimisation: " + part,
        )

    return Plan(
        moves=proposals.moves,
        rests=proposals.rests,
        cuts=changeset("cuts", up=False),
        raises=changeset("raises", up=True),
        rewrites=proposals.rewrites,
        refused=refused,
    )


def change_of(move: Move, campaign: Campaign) -> Change:
    """Return what a move sends to the in-chat channel."""
    return update_of(campaign, **{move.amount: move.after_micros})


class Desk(RunObjects):
    """What lies there of a run."""

    async def keep_performance(self, measured: Performance) -> None:
        """Keep what was measured."""
        await self._keep("performance.json", measured)

    async def performance(self) -> Performance:
        """Return what was measured."""
        return await self._kept("performance.json", Performance)

    async def keep_proposals(self, proposals: Proposals) -> None:
        """Keep what was proposed before the guards."""
        await self._keep("proposals.json", proposals)

    async def proposals(self) -> Proposals:
        """Return what was proposed."""
        return await self._kept("proposals.json", Proposals)

    async def keep_plan(self, plan: Plan) -> None:
        """Keep what is shown for approval."""
        await self._keep("plan.json", plan)

    async def plan(self) -> Plan:
        """Return what was shown for approval."""
        return await self._kept("plan.json", Plan)
