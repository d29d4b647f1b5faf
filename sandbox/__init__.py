"""The demo shop today; the platform simulators stand beside it. Imports `domain` only."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["shop_feed", "shop_page"]


def shop_page() -> Path:
    """Return the landing page of the demo shop (HTML, UTF-8, English and Japanese)."""
    return _shop_file("index.html")


def shop_feed() -> Path:
    """Return the product feed of the demo shop (CSV, UTF-8, 24 products)."""
    return _shop_file("products.csv")


def _shop_file(name: str) -> Path:
    return Path(str(files("sandbox").joinpath("shop", name)))
