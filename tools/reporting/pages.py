"""What a report holds, whatever it is printed as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Chart:
    """A picture of some numbers.

    Attributes:
        kind: A line over time, or bars.
        title: What is drawn.
        labels, values: One each, in order.
    """

    kind: Literal["line", "bar"]
    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Section:
    """A heading, lines of text below it, and a chart."""

    heading: str
    lines: tuple[str, ...]
    chart: Chart | None = None


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title, subtitle: At the top.
        language: `eng` or `jpn`.
        sections: In order.
        notes: What should be known about the numbers.
        sources: Which queries they are from.
        made_at: In words, UTC.
    """

    title: str
    subtitle: str
    language: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    made_at: str = ""
    words: dict[str, str] = field(default_factory=dict)
