"""What every call of a tool goes through: effect classes, allowlists, provenance of arguments, links, budgets."""

from __future__ import annotations

from tools.policy.decisions import Argument, Call, Decision, PolicyRefused
from tools.policy.guard import Guard
from tools.policy.links import hosts_in
from tools.policy.provenance import traced
from tools.policy.rules import Effect, Policy, built_in, read_policy

__all__ = [
    "Argument",
    "Call",
    "Decision",
    "Effect",
    "Guard",
    "Policy",
    "PolicyRefused",
    "built_in",
    "hosts_in",
    "read_policy",
    "traced",
]
