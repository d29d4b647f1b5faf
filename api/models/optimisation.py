"""Optimisation runs on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.models.common import In, example
from api.models.runs import Code3, MinorAmount


class OptimisationLimits(In):
    """Within which limits no person is asked; the stricter of these and the shipped guards holds."""

    currency: Code3
    max_moved_minor: MinorAmount = Field(
        description="Most that all raises together may be, in cents or yen."
    )
    max_raise_percent: int = Field(20, ge=0, le=50)
    max_cut_percent: int = Field(30, ge=0, le=80)
    rest_ads: bool = False


class StartOptimisation(BaseModel):
    """Look at live campaigns and propose budgets and ads."""

    model_config = example({"window_days": 28, "approval": "person", "policy": None})

    window_days: int = Field(28, ge=3, le=90, description="Whole days up to yesterday.")
    approval: Literal["person", "policy"] = "person"
    policy: OptimisationLimits | None = Field(None, description="Needed if approval is policy.")
