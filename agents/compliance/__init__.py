"""Reads every ad before anybody sees it: rules with source and date, verdicts with reasons."""

from __future__ import annotations

from agents.compliance.agent import review
from agents.compliance.policy import load_rules

__all__ = ["load_rules", "review"]
