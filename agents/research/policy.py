"""What research holds itself to: how much it reads, when a finding counts, and the words it knows."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: Passages asked of the documents for each question.
PASSAGES = 5
#: Web addresses of a goal that are read.
ADDRESSES = 8
KEYWORDS = 12
#: Sentences of one shop that are looked at; a feed of 50,000 products has a million.
MOST_SENTENCES = 3_000
#: Statements of one kind that are kept, the surest first.
MOST_OF_A_KIND = 12
#: Sources shown with one statement.
MOST_SOURCES = 4
#: Prices of others from which on a market is spoken of.
LEAST_PRICES = 3
#: A stretch without prices is a gap if its end is so many times its beginning.
PRICE_GAP = 1.5
#: Dated sources, and sources that have a term, from which on a trend is spoken of.
LEAST_DATED, LEAST_WITH_TERM = 8, 3
#: Chance above which a difference is not called a trend. Many terms are looked at, so it is small.
LARGEST_P = 0.02
MOST_TRENDS = 5
#: Share of a year's sources in three months next to each other that makes a season, and how many it takes.
SEASON_SHARE, LEAST_FOR_SEASON = 0.5, 12
#: Share of a question's words that own statements must have to count as an answer.
ANSWERED = 0.6

#: What documents are asked; `{}` is the product. Name, English, Japanese, what a sentence must have to be kept.
TOPICS: tuple[tuple[str, str, str, str], ...] = (
    ("opportunity", "{}", "{}", ""),
    (
        "competitor",
        "competitors and alternatives to {}",
        "{}の競合、他社との比較",
        r"competit|rival|alternativ|\bversus\b|\bvs\b|compared (?:to|with)|\bthan\b|market share"
        r"|競合|他社|比較|シェア|より",
    ),
    (
        "trend",
        "how demand for {} changes, seasons and trends",
        "{}の需要の変化、季節、傾向",
        r"trend|demand|season|grow|increas|declin|ris(?:e|ing)|fall(?:s|ing)|popular|\d+ ?%"
        r"|需要|季節|増|減|傾向|人気|成長",
    ),
    (
        "audience",
        "who buys {} and why, what customers ask and complain about",
        "{}を買う人、理由、質問、不満",
        r"customer|buyer|shopper|reader|user|people|runner|surve|ask|complain|review|prefer|want|need"
        r"|顧客|お客|購入者|利用者|調査|質問|不満|人は|求め",
    ),
)

_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_RUN = re.compile(r"[\u30a1-\u30faー]{3,}|[\u4e00-\u9fff]{2,6}")


@dataclass(frozen=True)
class Words:
    """Something a text may state, and how it is said.

    Attributes:
        name: For people.
        pattern: How it is said in English or Japanese.
        months: Months it belongs to; empty if to none.
    """

    name: str
    pattern: re.Pattern[str]
    months: tuple[int, ...] = ()


@cache
def attributes() -> tuple[Words, ...]:
    """Return what shops state of themselves."""
    return tuple(
        Words(name, re.compile(f"{english}|{japanese}", re.I))
        for name, english, japanese in _rows("attributes.tsv")
    )


@cache
def seasons() -> tuple[Words, ...]:
    """Return the words of the year."""
    return tuple(
        Words(
            name,
            re.compile(f"{english}|{japanese}", re.I),
            tuple(int(month) for month in months.split(",")),
        )
        for name, months, english, japanese in _rows("seasons.tsv")
    )


def terms(text: str) -> frozenset[str]:
    """Return the content words of a text and the pairs of them that stand together."""
    whole = " ".join(text.lower().split())
    common, found = _common(), _WORD.findall(whole)
    kept = {word for word in found if word not in common}
    pairs = {
        pair
        for one, two in itertools.pairwise(found)
        if one in kept and two in kept and (pair := f"{one} {two}") in whole
    }
    return frozenset(kept | pairs | set(_RUN.findall(text)))


def words(text: str) -> frozenset[str]:
    """Return the content words of a text, without pairs."""
    return frozenset(term for term in terms(text) if " " not in term)


@cache
def _common() -> frozenset[str]:
    return frozenset(row[0] for row in _rows("common_words.txt"))


def _rows(name: str) -> list[list[str]]:
    lines = files("agents.research").joinpath(name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
