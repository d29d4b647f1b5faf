"""Specialists: each agent is a folder with typed input, typed output and its own policy."""
