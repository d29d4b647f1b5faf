"""The guard against invented claims: what copy says must stand in one fact of the source.

English is checked by words: every number, superlative and content word of a sentence must occur in the
name, brand or price of the product or in one single fact, and a negation must not be gained or lost on
the way. Japanese, which has no blanks to split at, is checked by pieces: quoted facts, names, prices and
fixed phrases are taken away, and nothing may remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agents.content_creator.schemas import ContentRequest, Copy
from domain.product import Fact, Product
from llm.offline.copywriter_facts import price_english, price_japanese


def _stem(word: str) -> str:
    word = word.removesuffix("'s").rstrip("'")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


#: Words of grammar and of buttons; none of them says anything about a product.
_FREE_WORDS = frozenset(
    _stem(word)
    for line in (
        "a an the and or of for in on at by from to with is are be it its this that your you our we",
        "would suit suits which looking curious about see details shop now page product price tell me",
        "more take look get app sign up thank sent were was address mail email thanks here there",
        "have has",
    )
    for word in line.split()
)
_NEGATIONS = frozenset(
    ("not", "no", "never", "without", "cannot", "can't", "isn't", "don't", "doesn't", "won't")
)
_WORD = re.compile(r"[a-z0-9à-ɏ]+(?:['’.,/-][a-z0-9à-ɏ]+)*", re.I)
_NUMBER = re.compile(r"[a-zà-ɏ]{2,}|\d+(?:\.\d+)?")
_JOINT = re.compile(r"['./,-]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

#: Fixed phrases of the Japanese templates, longest first.
_JAPANESE_PHRASES = sorted(
    (
        "詳しくは商品ページをご覧ください", "ありがとうございます", "に送信しました", "をお探しですか",
        "でお探しですか",
        "が気になりますか", "こちらの商品が気になりますか", "のご案内です", "の商品です", "価格は",
        "ショップで見る", "詳しく見る", "もっと知りたい", "のぞいてみる", "アプリを入手", "登録する",
        "メールアドレス", "ショップ", "です", "の", "こちら", "は",
    ),
    key=len,
    reverse=True,
)  # fmt: skip


def unsupported(text: str, facts: Iterable[Fact]) -> list[str]:
    """Return the words or pieces of copy that no fact supports; empty if all is supported.

    Args:
        text: One field of an ad.
        facts: What may be said: `supporting_facts` of the product.
    """
    known = list(facts)
    if _JAPANESE.search(text):
        return _unsupported_japanese(text, known)
    named = [fact for fact in known if fact.where.startswith("product:")]
    stated = [fact for fact in known if not fact.where.startswith("product:")]
    missing: list[str] = []
    # A name or a whole fact may hold full stops of its own, so it is not split at them.
    if any(_plain(text) == _plain(fact.text) for fact in known):
        return []
    for sentence in _sentences(text, known):
        missing += _unsupported_english(sentence, named, stated)
    return missing


def supporting_facts(product: Product, request: ContentRequest) -> tuple[Fact, ...]:
    """Return everything copy about a product may rest on, its structured fields included."""
    seller = product.brand or request.site_name or request.brand_kit.name
    fields = (
        ("title", product.title, "eng"),
        ("title", product.title_jpn, "jpn"),
        ("brand", seller, "eng"),
        ("price", price_english(product), "eng"),
        ("price", price_japanese(product), "jpn"),
        ("tags", " ".join(product.tags), "eng"),
    )
    named = (
        Fact(text, f"product:{product.key}#{field}", language)
        for field, text, language in fields
        if text
    )
    return (*named, *product.facts, *request.site_facts)


def unsupported_copy(copy: Copy, facts: Sequence[Fact]) -> list[str]:
    """Return what no fact supports in any field of an ad."""
    return [piece for text in copy.fields().values() for piece in unsupported(text, facts)]


def support_for(sentence: str, facts: Sequence[Fact]) -> Fact | None:
    """Return the one fact that supports a sentence by itself, names first; None if there is none."""
    return next((fact for fact in facts if not unsupported(sentence, [fact, *_names(facts)])), None)


def _names(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.where.startswith("product:")]


def _unsupported_english(sentence: str, named: list[Fact], stated: list[Fact]) -> list[str]:
    said = _words(sentence)
    needed = {word for word in said if word not in _FREE_WORDS}
    for fact in named:
        needed -= _words(fact.text)
    negated = bool(said & _NEGATIONS)
    best = needed
    for fact in stated:
        words = _words(fact.text)
        left = needed - words
        if not left and needed and bool(words & _NEGATIONS) != negated:
            left = {"not"}
        if len(left) < len(best):
            best = left
        if not best:
            break
    return sorted(best)


def _sentences(text: str, facts: list[Fact]) -> list[str]:
    """Split at full stops, but not inside a quoted fact or name that holds one itself."""
    rest, found = text, []
    for fact in sorted(facts, key=lambda f: -len(f.text)):
        quoted = fact.text.rstrip(" .,;:!")
        if "." in quoted or "!" in quoted or "?" in quoted:
            at = rest.casefold().find(quoted.casefold())
            if at >= 0:
                found.append(quoted)
                rest = f"{rest[:at]} {rest[at + len(quoted) :].lstrip(' .')}"
    return [*found, *(part for part in _SENTENCE.split(rest) if part.strip(" .!?"))]


def _words(text: str) -> set[str]:
    words: set[str] = set()
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        number = word.replace(",", "")
        if any(c.isdigit() for c in number):
            words.update(_NUMBER.findall(number))
        else:
            words.update(_stem(part) for part in _JOINT.split(_stem(word)))
    return {word for word in words if word and not (len(word) == 1 and word.isalpha())}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .!")


def _unsupported_japanese(text: str, facts: list[Fact]) -> list[str]:
    rest = text.casefold()
    pieces = {piece for fact in facts for piece in _pieces(fact)}
    for piece in sorted(pieces, key=len, reverse=True):
        # A Latin name must not be found inside a longer word.
        rest = re.sub(rf"(?<![a-z0-9]){re.escape(piece)}(?![a-z0-9])", "\n", rest)
    for phrase in _JAPANESE_PHRASES:
        rest = rest.replace(phrase, "\n")
    # A Latin name may be shortened inside a Japanese sentence; its words are checked like English.
    named = {
        word for fact in facts if fact.where.startswith("product:") for word in _words(fact.text)
    }
    left = (part.strip() for part in rest.split("\n"))
    return [
        part
        for part in left
        if any(c.isalnum() for c in part) and (_JAPANESE.search(part) or _words(part) - named)
    ]


def _pieces(fact: Fact) -> set[str]:
    """Return what may be quoted of a fact: all of it; of a name also each of its words."""
    text = fact.text.casefold().rstrip("。. ")
    if not fact.where.startswith("product:"):
        return {text} if _JAPANESE.search(text) else set()
    words = [
        w for w in re.split(r"[\s　・,;:|()\[\]]+", text) if _JAPANESE.search(w) and len(w) > 1
    ]
    return {text, *words}
