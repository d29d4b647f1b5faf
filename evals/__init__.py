"""Scenarios that replay the product against a small world and grade what came of it."""
