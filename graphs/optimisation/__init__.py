"""The optimisation graph: from what was measured to budgets and ads that are changed once somebody approved it."""
