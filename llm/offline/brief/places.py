"""Countries a goal is for, in order of appearance.

Decisions: regions with one agreed list of countries are expanded (DACH, EU, Nordics …); "Europe", "Asia"
and the like have none and are asked about; "worldwide" needs no country. A place that only says where
something comes from ("made in Italy", "Berlin-based", "flights to Paris") is not a place to advertise in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from llm.offline.brief.lexicon import alternation, cell, rows
from llm.offline.brief.text import Text

#: Words before which a nationality means the people there: "German customers", "the Dutch market".
_PEOPLE = (
    r"(?:\s(?:market|markets|audience|audiences|consumers?|customers?|shoppers?|"
    r"buyers?|users?|clients?|people|women|men|adults|families|parents"
    r"|moms|mums|students|businesses|companies|firms|smbs|smes|startups|gamers|runners|"
    r"players|speakers?(?=x)|travell?ers|tourists|households"
    r"|millennials|teens|teenagers|homeowners|citizens|residents|expats|fans|readers|"
    r"retailers|restaurants(?=\sowners)|entrepreneurs|professionals"
    r"|developers|managers|doctors|teachers|drivers|cities|states|viewers|subscribers|"
    r"shops|foodies|couples|seniors|owners|cyclists|home cooks|manufacturers))"
)
_ORIGIN_BEFORE = re.compile(
    r"(?:\bmade in|\bbased in|\bbased out of|\bheadquartered in|\bborn in|\bbrewed in|"
    r"\bgrown in|\bimported from|\bsourced from|\bcrafted in|\bproduced in|"
    r"\bdesigned in"
    r"|\b(?:trips?|flights?|travel|tours?|holidays?|vacations?|visits?|getaways?|"
    r"cruises?|tickets?|journeys?|adventures?|fly|safaris?) (?:to|around|across)|"
    r"\btours? of"
    r"|\bvisit|\bstyle of|\btaste of)\s(?:the\s)?$"
)
_FROM_BEFORE = re.compile(r"\bfrom\s(?:the\s)?$")
_FROM_PEOPLE = re.compile(
    r"(?:people|customers|users|buyers|clients|visitors|traffic|leads|orders|sales|"
    r"sign-?ups|shoppers|students|players|audience|readers|travell?ers|tourists|"
    r"candidates|applicants|subscribers|donations|bookings|registrations|downloads|"
    r"installs|guests|gamers|women|men|families|expats) from\s(?:the\s)?$"
)
_NOT_BEFORE = re.compile(
    r"(?:\bexcept(?: for| in)?|\bexcluding|\bexclude|\bbut not(?: in| for)?|"
    r"\bnot(?: in| to)?|\boutside(?: of)?|\bother than|\bapart from|\bwithout|\bminus|"
    r"\bno|\bavoid|\banywhere but|\beverywhere but)\s(?:the\s)?$"
)
_NOT_CHAIN = re.compile(r"^(?:,| and| or|,? nor)\s(?:the\s|in\s)?$")
_NOT_AFTER_JA = re.compile(r"^(?:以外|を除|は除|抜き|ではなく|じゃなく|には出さない|は対象外)")
_ORIGIN_AFTER = re.compile(r"^(?:-based\b|-made\b|-born\b|-style\b|-inspired\b|-grown\b)")
_JA_NOT_PLACE = re.compile(
    r"^(?:語|料理|食(?!品)|酒|茶|コスメ|カレー|家具|スイーツ|マッサージ|ドラマ|キムチ|"
    r"車|製|産|風|式|人(?!気)|史|庭園|画|刀|文化|菓子|ワイン|旅行|ツアー|留学|雑貨|"
    r"直送|発の|出身|移住)"
)
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]")


@dataclass
class Places:
    """Where to advertise, as stated.

    Attributes:
        geos: ISO 3166-1 alpha-2 codes in order of appearance.
        stated: A place was named, "worldwide" included.
        ambiguous: A place was named that is not one list of countries.
    """

    geos: list[str] = field(default_factory=list)
    stated: bool = False
    ambiguous: bool = False

    def add(self, codes: list[str]) -> None:
        """Append the codes that are not there yet."""
        self.stated = True
        self.geos.extend(code for code in codes if code not in self.geos)


@cache
def _tricky() -> dict[str, tuple[str, str]]:
    """Return what must stand before a name and what must not follow it, empty for anything."""
    return {
        row[0]: (row[1].removeprefix("-"), row[2] if row[2] != "-" else "(?!)")
        for row in rows("tricky_places")
    }


@cache
def _index() -> tuple[re.Pattern[str], re.Pattern[str], dict[str, list[str]], frozenset[str]]:
    """Return the English and Japanese patterns, what each name means, and the adjectives."""
    meaning: dict[str, list[str]] = {}
    english: list[str] = []
    japanese: list[str] = []
    adjectives: list[str] = []
    for row in rows("places"):
        for column in (1, 4):
            english += cell(row, column)
        adjectives += cell(row, 2)
        japanese += [*cell(row, 3), *cell(row, 5)]
        for column in range(1, 6):
            for name in cell(row, column):
                meaning.setdefault(name.lower(), [row[0]])
    for row in rows("regions"):
        for name in cell(row, 0):
            (english if name.isascii() else japanese).append(name)
            meaning[name.lower()] = row[1].split()
    english += ["georgia"]
    adjective = rf"(?:{alternation(adjectives)})(?={_PEOPLE}\b)"
    head = rf"(?<![\w@/.])(?:{alternation([e.lower() for e in english])})(?!\w)|\b{adjective}"
    tail = "|".join(j.lower() for j in sorted(set(japanese), key=lambda w: (-len(w), w)))
    return re.compile(head), re.compile(tail), meaning, frozenset(adjectives)


_US = re.compile(r"(?<![\w$])(?:US|U\.S\.)(?![\w$])(?!\$)")
_US_LOW = re.compile(r"(?:(?<=\bthe )|(?<=\bin ))us\b(?! (?:\w+ing|know|to|all|out|more)\b)")
_CODES = re.compile(
    r"(?<![\w$-])(?:US|JP|UK|GB|DE|FR|ES|NL|KR|CN|TW|HK|SG|AU|NZ|BR|MX|CH|SE|DK|PL|PT|"
    r"CZ|ZA|CA|AT|BE|IT|IN|IE|FI|UAE|EU|USA)(?![\w$-])"
)
_CODE_LIST = re.compile(
    r"(?<![\w$-])[A-Z]{2,3}(?:(?:, ?|/| ?\+ ?| ?& ?| and |, and |・|、|と)[A-Z]{2,3})+(?![\w$-])"
)
_CODE_AFTER_IN = re.compile(
    r"(?:\b(?:[Ii]n|[Ff]or|[Tt]argeting|[Mm]arket|[Gg]eos?:?|[Cc]ountr(?:y|ies):?|"
    r"[Rr]egions?:?|[Ll]ocations?:?)\s)([A-Z]{2})(?![\w$-])"
)
_JA_CODES = re.compile(r"(?<![A-Za-z])(?:USA?|UK|UAE)(?![A-Za-z$]|ドル)")
_JA_CITY = re.compile(
    r"[\u4e00-\u9fff]{1,4}(?<!都)(?:市(?![場民内街況])|県(?!民)|町(?![内民家])|"
    r"区(?![別画分切役民間域]))"
)


def read_places(text: Text) -> Places:
    """Read the countries a goal is for."""
    hits: list[tuple[int, int, list[str]]] = []
    english, japanese, meaning, adjectives = _index()
    for match in english.finditer(text.low):
        if match[0] in adjectives and match[0] not in ("saudi",):
            hits.append((*match.span(), meaning[match[0]]))
        elif _is_place(text, match):
            hits.append(
                (*match.span(), _georgia(text) if match[0] == "georgia" else meaning[match[0]])
            )
    hits += _japanese_hits(text, japanese, meaning)
    hits += _code_hits(text, hits, meaning)
    return _collect(text, sorted(hits))


def _is_place(text: Text, match: re.Match[str]) -> bool:
    name, (start, end) = match[0], match.span()
    if text.taken(start, end, "language", "date", "money"):
        return False
    if name in _tricky():
        needs, forbids = _tricky()[name]
        if re.search(forbids, text.low[end : end + 16]):
            return False
        capital = text.norm[start].isupper() and text.norm != text.norm.upper()
        if (
            needs
            and not re.search(needs, text.before(start, 20))
            and not (capital and needs.startswith("("))
        ):
            return False
    return name != "global" or bool(
        re.match(r"^(?: (?:campaign|audience|reach|market|launch)|[,.;]|$)", text.after(end, 12))
    )


def _georgia(text: Text) -> list[str]:
    if re.search(
        r"\batlanta\b|\bsavannah\b|\bga\b|\busa?\b|state of georgia|united states|georgia, u",
        text.low,
    ):
        return ["US"]
    if re.search(
        (
            r"tbilisi|batumi|country of georgia|georgia \(the country|georgia, the country|"
            r"caucasus|\blari\b|armenia|azerbaijan"
        ),
        text.low,
    ):
        return ["GE"]
    return ["?"]


def _japanese_hits(
    text: Text, pattern: re.Pattern[str], meaning: dict[str, list[str]]
) -> list[tuple[int, int, list[str]]]:
    hits: list[tuple[int, int, list[str]]] = []
    if not re.search(r"[\u3041-\u9fff]", text.low):
        return hits
    for match in pattern.finditer(text.low):
        start, end = match.span()
        inside = text.taken(start, end, "language", "money")
        if inside or (match[0] != "国内" and _JA_NOT_PLACE.search(text.low[end : end + 3])):
            continue
        around = text.low[max(0, start - 1) : start] + text.low[end : end + 1]
        if _KATAKANA.match(match[0]) and _KATAKANA.search(around):
            continue
        if match[0] in ("国内", "全国") and not text.japanese:
            continue
        hits.append((start, end, meaning[match[0]]))
    for match in _JA_CITY.finditer(text.low):
        if text.japanese and not any(a < match.end() and match.start() < b for a, b, _ in hits):
            hits.append((*match.span(), ["JP"]))
    return hits


def _code_hits(
    text: Text, hits: list[tuple[int, int, list[str]]], meaning: dict[str, list[str]]
) -> list[tuple[int, int, list[str]]]:
    spans: list[tuple[int, int, str]] = [(*m.span(), "US") for m in _US.finditer(text.norm)]
    spans += [(*m.span(), "US") for m in _US_LOW.finditer(text.low)]
    if text.japanese:
        spans += [(*m.span(), m[0]) for m in _JA_CODES.finditer(text.norm)]
    shouting = text.norm == text.norm.upper()
    if shouting:
        spans = [s for s in spans if re.search(r"\b(?:THE|IN|AND|,|&) ?$", text.norm[: s[0]])]
    else:
        for group in _CODE_LIST.finditer(text.norm):
            spans += [
                (group.start() + m.start(), group.start() + m.end(), m[0])
                for m in _CODES.finditer(group[0])
            ]
        spans += [
            (*m.span(1), m[1]) for m in _CODE_AFTER_IN.finditer(text.norm) if _CODES.fullmatch(m[1])
        ]
    found: list[tuple[int, int, list[str]]] = []
    for start, end, code in spans:
        if any(a < end and start < b for a, b, _ in [*hits, *found]) or text.taken(
            start, end, "money"
        ):
            continue
        found.append((start, end, meaning.get(code.lower(), ["GB" if code == "UK" else code])))
    return found


def _collect(text: Text, hits: list[tuple[int, int, list[str]]]) -> Places:
    places = Places()
    dropped_end = -1
    origin: list[tuple[int, int]] = []
    for start, end, codes in hits:
        before, after = text.before(start, 40), text.low[end : end + 10]
        chained = dropped_end >= 0 and _NOT_CHAIN.search(text.low[dropped_end:start])
        if _NOT_BEFORE.search(before) or _NOT_AFTER_JA.search(after) or chained:
            dropped_end = end
            places.stated = places.stated or not _NOT_AFTER_JA.search(after)
            text.mark("place", start, end)
            continue
        dropped_end = -1
        if _is_origin(before, after):
            origin.append((start, end))
            continue
        text.mark("place", start, end)
        if codes == ["*"]:
            places.stated = True
        elif codes == ["?"]:
            places.stated = places.ambiguous = True
        else:
            places.add(codes)
    if places.geos:
        # "Europe, especially Germany" and "海外、特に台湾" name the countries after all.
        places.ambiguous = places.ambiguous and not re.search(
            r"especially|specifically|namely|particularly|i\.e\.|such as|特に|具体的に|ではなく",
            text.low,
        )
    return places


def _is_origin(before: str, after: str) -> bool:
    if _ORIGIN_BEFORE.search(before) or _ORIGIN_AFTER.search(after):
        return True
    return bool(_FROM_BEFORE.search(before)) and not _FROM_PEOPLE.search(before)
