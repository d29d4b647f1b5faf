"""Findings about people as a market: what sources say of whom, and what is asked. Never about one person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.research.evidence import Evidence, Read, source_of
from agents.research.policy import ANSWERED, MOST_SOURCES, TOPICS, words
from agents.research.schemas import Insight, Kind, Source
from domain.brief import Brief
from domain.evidence import Passage
from tools.product_source.text import sentences

_QUESTION = re.compile(r"[?？]\s*$|(?:ですか|ますか|でしょうか|のか)[。]?$")
#: Questions that only lead the reader on.
_RHETORICAL = re.compile(
    r"^(?:why not|what are you waiting|ready to|looking for|want to|got questions)\b", re.I
)
_ALIKE = 0.5
#: Sentences of documents kept for one topic.
_OF_A_TOPIC = 3


def readers(brief: Brief, read: Read) -> Iterator[Insight]:
    """Say where sources speak to those whom the goal names."""
    for wanted in brief.audience_keywords:
        said = [one for one in read.evidence if wanted.casefold() in one.text.casefold()]
        if said:
            yield Insight(
                kind="audience",
                statement=f"The sources speak to {wanted}.",
                sources=tuple(one.source for one in said[:MOST_SOURCES]),
                confidence=0.6,
            )


def questions(read: Read) -> Iterator[Insight]:
    """Say what people ask, and which of it no own statement answers."""
    asked = [
        one
        for one in read.of("document", "rival")
        if _QUESTION.search(one.text) and not _RHETORICAL.search(one.text) and len(one.text) >= 12
    ]
    own = [words(one.text) for one in read.of("own") if not _QUESTION.search(one.text)]
    for group in _grouped(asked):
        first, content = group[0], words(group[0].text)
        sources = tuple(one.source for one in group[:MOST_SOURCES])
        yield Insight(
            kind="audience",
            statement=f"People ask: “{first.text}”"
            + (f" ({len(group)} times in what was read)" if len(group) > 1 else ""),
            sources=sources,
            confidence=round(min(0.8, 0.4 + 0.1 * len(group)), 2),
        )
        if own and content and max(len(content & said) for said in own) < ANSWERED * len(content):
            yield Insight(
                kind="gap",
                statement=f"Nothing that was read of you answers “{first.text}”",
                sources=sources,
                confidence=0.4,
            )


def quoted(passages: dict[str, Sequence[Passage]]) -> Iterator[Insight]:
    """Quote what documents say on each topic.

    Args:
        passages: What was found, by name of the topic.
    """
    seen: set[str] = set()
    for topic, _, _, cue in TOPICS:
        kept = 0
        for passage in passages.get(topic, ()):
            for sentence in sentences(passage.citation.quote):
                if kept >= _OF_A_TOPIC:
                    break
                if (
                    sentence in seen
                    or _QUESTION.search(sentence)
                    or not re.search(cue, sentence, re.I)
                ):
                    continue
                seen.add(sentence)
                kept += 1
                yield _quote(topic, passage, source_of(passage, sentence))


def _quote(topic: str, passage: Passage, source: Source) -> Insight:
    kinds: dict[str, Kind] = {"competitor": "competitor", "trend": "trend", "audience": "audience"}
    return Insight(
        kind=kinds.get(topic, "opportunity"),
        statement=f"{passage.citation.title} says: “{source.quote}”",
        sources=(source,),
        confidence=0.4,
    )


def _grouped(asked: Sequence[Evidence]) -> list[list[Evidence]]:
    """Return questions that ask alike together, the most asked first."""
    groups: list[tuple[frozenset[str], list[Evidence]]] = []
    for one in asked:
        content = words(one.text)
        for have, group in groups:
            if content and len(content & have) / len(content | have) >= _ALIKE:
                group.append(one)
                break
        else:
            groups.append((content, [one]))
    return sorted((group for _, group in groups), key=lambda group: -len(group))
