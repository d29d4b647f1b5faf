"""The rules, read from `rules.yaml` and compiled once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from agents.compliance.schemas import Rule


@dataclass(frozen=True)
class CompiledRule:
    """A rule with its patterns compiled, by language; `any` is merged into each."""

    rule: Rule
    patterns: dict[str, tuple[re.Pattern[str], ...]]

    def find(self, text: str, language: str) -> re.Match[str] | None:
        """Return the first match in a text of that language."""
        for pattern in self.patterns.get(language) or self.patterns.get("any", ()):
            found = pattern.search(text)
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class Rules:
    """All rules of one version.

    Attributes:
        compiled: In the order of the file.
        hash: Of the file's bytes; stored with every report.
    """

    compiled: tuple[CompiledRule, ...]
    hash: str

    def expired(self, day: date) -> tuple[Rule, ...]:
        """Return the rules that have to be compared with their source again."""
        return tuple(c.rule for c in self.compiled if c.rule.expires < day)


@cache
def load_rules() -> Rules:
    """Return the rules of `rules.yaml`.

    Raises:
        ValueError: if the file breaks its own form; a defect, never a person's fault.
    """
    data = files("agents.compliance").joinpath("rules.yaml").read_bytes()
    rules = [_rule(entry) for entry in yaml.safe_load(data)]
    if len({rule.id for rule in rules}) != len(rules):
        raise ValueError("two rules share an id")
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return Rules(tuple(CompiledRule(rule, _compile(rule)) for rule in rules), digest)


def _rule(entry: dict[str, Any]) -> Rule:
    patterns = {lang: tuple(found) for lang, found in entry.get("patterns", {}).items()}
    if entry["severity"] not in ("block", "revise", "warn"):
        raise ValueError(f"rule {entry['id']}: unknown severity {entry['severity']!r}")
    if not patterns and "check" not in entry:
        raise ValueError(f"rule {entry['id']} has neither patterns nor a check")
    return Rule(
        id=entry["id"],
        severity=entry["severity"],
        message=entry["message"],
        source=entry["source"],
        checked=entry["checked"],
        expires=entry["expires"],
        patterns=patterns,
        check=entry.get("check"),
        supported=entry.get("supported"),
        tags=bool(entry.get("tags", False)),
    )


def _compile(rule: Rule) -> dict[str, tuple[re.Pattern[str], ...]]:
    """Compile per language. Japanese copy quotes English names, so it is read with both sets."""
    common = rule.patterns.get("any", ())
    english = (*common, *rule.patterns.get("eng", ()))
    japanese = (*english, *rule.patterns.get("jpn", ()))
    return {
        language: tuple(re.compile(p, re.I) for p in dict.fromkeys(patterns))
        for language, patterns in (("any", english), ("eng", english), ("jpn", japanese))
    }
