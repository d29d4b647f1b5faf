"""The text a goal is parsed from, and the spans that have been understood already."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from domain.errors import BadInput

#: Longer goals are not goals; also keeps parsing time bounded.
MAX_GOAL_CHARS = 8_000

#: Stands where a span was understood; no word character, so that phrases end there.
MASK = "\x00"

#: No number or word of a goal is longer; what is longer would only cost time.
_LONGEST_RUN = 40
_RUN = re.compile(r"[\d,.]{41,}|[〇一二三四五六七八九十百千万億兆]{41,}|(.)\1{40,}|(..)\2{40,}")
_SPACE = re.compile(r"\s+")
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile(r"[\u4e00-\u9fff\u3005]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_DASHES = str.maketrans(
    {"−": "-", "‐": "-", "‑": "-", "–": "-", "—": "-", "〜": "~", "’": "'", "‘": "'"}
)


@dataclass(frozen=True)
class Span:
    """A stretch of the normalised text, `start` inclusive and `end` exclusive, in characters."""

    start: int
    end: int


@dataclass
class Text:
    """One goal, normalised for matching.

    Attributes:
        goal: As given, without control characters, white space collapsed.
        norm: NFKC form with plain dashes and quotes; case kept.
        low: `norm` in lower case, same length.
        japanese: True if the goal is written in Japanese.
        spans: Understood stretches by kind (`money`, `date`, `place`, `channel`, …).
    """

    goal: str
    norm: str
    low: str
    japanese: bool
    spans: dict[str, list[Span]] = field(default_factory=dict)

    def mark(self, kind: str, start: int, end: int) -> None:
        """Remember that `[start, end)` was understood as `kind`."""
        self.spans.setdefault(kind, []).append(Span(start, end))

    def taken(self, start: int, end: int, *kinds: str) -> bool:
        """Return whether `[start, end)` overlaps an understood span of one of the kinds."""
        return any(
            span.start < end and start < span.end
            for kind in kinds
            for span in self.spans.get(kind, ())
        )

    def masked(self, *kinds: str, case: bool = False) -> str:
        """Return the text with the spans of the given kinds replaced by `MASK` characters."""
        chars = list(self.norm if case else self.low)
        for kind in kinds:
            for span in self.spans.get(kind, ()):
                chars[span.start : span.end] = MASK * (span.end - span.start)
        return "".join(chars)

    def before(self, start: int, width: int = 48) -> str:
        """Return up to `width` lower-case characters in front of a position."""
        return self.low[max(0, start - width) : start]

    def after(self, end: int, width: int = 48) -> str:
        """Return up to `width` lower-case characters behind a position."""
        return self.low[end : end + width]


def prepare(goal: str) -> Text:
    """Normalise a goal for matching.

    Raises:
        BadInput: `goal_not_text`, `goal_empty` or `goal_too_long`.
    """
    if not isinstance(goal, str):
        raise BadInput("goal_not_text", "The goal must be a sentence in plain text.")
    if len(goal) > MAX_GOAL_CHARS:
        raise BadInput(
            "goal_too_long",
            f"The goal has {len(goal):,} characters; say it in at most {MAX_GOAL_CHARS:,}.",
        )
    clean = _SPACE.sub(" ", "".join(map(_plain, goal))).strip()
    if not clean:
        raise BadInput("goal_empty", "Say what you want to advertise, for example in one sentence.")
    norm = unicodedata.normalize("NFKC", clean).translate(_DASHES)
    norm = _RUN.sub(lambda run: run[0][:_LONGEST_RUN], _SPACE.sub(" ", norm))
    low = "".join(c.lower() if len(c.lower()) == 1 else c for c in norm)
    return Text(goal=clean, norm=norm, low=low, japanese=_is_japanese(norm))


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cs", "Co", "Cn"):
        return ""
    return " " if category == "Cc" else "" if category == "Cf" else char


def _is_japanese(text: str) -> bool:
    kana = len(_KANA.findall(text))
    han = len(_HAN.findall(text))
    if kana:
        return kana + han >= len(_LATIN_WORD.findall(text))
    return han >= 2 and han > 2 * len(_LATIN_WORD.findall(text))
