"""What is asked of a guard, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.errors import Forbidden
from domain.trust import Trust
from tools.policy import wording
from tools.policy.rules import Effect

Code = Literal[
    "allowed",
    "policy_tool_unknown",
    "policy_tool_not_here",
    "policy_not_asked",
    "policy_argument_unknown",
    "policy_bad_argument",
    "policy_untrusted_argument",
    "policy_link",
    "policy_orders",
    "policy_canary",
    "policy_over_budget",
]


@dataclass(frozen=True)
class Argument:
    """A value with its label.

    Attributes:
        value: What is handed over: a text, a number, or a list or mapping of such.
        trust: Who stands behind it.
        sources: Where it is from: `goal`, `feed.url`, `model:CreativeSet`; all of them if several.
    """

    value: object
    trust: Trust
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call that somebody wants to make.

    Attributes:
        node: From where.
        tool: Which.
        arguments: With what.
        micros: Money it may move at most.
    """

    node: str
    tool: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    micros: int = 0


@dataclass(frozen=True)
class Decision:
    """What a guard said; its line in the audit.

    Attributes:
        code: `allowed`, or why not.
        node, tool, argument: Of the call.
        effect: Class of the tool; None if nobody knows it.
    """

    code: Code
    node: str
    tool: str
    effect: Effect | None
    argument: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the call may be made."""
        return self.code == "allowed"

    @property
    def sentence(self) -> str:
        """The decision in words; see `tools.policy.wording`."""
        return wording.sentence(self.code, self.tool, self.argument)


class PolicyRefused(Forbidden):
    """A call that the policy does not allow. `decision` says which and why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.code, decision.sentence, tool=decision.tool, node=decision.node)
        self.decision = decision
