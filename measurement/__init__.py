"""What happened to ads: decisions, events, reports."""
