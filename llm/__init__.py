"""Models behind one door: the router, the retry predicate and the rule-based offline model."""
