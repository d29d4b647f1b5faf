"""The `parley` command line."""

from __future__ import annotations

from bootstrap.cli.main import main

__all__ = ["main"]
