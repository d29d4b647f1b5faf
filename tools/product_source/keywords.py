"""English tags of a product: the words under which somebody would ask for such a thing.

Rule-based and deterministic. A tag is the brand, a keyword the advertiser gave, or a noun phrase of 1
to 4 words whose last word is a product noun of `nouns.txt` (written for this project). Sizes, colours,
model codes, pack counts and praise are dropped. Text that is not English gives no tags: advertisers
write English tags, and other surface forms are made from them when the catalogue is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tools.product_source.text import clean

MAX_TAGS = 12
MAX_WORDS = 4
MAX_TAG_CHARS = 60
_BRAND_WORDS = 4
_DESCRIPTION_CHARS = 400

_WORD = re.compile(r"omega-3|[a-z0-9à-ɏ][a-z0-9à-ɏ'’+&./-]*[a-z0-9à-ɏ+]|[a-z0-9à-ɏ]")
_BREAK = re.compile(r"[,;:|/()\[\]{}!?\"“”…*•]|\s[-–—]\s|--|\.\s|\.{2,}|[^\x00-\u024f]")
_POSSESSIVE = re.compile(r"['’]s?$")
_LEGAL_FORM = re.compile(r"[ ,]+(?:inc|llc|ltd|gmbh|corp|co|k\.k|plc)\.?$")
_TAG_SPLIT = re.compile(r"[,;|>/\n]|\s-\s")


@dataclass(frozen=True)
class _Lexicon:
    """The word lists of `nouns.txt`, by section."""

    strong: frozenset[str]
    weak: frozenset[str]
    compounds: frozenset[str]
    colours: frozenset[str]
    dropped: frozenset[str]
    numbers: Mapping[str, str]


def extract_tags(
    *,
    title: str,
    brand: str | None = None,
    keywords: str = "",
    categories: Iterable[str] = (),
    description: str | None = None,
) -> tuple[str, ...]:
    """Return at most `MAX_TAGS` English tags, lower case, most telling first.

    Args:
        title: Product title; a title in another language gives no tags.
        brand: Maker or shop; becomes one tag.
        keywords: The advertiser's own keywords, separated by `,`, `;`, `|` or `>`.
        categories: Category paths such as `Shoes > Trail Running Shoes`.
        description: Read (400 characters) only when title and categories name no product.
    """
    lexicon = _lexicon()
    brand_words = _words(brand or "")
    found: dict[str, None] = {}
    for part in _TAG_SPLIT.split(keywords):
        words = _words(part)
        if 0 < len(words) <= MAX_WORDS and _english(part):
            found[" ".join(words)] = None
    phrases = list(_phrases(title, brand_words, lexicon))
    for category in categories:
        for level in reversed(_TAG_SPLIT.split(category)):
            phrases += _phrases(level, (), lexicon)
    found.update(dict.fromkeys(phrases))
    if not phrases:
        # What a description mentions besides the product ("holds phone and gloves") must not become
        # a tag of the product, so it is read only when the title names no product at all.
        found.update(dict.fromkeys(list(_described(description or "", brand_words, lexicon))[:3]))
        found.update(dict.fromkeys(_last_resort(title, brand_words, lexicon)))
    tags = list(found)
    # Tags are matched as whole words without stemming, so the other number is a tag of its own.
    tags += [other for tag in sorted(tags, key=len) if (other := _other_number(tag, lexicon))]
    tags = list(dict.fromkeys(tags))
    name = _brand_tag(brand or "")
    if name:
        tags = [name, *(tag for tag in tags if tag != name)]
    return tuple([tag for tag in tags if len(tag) <= MAX_TAG_CHARS][:MAX_TAGS])


def _other_number(tag: str, lexicon: _Lexicon) -> str | None:
    """Return `running shoe` for `running shoes` and the other way round; None for unknown nouns."""
    head, _, noun = tag.rpartition(" ")
    other = lexicon.numbers.get(noun)
    return f"{head} {other}".strip() if other else None


def _brand_tag(brand: str) -> str:
    name = " ".join(re.sub(r"[^\w&'+.\- ]", " ", clean(brand).lower().replace("’", "'")).split())
    name = _LEGAL_FORM.sub("", name).strip(" .-")
    return name if 0 < len(name.split()) <= _BRAND_WORDS and _english(name) else ""


def _phrases(text: str, brand: tuple[str, ...], lexicon: _Lexicon) -> Iterator[str]:
    """Yield the noun phrases of a title, longest first within each product noun."""
    if not _english(text):
        return
    for run in _runs(text, brand, lexicon):
        for end, start, strong in _heads(run, lexicon):
            words = run[max(start - 1, end - MAX_WORDS, 0) : end]
            for length in range(len(words), 0, -1):
                phrase = words[-length:]
                if length >= end - start and len(phrase[0]) > 1 and (length > 1 or strong):
                    yield " ".join(phrase)


def _heads(run: list[str], lexicon: _Lexicon) -> Iterator[tuple[int, int, bool]]:
    """Yield (end, start, may stand alone) of the product nouns in a run, last first.

    The head of an English noun phrase is its last noun, so the last one names the product; those
    before it count only when they are strong nouns of their own.
    """
    end = len(run)
    first = True
    while end > 0:
        size = next(
            (
                n
                for n in (4, 3, 2)
                if n <= end and " ".join(run[end - n : end]) in lexicon.compounds
            ),
            0,
        )
        if size:
            yield end, end - size, True
            if run[end - 1] in lexicon.strong:
                yield end, end - 1, True
            end -= size
            first = False
            continue
        word = run[end - 1]
        if word in lexicon.strong:
            yield end, end - 1, True
            first = False
        elif word in lexicon.weak and first and end >= 2:
            yield end, max(0, end - 2), False
            first = False
        end -= 1


def _runs(text: str, brand: tuple[str, ...], lexicon: _Lexicon) -> Iterator[list[str]]:
    """Yield runs of usable words: broken at punctuation, function words, colours, sizes and codes."""
    for segment in _BREAK.split(text.lower()):
        words = _without(_words(segment), brand)
        run: list[str] = []
        for word in words:
            if word is not None and run and f"{run[-1]} {word}" in lexicon.compounds:
                run.append(word)
            elif word is None or _dropped(word, lexicon):
                if run:
                    yield run
                run = []
            else:
                run.append(word)
        if run:
            yield run


def _without(words: tuple[str, ...], brand: tuple[str, ...]) -> list[str | None]:
    """Replace the brand's words by None, which breaks a run."""
    out: list[str | None] = list(words)
    size = len(brand)
    for at in range(len(words) - size + 1):
        if size and words[at : at + size] == brand:
            out[at : at + size] = [None] * size
    return out


