"""Web sources of one run: allowed hosts only, at the pace that they ask for, and no people."""

from __future__ import annotations

from tools.web.pages import Statement, WebPage
from tools.web.reader import Limits, ReadWeb, WebReader

__all__ = ["Limits", "ReadWeb", "Statement", "WebPage", "WebReader"]
