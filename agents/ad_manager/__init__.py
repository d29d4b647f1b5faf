"""The ad manager: reads the goal into a brief and plans channels, bid and budgets."""

from agents.ad_manager.agent import plan_media, read_goal
from agents.ad_manager.schemas import BriefReading, MediaPlan

__all__ = ["BriefReading", "MediaPlan", "plan_media", "read_goal"]