def _dropped(word: str, lexicon: _Lexicon) -> bool:
    if word in lexicon.strong or word in lexicon.weak:
        return False
    if word in lexicon.dropped or word in lexicon.colours or len(word) < 2:
        return True
    return any(c.isdigit() for c in word) or "." in word or "/" in word or "&" in word


def _described(description: str, brand: tuple[str, ...], lexicon: _Lexicon) -> Iterator[str]:
    """Yield compounds and plain product nouns of a description; its modifiers are too loose."""
    for run in _runs(description[:_DESCRIPTION_CHARS], brand, lexicon):
        for end, start, strong in _heads(run, lexicon):
            if strong:
                yield " ".join(run[start:end])


def _last_resort(title: str, brand: tuple[str, ...], lexicon: _Lexicon) -> Iterator[str]:
    """Yield the last two or three words of the first usable run of a title without a known noun."""
    if not _english(title):
        return
    for run in _runs(title, brand, lexicon):
        if len(run) >= 2:
            yield " ".join(run[-3:])
            yield " ".join(run[-2:])
            return


def _words(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for word in _WORD.findall(clean(text).lower().replace(" & ", " and ")):
        # `bra-2937br` is a noun and a model code; `t-shirt` is one word.
        found += word.split("-") if any(c.isdigit() for c in word) else [word]
    return tuple(w for w in (_POSSESSIVE.sub("", word).replace("’", "'") for word in found) if w)


def _english(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and sum(c < "\u0250" for c in letters) * 5 >= len(letters) * 4


@cache
def _lexicon() -> _Lexicon:
    """Read `nouns.txt` once: `[section]` lines, then words or phrases separated by commas."""
    sections: dict[str, set[str]] = {}
    current: set[str] = set()
    text = files("tools.product_source").joinpath("nouns.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[] "), set())
        elif line and not line.startswith("#"):
            current.update(entry.strip() for entry in line.split(",") if entry.strip())
    strong, compounds, weak = sections["strong"], sections["compounds"], sections["weak"]
    return _Lexicon(
        strong=frozenset(_with_plurals(strong)) - weak,
        weak=frozenset(_with_plurals(weak)),
        compounds=frozenset(_with_plurals(compounds)),
        colours=frozenset(sections["colours"]),
        dropped=frozenset(sections["dropped"]),
        numbers=_numbers(strong | weak),
    )


def _numbers(entries: set[str]) -> Mapping[str, str]:
    """Return plural by singular and singular by plural of single words."""
    pairs: dict[str, str] = {}
    for entry in sorted(entries):
        forms = list(_with_plurals({entry}))
        if len(forms) == 2 and " " not in entry:
            pairs[forms[0]], pairs[forms[1]] = forms[1], forms[0]
    return pairs


def _with_plurals(entries: set[str]) -> Iterator[str]:
    for entry in entries:
        yield entry
        if entry.endswith("s") and not entry.endswith("ss"):
            continue
        if entry.endswith(("x", "ch", "sh", "ss")):
            yield entry + "es"
        elif entry.endswith("y") and entry[-2] not in "aeiou":
            yield entry[:-1] + "ies"
        else:
            yield entry + "s"
