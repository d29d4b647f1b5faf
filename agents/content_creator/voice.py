"""Brand voice, measured by rules: words, formality of sentence ends, calm punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llm.offline.copywriter_types import BrandKit

Register = Literal["polite", "plain", "none"]

_SENTENCE = re.compile(r"(?<=[。！？.!?])\s*")
_POLITE = re.compile(
    r"(?:です|ます|でした|ました|ません|でしょう|ましょう|ください|くださいませ|ございます)(?:か|ね|よ)?$"
)
#: Only a sentence with a full stop has a verb at its end for certain; without one it may be a noun.
_PLAIN = re.compile(r"(?:だ|である|だった|であった|ない|なかった|[うくぐすつぬぶむるたい])$")
_SHORTENED = re.compile(r"\b\w+(?:n't|'(?:ll|re|ve|d))\b|\b(?:it|that|what)'s\b", re.I)
_MARKS = re.compile(r"[!！]")
_MOST_WORDS = 25


@dataclass(frozen=True, kw_only=True)
class VoiceFinding:
    """One breach of the brand's voice.

    Attributes:
        rule: `banned_word`, `formality`, `contraction`, `exclamation` or `long_sentence`.
        excerpt: The words.
        message: One sentence that says what to change.
    """

    rule: str
    excerpt: str
    message: str


@dataclass(frozen=True, kw_only=True)
class VoiceReport:
    """How near texts are to the brand's voice.

    Attributes:
        score: Share of the sentences without a finding, 0 to 1; 1 if there is none.
        sentences: How many were read.
        tone_words: Which of the brand's words are used.
        findings: In the order of the texts.
    """

    score: float
    sentences: int
    tone_words: tuple[str, ...] = ()
    findings: tuple[VoiceFinding, ...] = ()


def measure(texts: Iterable[str], language: str, kit: BrandKit) -> VoiceReport:
    """Hold texts against the brand kit.

    Args:
        texts: Any number of texts in one language.
        language: ISO 639-3.
        kit: Tone, words and formality.
    """
    known = list(texts)
    sentences = [s for text in known for s in sentences_of(text)]
    by_sentence = [findings_of(sentence, language, kit) for sentence in sentences]
    whole = " ".join(known).casefold()
    return VoiceReport(
        score=1.0 if not sentences else sum(not f for f in by_sentence) / len(sentences),
        sentences=len(sentences),
        tone_words=tuple(w for w in kit.tone_words if w.casefold() in whole),
        findings=tuple(finding for found in by_sentence for finding in found),
    )


def findings_of(sentence: str, language: str, kit: BrandKit) -> tuple[VoiceFinding, ...]:
    """Return what is wrong with one sentence."""
    found = [
        VoiceFinding(rule="banned_word", excerpt=word, message="The brand bans this word.")
        for word in kit.banned_words
        if word.strip() and word.casefold() in sentence.casefold()
    ]
    if language == "jpn":
        register = register_of(sentence)
        if kit.formality != "any" and register not in ("none", kit.formality):
            wanted = "です・ます" if kit.formality == "polite" else "だ・である"
            found.append(_finding("formality", sentence, f"End the sentence in {wanted}."))
    else:
        shortened = _SHORTENED.search(sentence)
        if kit.formality == "polite" and shortened:
            found.append(_finding("contraction", shortened.group(), "Write the words in full."))
        if len(sentence.split()) > _MOST_WORDS:
            found.append(
                _finding("long_sentence", sentence, f"Use at most {_MOST_WORDS} words a sentence.")
            )
    if len(_MARKS.findall(sentence)) > (1 if kit.tone == "friendly" else 0):
        found.append(_finding("exclamation", sentence, "Take the exclamation mark out."))
    return tuple(found)


def register_of(sentence: str) -> Register:
    """Return how a Japanese sentence ends; `none` for nouns, fragments and other languages."""
    bare = sentence.strip().rstrip("。！？!?」』")
    if _POLITE.search(bare):
        return "polite"
    return "plain" if sentence.strip().endswith("。") and _PLAIN.search(bare) else "none"


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in _SENTENCE.split(text) if part.strip(" .。!！?？")]


def liking(sentence: str, language: str, kit: BrandKit) -> tuple[int, int]:
    """Return a sort key: sentences in the brand's voice first, those with its words before others."""
    words = sum(word.casefold() in sentence.casefold() for word in kit.tone_words)
    faults = sum(len(findings_of(s, language, kit)) for s in sentences_of(sentence))
    return faults, -words


def _finding(rule: str, excerpt: str, message: str) -> VoiceFinding:
    return VoiceFinding(rule=rule, excerpt=excerpt[:100], message=message)
