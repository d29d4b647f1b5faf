"""Reads a marketer's goal by rules, in English and Japanese.

The public face is `parse_goal` (one goal) and `run_brief` (many); neither imports LangChain.
"""

from llm.offline.brief.batch import run_brief
from llm.offline.brief.parser import parse_goal

__all__ = ["parse_goal", "run_brief"]
