"""What is asked of a channel: typed, with every amount as Money, and named by its content."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from catalog.changes import CampaignChange
from domain.errors import BadInput
from domain.ids import stable_id
from domain.money import Money


class ChangeKind(StrEnum):
    """What becomes of a campaign."""

    CREATE = "create"
    LAUNCH = "launch"
    UPDATE = "update"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


#: Kinds that can lead to money being spent; the others only ever stop it.
SPENDING = frozenset({ChangeKind.CREATE, ChangeKind.LAUNCH, ChangeKind.UPDATE, ChangeKind.RESUME})


class Amount(StrEnum):
    """What an amount is for."""

    TOTAL = "budget_total_micros"
    DAILY = "budget_daily_micros"
    BID = "bid_micros"


class MoneyMove(msgspec.Struct, frozen=True, kw_only=True):
    """One amount before and after. None stands for "no limit", which is more than any amount.

    Attributes:
        what: Which amount.
        before: As it is now; for something new the same as `after`.
        after: As it will be.
    """

    what: Amount
    before: Money | None
    after: Money | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on one campaign of a channel.

    Attributes:
        kind: What is done.
        campaign_id: Ours; the channel's own id is kept in the ledger.
        money: Every amount that the campaign has afterwards, or that becomes different.
        rest: What else an `update` changes; never an amount.
    """

    kind: ChangeKind
    campaign_id: str
    money: tuple[MoneyMove, ...] = ()
    rest: CampaignChange | UnsetType = UNSET


class ChangeSet(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to one channel at once, and approved as a whole.

    Attributes:
        org_id: Whose.
        channel: `in_chat`, or a platform of `domain.brief.CHANNELS`.
        plan_id: What it came from (a run, a proposal); the same plan sent twice is one.
        changes: In order; each succeeds or fails on its own.
        why: For the audit.
    """

    org_id: str
    channel: str
    plan_id: str
    changes: tuple[Change, ...]
    why: str = ""

    @property
    def hash(self) -> str:
        """Name of what is done, whatever is said about it: an approval is bound to it."""
        asked = msgspec.structs.replace(self, why="")
        return hashlib.blake2b(msgspec.json.encode(asked), digest_size=16).hexdigest()

    def op_key(self, change: Change) -> str:
        """Return the id of one operation: from organisation, channel, plan and content."""
        body = msgspec.json.encode(change).decode()
        return stable_id("cop", self.org_id, self.channel, self.plan_id, body)


class Approved(msgspec.Struct, frozen=True):
    """Who approved which ChangeSet.

    Attributes:
        by: A key, a person or a policy.
        changeset: `ChangeSet.hash` of what was shown to them.
    """

    by: str
    changeset: str


def campaign_change(change: Change) -> CampaignChange:
    """Return the in-chat campaign's fields that an `update` changes.

    Raises:
        BadInput: `amount_unguarded` if an amount stands among what is not money.
    """
    amounts = {
        str(move.what): None if move.after is None else move.after.micros for move in change.money
    }
    rest = CampaignChange() if change.rest is UNSET else change.rest
    for what in Amount:
        if getattr(rest, str(what)) is not UNSET:
            raise BadInput("amount_unguarded", f"{what} must be stated as money, to be guarded.")
    return msgspec.structs.replace(rest, **amounts)


def check_currencies(change: Change, currency: str) -> None:
    """Raise `BadInput` unless every amount is in the campaign's currency."""
    for move in change.money:
        for amount in (move.before, move.after):
            if amount is not None and amount.currency != currency:
                raise BadInput(
                    "currency_mismatch", f"{amount} cannot be set on a campaign paid in {currency}."
                )
