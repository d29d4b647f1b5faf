"""Says what is known about the market, the product and its readers, with where each statement stands."""

from __future__ import annotations

from agents.research.agent import research
from agents.research.summary import as_plain, in_words

__all__ = ["as_plain", "in_words", "research"]
