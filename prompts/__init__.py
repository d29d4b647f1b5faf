"""Versioned prompt files: `load("ad_manager/brief").render(goal=…)`.

A prompt is a Markdown file with front matter (`version`, `inputs`, `owner`); its hash goes into every trace
and stored result, so that any answer can be traced back to the words that asked for it.
"""

from prompts.loader import Prompt, load

__all__ = ["Prompt", "load"]
