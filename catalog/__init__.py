"""The catalogue: organisations, apps, keys, campaigns, creatives, ads, approvals and their lifecycle."""
