"""Says what is known about the market, the product and its readers, with where each statement stands."""

from __future__ import annotations

from agents.research.agent import research

__all__ = ["research"]
