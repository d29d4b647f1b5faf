"""Writes ads from the facts of a product source; a claim without a fact never leaves this room."""

from __future__ import annotations

from agents.content_creator.agent import create, revise
from agents.content_creator.policy import unsupported

__all__ = ["create", "revise", "unsupported"]
