"""Policies as data: what each tool does, who may call it where, and which flows of untrusted text are meant."""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
import yaml

from domain.errors import BadInput
from domain.trust import Trust


class Effect(StrEnum):
    """What a call leaves behind.

    `none`: nothing, it computes. `read`: somebody sees that we asked. `write`: our own records. `spend`: money, or
    what decides over money. `publish`: others see it.
    """

    NONE = "none"
    READ = "read"
    WRITE = "write"
    SPEND = "spend"
    PUBLISH = "publish"


#: Classes whose arguments have to come from somebody who may decide, unless a flow is named.
EFFECTFUL = frozenset({Effect.WRITE, Effect.SPEND, Effect.PUBLISH})

Form = Literal["plain", "link", "text"]


class ArgumentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an argument must be.

    Attributes:
        needs: Least trust; by default `advertiser` for effectful tools and for every `link`, else `untrusted`.
        form: `plain`: a value. `link`: an address, whose host must be allowed or stated by somebody trusted.
            `text`: words for people; every link among them is held to the same rule, and words that give
            orders to a machine are refused.
        most: Largest number.
        orders: Whether a `text` may hold words that read like orders to a machine.
    """

    needs: Trust | None = None
    form: Form = "plain"
    most: int | None = None
    orders: bool = False


class ToolRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tool does.

    Attributes:
        effect: Its class.
        arguments: Every argument it takes; one that is not named here is refused.
        calls: Most calls of one guard.
        micros: Most money of one guard, in micros of the account's currency; None = the tool moves none.
        asked_by: Patterns, of which one must stand in the trusted text for the tool to be open at all;
            empty = the node decides alone.
    """

    effect: Effect
    arguments: dict[str, ArgumentRule] = {}
    calls: int = 100
    micros: int | None = None
    asked_by: tuple[str, ...] = ()

    def is_asked(self, trusted: str) -> bool:
        """Return whether trusted words ask for the tool."""
        return not self.asked_by or any(
            re.search(pattern, trusted, re.IGNORECASE) for pattern in self.asked_by
        )


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way that untrusted text may take into an effectful tool, and why that is meant.

    Attributes:
        tool, argument: Where to.
        source: Where from, as a pattern: `feed.url`, `model:*`.
        why: One sentence.
    """

    tool: str
    argument: str
    source: str
    why: str


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is allowed; what is not in it is not.

    Attributes:
        version: Raised with every change of meaning.
        tools: By name.
        nodes: Which tools each place may call: a node of a graph, or `*` for a loop without nodes.
        flows: Named ways of untrusted text.
    """

    version: int
    tools: dict[str, ToolRule]
    nodes: dict[str, tuple[str, ...]]
    flows: tuple[Flow, ...] = ()

    def allows(self, node: str, tool: str) -> bool:
        """Return whether a place may call a tool."""
        return tool in self.nodes.get(node, ())

    def names_flow(self, tool: str, argument: str, source: str) -> bool:
        """Return whether untrusted text of a source may become this argument."""
        return any(
            flow.tool == tool and flow.argument == argument and fnmatchcase(source, flow.source)
            for flow in self.flows
        )


def read_policy(source: str, name: str) -> Policy:
    """Return a policy from the text of its YAML file.

    Args:
        source: The text.
        name: For the error.

    Raises:
        BadInput: `policy_broken` if it does not have the shape, or names a tool or argument that it does not have.
    """
    try:
        policy = msgspec.convert(yaml.safe_load(source), Policy)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInput("policy_broken", f"The policy {name} cannot be read: {error}.") from error
    for node, tools in policy.nodes.items():
        for tool in tools:
            if tool not in policy.tools:
                raise BadInput("policy_broken", f"Policy {name}: {node} names no tool: {tool}.")
    for flow in policy.flows:
        known = policy.tools.get(flow.tool)
        if known is None or flow.argument not in known.arguments:
            raise BadInput(
                "policy_broken", f"Policy {name}: a flow into {flow.tool}.{flow.argument}, unknown."
            )
    return policy


@cache
def built_in(name: str = "parley") -> Policy:
    """Return a policy that is shipped.

    Raises:
        BadInput: `policy_broken`.
    """
    path = resources.files(__package__).joinpath(f"{name}.yaml")
    if not path.is_file():
        raise BadInput("policy_broken", f"There is no policy named {name!r}.")
    return read_policy(path.read_text("utf-8"), name)
