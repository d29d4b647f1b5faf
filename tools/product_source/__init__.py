"""Landing pages and product feeds to typed facts; everything read here is untrusted text."""

from __future__ import annotations

from tools.product_source.feed import read_feed
from tools.product_source.fetch import fetch_page
from tools.product_source.keywords import extract_tags
from tools.product_source.page import read_page

__all__ = ["extract_tags", "fetch_page", "read_feed", "read_page"]
