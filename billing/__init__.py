"""Money: a double-entry ledger in integer micros and the budgets it feeds."""
