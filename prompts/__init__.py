"""Versioned prompt files: `assemble(load("ad_manager/brief"), {"goal": span, …}, canary=…)`.

A prompt is a Markdown file with front matter (`version`, `inputs`, `owner`); its hash goes into every trace
and stored result, so that any answer can be traced back to the words that asked for it.
"""

from prompts.assembly import Assembled, assemble, canary_for
from prompts.loader import Prompt, load

__all__ = ["Assembled", "Prompt", "assemble", "canary_for", "load"]
