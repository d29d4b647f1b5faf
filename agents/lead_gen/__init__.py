"""Says whom a campaign is for: segments by interest, and the leads one may write to."""

from __future__ import annotations

from agents.lead_gen.agent import find_audience

__all__ = ["find_audience"]
