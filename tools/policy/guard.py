"""Decides over calls. Pure but for the counts of its budgets; whatever it does not know, it refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from domain.trust import Trust
from tools.policy.decisions import Argument, Call, Code, Decision, PolicyRefused
from tools.policy.links import host_of, hosts_in, is_among
from tools.policy.orders import gives_orders
from tools.policy.rules import EFFECTFUL, ArgumentRule, Effect, Policy, ToolRule

_ORDER = {Trust.UNTRUSTED: 0, Trust.ADVERTISER: 1, Trust.OPERATOR: 2}


class Guard:
    """Holds calls against a policy.

    Args:
        policy: What is allowed.
        hosts: Hosts that somebody who may decide has verified; their subdomains count.
        trusted: Words of those who may decide, in which a tool may be asked for and a host named.
        canary: Words that must not stand in any argument.

    Attributes:
        decisions: Every decision so far, in order.
    """

    def __init__(
        self, policy: Policy, *, hosts: Iterable[str] = (), trusted: str = "", canary: str = ""
    ) -> None:
        self._policy = policy
        self._trusted = trusted
        self._hosts = (*hosts, *hosts_in(trusted))
        self._canary = canary
        self._calls: Counter[str] = Counter()
        self._micros: Counter[str] = Counter()
        self.decisions: list[Decision] = []

    def check(self, call: Call) -> Decision:
        """Let a call pass and count it.

        Raises:
            PolicyRefused: if it may not be made; it has not been counted then.
        """
        decision = self.decide(call)
        self.decisions.append(decision)
        if not decision.allowed:
            raise PolicyRefused(decision)
        self._calls[call.tool] += 1
        self._micros[call.tool] += call.micros
        return decision

    def decide(self, call: Call) -> Decision:
        """Say what becomes of a call, without counting it."""
        rule = self._policy.tools.get(call.tool)
        if rule is None:
            return Decision("policy_tool_unknown", call.node, call.tool, None)
        for code, argument in self._objections(call, rule):
            return Decision(code, call.node, call.tool, rule.effect, argument)
        return Decision("allowed", call.node, call.tool, rule.effect)

    def _objections(self, call: Call, rule: ToolRule) -> Iterator[tuple[Code, str]]:
        if not self._policy.allows(call.node, call.tool):
            yield "policy_tool_not_here", ""
        if not rule.is_asked(self._trusted):
            yield "policy_not_asked", ""
        for name, argument in call.arguments.items():
            wanted = rule.arguments.get(name)
            if wanted is None:
                yield "policy_argument_unknown", name
            else:
                yield from self._about(call.tool, rule.effect, name, argument, wanted)
        if self._is_over(call, rule):
            yield "policy_over_budget", ""

    def _about(
        self, tool: str, effect: Effect, name: str, argument: Argument, wanted: ArgumentRule
    ) -> Iterator[tuple[Code, str]]:
        texts = list(_texts(argument.value))
        if self._canary and any(self._canary in text for text in texts):
            yield "policy_canary", name
        if not _fits(argument.value, wanted):
            yield "policy_bad_argument", name
        if not self._is_trusted(tool, effect, name, argument, wanted):
            yield "policy_untrusted_argument", name
        if wanted.form == "link" and not all(self._leads_home(text) for text in texts):
            yield "policy_link", name
        if wanted.form == "text" and argument.trust is Trust.UNTRUSTED:
            if not all(is_among(host, self._hosts) for text in texts for host in hosts_in(text)):
                yield "policy_link", name
            if not wanted.orders and any(map(gives_orders, texts)):
                yield "policy_orders", name

    def _is_trusted(
        self, tool: str, effect: Effect, name: str, argument: Argument, wanted: ArgumentRule
    ) -> bool:
        careful = effect in EFFECTFUL or wanted.form == "link"
        needs = wanted.needs or (Trust.ADVERTISER if careful else Trust.UNTRUSTED)
        if _ORDER[argument.trust] >= _ORDER[needs]:
            return True
        # A label without a source is a hole in the bookkeeping, not a reason to trust.
        return bool(argument.sources) and all(
            self._policy.names_flow(tool, name, source) for source in argument.sources
        )

    def _leads_home(self, address: str) -> bool:
        host = host_of(address)
        return host is not None and is_among(host, self._hosts)

    def _is_over(self, call: Call, rule: ToolRule) -> bool:
        if self._calls[call.tool] >= rule.calls:
            return True
        if call.micros < 0 or (call.micros > 0 and rule.micros is None):
            return True
        return rule.micros is not None and self._micros[call.tool] + call.micros > rule.micros


def _fits(value: object, wanted: ArgumentRule) -> bool:
    if wanted.most is None or value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= wanted.most


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _texts(inner)
