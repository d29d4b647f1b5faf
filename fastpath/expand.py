"""English tag → Japanese surface forms, at compile time only.

Sources, in this order: the supplementary table `data/japanese_forms.tsv` (written for this project, for
modern words JMdict lacks or answers too broadly); JMdict as shipped in the package `jamdict-data`
(© Electronic Dictionary Research and Development Group, CC BY-SA 4.0); and for tags of several words also the
compounds of their parts (`japanese_parts`). A form that is too general or too short to be believed
inside running text is left out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from fastpath.form_keys import japanese_in
from fastpath.japanese import HIRAGANA, KANJI, KATAKANA, char_class, is_japanese
from fastpath.japanese_longer import LongerWords, read_figures
from fastpath.japanese_parts import PARTS, Parts, read_lists
from fastpath.text import fold

_TABLE: Final = Path(__file__).parent / "data" / "japanese_forms.tsv"
_VERSION: Final = b"expand-3"
MAX_FORMS: Final = 24
_BAD_MISC: Final = (
    "archaism", "obsolete", "rare", "derogatory", "vulgar", "slang", "children's", "idiomatic", "poetical",
    "honorific", "humble", "colloquial", "obscure", "dated", "historical", "manga", "female", "male",
    "proverb", "sensitive", "X-rated", "quotation", "onomatopoeic", "euphemistic",
)  # fmt: skip
_QUERY: Final = """
SELECT g.sid, s.idseq, g.text,
       (SELECT COUNT(*) FROM Sense t WHERE t.idseq = s.idseq AND t.ID < s.ID) AS sense_rank,
       (SELECT COUNT(*) FROM SenseGloss h WHERE h.sid = g.sid AND h.rowid < g.rowid) AS gloss_rank
FROM SenseGloss g JOIN Sense s ON s.ID = g.sid
WHERE +g.lang = 'eng' AND (g.text = ? OR (g.text >= ? AND g.text < ?))
ORDER BY s.idseq, g.sid
LIMIT 60
"""
#: Entries written like a form (by their kanji, or by kana where that is usual), and whether that is common.
_HOMOGRAPHS: Final = """
SELECT k.idseq, EXISTS(SELECT 1 FROM KJP p WHERE p.kid = k.ID) FROM Kanji k WHERE k.text = ?
UNION ALL
SELECT k.idseq, EXISTS(SELECT 1 FROM KNP p WHERE p.kid = k.ID) FROM Kana k WHERE k.text = ?
  AND (NOT EXISTS(SELECT 1 FROM Kanji j WHERE j.idseq = k.idseq) OR EXISTS(
    SELECT 1 FROM Sense s JOIN misc m ON m.sid = s.ID WHERE s.idseq = k.idseq AND m.text LIKE '%kana alone%'))
"""
_ALL_GLOSSES: Final = """
SELECT g.text FROM Sense s JOIN SenseGloss g ON g.sid = s.ID WHERE s.idseq = ? AND +g.lang = 'eng'
"""
#: How much worse than the best a form of JMdict may be, and how many of them a tag takes.
_SLACK: Final = 3
#: What a gloss says of a thing that goes by the bare name in a shop: woollen yarn, Japanese persimmon.
_KIND_WORDS: Final = (
    "Japanese traditional small clinical electric electronic woollen woolen wooden portable earthenware raw"
    " fresh steamed grilled (Western) (clinical) (electric) bathroom household hand"
)
_KINDS_OF: Final = tuple(_KIND_WORDS.split())
_MOST_FOUND: Final = 4


class Expansion(msgspec.Struct, frozen=True):
    """Cache of what each tag became; travels in the snapshot so the next compile can reuse it.

    Attributes:
        source: Fingerprint of table, dictionary and rules; another one voids the cache.
        forms: Japanese surface forms by canonical tag; tags without any are left out.
        known: All that was looked up at any time. fresh: how many of them just now.
    """

    source: str
    forms: dict[str, tuple[str, ...]]
    known: frozenset[str] = frozenset()
    fresh: int = 0


def dictionary_path() -> Path | None:
    """Return JMdict's SQLite file of the installed package, or None."""
    spec = importlib.util.find_spec("jamdict_data")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "jamdict.db"
    return path if path.is_file() else None


def read_table(path: Path = _TABLE) -> dict[str, tuple[str, ...]]:
    """Return the supplementary table: forms by tag, see `read_lists`."""
    return read_lists(path)


class Expander:
    """Finds Japanese surface forms of English tags.

    Args:
        dictionary: JMdict SQLite file; None works from the table alone.
        table: Supplementary table.
        learnt: What a model said of tags that have no form otherwise.
    """

    def __init__(
        self,
        dictionary: Path | None,
        table: dict[str, tuple[str, ...]],
        learnt: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        # A tag that is known to have no form is not looked up anew by each compile.
        self._learnt = {tag: forms for tag, forms in (learnt or {}).items() if forms}
        self._dictionary = dictionary
        self._table = table
        self._patterns = read_lists(PARTS)
        self._cache: dict[str, tuple[str, ...]] = {}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._qualified: dict[str, list[str]] = {}
        self._glosses: frozenset[str] | None = None
        self._longer: LongerWords | None = None
        self._marked: dict[str, tuple[str, ...]] = {}
        size = dictionary.stat().st_size if dictionary else 0
        rows = repr((sorted(table.items()), self._patterns, read_figures())).encode()
        digest = hashlib.blake2b(_VERSION + rows + str(size).encode(), digest_size=16)
        self.source = digest.hexdigest()

    @property
    def looks_up(self) -> bool:
        """Return whether there is anything to look up in: what was found before is worth keeping then."""
        return self._dictionary is not None or bool(self._table)

    def expand(self, tags: Iterable[str], known: Expansion | None = None) -> Expansion:
        """Return the forms of all tags (canonical, distinct), reusing `known` where its source is the same."""
        wanted = list(tags)
        if not self.looks_up:
            own: dict[str, tuple[str, ...]] = {
                tag: (tag.replace(" ", ""),) for tag in wanted if japanese_in(tag)
            }
            return Expansion(self.source, own, frozenset(), len(wanted))
        reuse = known if known is not None and known.source == self.source else None
        looked_up = frozenset() if reuse is None else reuse.known
        bare = self._learnt.keys() if reuse is None else self._learnt.keys() - reuse.forms.keys()
        missing = [tag for tag in wanted if tag not in looked_up or tag in bare]
        forms: dict[str, tuple[str, ...]] = {}
        if reuse is not None and reuse.forms:
            old = reuse.forms
            forms = {tag: tuple(old[tag]) for tag in wanted if tag in old}
        if missing and self._dictionary is not None:
            uri = f"{self._dictionary.as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True)) as db:
                forms |= {tag: row for tag in missing if (row := self._forms(tag, db))}
        elif missing:
            forms |= {tag: row for tag in missing if (row := self._forms(tag, None))}
        return Expansion(self.source, forms, frozenset(), len(missing))

    def _forms(self, tag: str, db: sqlite3.Connection | None) -> tuple[str, ...]:
        if not tag.isascii() and any(map(is_japanese, tag)):
            return (tag.replace(" ", ""),)
        forms = list(self._whole(tag, db))
        words = tag.split(" ")
        if len(words) > 1:
            parts = Parts(self._patterns, lambda name: self._part(name, db), spellings)
            forms += parts.composed(words)
        forms = forms or list(self._learnt.get(tag, ()))
        kept = [form for form in dict.fromkeys(forms) if acceptable(form)]
        del kept[MAX_FORMS:]
        return (*kept, *(mark for form in kept for mark in self._inside(form, db)))

    def _inside(self, form: str, db: sqlite3.Connection | None) -> tuple[str, ...]:
        """Return the marks of the longer words in which a form does not count."""
        if db is None:
            return ()
        if form not in self._marked:
            if self._longer is None:
                self._longer = LongerWords(db)
            self._marked[form] = self._longer.marked(form, db)
        return self._marked[form]

    def _whole(self, tag: str, db: sqlite3.Connection | None) -> tuple[str, ...]:
        """Return the forms of a tag looked up in one piece: from the table, else from JMdict."""
        if tag not in self._cache:
            variants = spellings(tag)
            rows = [form for variant in variants for form in self._table.get(variant, ())]
            if not rows and db is not None:
                known = self._known_glosses(db)
                listed = [variant for variant in _as_listed(tag) if variant in known]
                listed += [
                    gloss for variant in variants for gloss in self._qualified.get(variant, ())
                ]
                rows = [form for variant in listed for form in _jmdict(db, variant)]
                if not any(char_class(form[0]) == KANJI for form in rows):
                    kinds = (f"{kind} {spelt}" for spelt in variants for kind in _KINDS_OF)
                    rows += [form for name in kinds if name in known for form in _jmdict(db, name)]
            # A dictionary writes ダウン・ジャケット, people do not.
            bare = (form.replace("・", "") for form in rows)
            self._cache[tag] = tuple(form for form in dict.fromkeys(bare) if form)
        return self._cache[tag]

    def _part(self, name: str, db: sqlite3.Connection | None) -> tuple[str, ...]:
        """Return the forms of a part of a tag: in a compound a word may be vaguer than by itself."""
        if name not in self._parts:
            variants = spellings(name)
            found: list[str] = []
            if db is not None and not any(variant in self._table for variant in variants):
                known = self._known_glosses(db)
                common = (_jmdict(db, v, in_part=True) for v in variants if v in known)
                found = [form.replace("・", "") for forms in common for form in forms]
            self._parts[name] = tuple(dict.fromkeys(found)) or self._whole(name, db)
        return self._parts[name]

    def _known_glosses(self, db: sqlite3.Connection) -> frozenset[str]:
        """Return every tag that a look-up can find, read in one pass: most tags need no look-up then."""
        if self._glosses is None:
            found = set()
            for (gloss,) in db.execute("SELECT text FROM SenseGloss WHERE lang = 'eng'"):
                found.add(gloss)
                if gloss.startswith("("):
                    # "(flower) vase" is a vase.
                    aside, _, name = gloss[1:].partition(") ")
                    self._qualified.setdefault(name, []).append(gloss)
                    self._qualified.setdefault(f"{aside} {name}", []).append(gloss)
                at = gloss.find(" (")
                while at >= 0:
                    found.add(gloss[:at])
                    at = gloss.find(" (", at + 1)
            self._glosses = frozenset(found)
        return self._glosses


def spellings(tag: str) -> tuple[str, ...]:
    """Return a tag with its last word in singular and plural, as dictionaries may list either."""
    head, _, last = tag.rpartition(" ")
    lead = head + " " if head else ""
    out = [tag]
    if last.endswith("ies") and len(last) > 4:
        out.append(f"{lead}{last[:-3]}y")
    if last.endswith("ves") and len(last) > 4:
        out += [f"{lead}{last[:-3]}f", f"{lead}{last[:-3]}fe"]
    if last.endswith(("ses", "xes", "ches", "shes", "oes")):
        out.append(f"{lead}{last[:-2]}")
    if last.endswith("s") and not last.endswith("ss") and len(last) > 3:
        out.append(f"{lead}{last[:-1]}")
    elif len(last) > 2:
        out.append(f"{tag}s")
    return tuple(dict.fromkeys(out))


def _as_listed(tag: str) -> tuple[str, ...]:
    """Return how a dictionary may list a tag: hotplate for hot plate, Go board, woollen yarn for yarn."""
    words = [written for spelt in spellings(tag) for written in _joined(spelt)]
    return tuple(dict.fromkeys([*words, *(word[:1].upper() + word[1:] for word in words)]))


def _joined(tag: str) -> tuple[str, ...]:
    return (tag, tag.replace(" ", ""), tag.replace(" ", "-")) if " " in tag else (tag,)


def acceptable(form: str) -> bool:
    """Return whether a form is specific enough to be looked for inside running Japanese text."""
    if not any(map(is_japanese, form)) or len(form) > 24:
        return False
    classes = {char_class(char) for char in form}
    if classes == {HIRAGANA}:
        return len(form) >= 3
    return len(form) > 1 or classes == {KANJI}


def _jmdict(db: sqlite3.Connection, tag: str, *, in_part: bool = False) -> list[str]:
    """Return common written forms of the entries whose gloss is the tag, best first."""
    scored: list[tuple[int, int, str]] = []
    for sid, idseq, gloss, sense_rank, gloss_rank in db.execute(
        _QUERY, (tag, f"{tag} (", f"{tag} )")
    ):
        if sense_rank > 1 or gloss_rank > 2 or not _usable_sense(db, sid):
            continue
        penalty = 4 * sense_rank + gloss_rank + (0 if gloss == tag else 2)
        penalty += 0 if in_part else _vague(db, sid)
        for form, common in _written(db, idseq, sid):
            exact = sense_rank == 0 and gloss_rank == 0
            trusted = common or exact or " " in gloss
            if not trusted or not (len(form) > 1 or (common and exact)):
                continue
            if not _means_more(db, form, idseq, tag):
                rare = (4 if in_part else 1) if exact else 8
                scored.append((penalty + (0 if common else rare), idseq, form))
    best = sorted(scored)
    return [fold(form) for score, _, form in best if score <= best[0][0] + _SLACK][:_MOST_FOUND]


def _vague(db: sqlite3.Connection, sid: int) -> int:
    """Return a penalty for a sense that many English words only circle (勝負: victory or defeat, match, bout)."""
    (count,) = db.execute("SELECT COUNT(*) FROM SenseGloss WHERE sid = ? AND +lang = 'eng'", (sid,))
    return max(0, int(count[0]) - 2)


def _means_more(db: sqlite3.Connection, form: str, idseq: int, tag: str) -> bool:
    """Return whether a form is as much the word for something else: ペット is no trumpet, ホース no horse."""
    head = tag.rpartition(" ")[2]
    for other, often in db.execute(_HOMOGRAPHS, (form, form)):
        if other == idseq or not often:
            continue
        glosses = [gloss for (gloss,) in db.execute(_ALL_GLOSSES, (other,))]
        if glosses and not any(head in gloss for gloss in glosses):
            return True
    return False


def _usable_sense(db: sqlite3.Connection, sid: int) -> bool:
    """Return whether a sense is an ordinary noun."""
    kinds = [row[0] for row in db.execute("SELECT text FROM pos WHERE sid = ?", (sid,))]
    if not any(kind.startswith("noun") or "takes the aux. verb suru" in kind for kind in kinds):
        return False
    notes = [row[0] for row in db.execute("SELECT text FROM misc WHERE sid = ?", (sid,))]
    if any("adjectival noun" in kind for kind in kinds):
        return False  # a tag names a thing: "novel" is 小説 and not 斬新
    return not any(bad in note for note in notes for bad in _BAD_MISC)


def _written(db: sqlite3.Connection, idseq: int, sid: int) -> list[tuple[str, bool]]:
    """Return (written form, whether it is common) of an entry."""
    kanji = db.execute(
        "SELECT k.text, EXISTS(SELECT 1 FROM KJP p WHERE p.kid = k.ID) FROM Kanji k WHERE k.idseq = ?"
        " AND NOT EXISTS(SELECT 1 FROM KJI i WHERE i.kid = k.ID) ORDER BY k.ID",
        (idseq,),
    ).fetchall()
    kana = db.execute(
        "SELECT k.text, EXISTS(SELECT 1 FROM KNP p WHERE p.kid = k.ID) FROM Kana k WHERE k.idseq = ?"
        " AND NOT EXISTS(SELECT 1 FROM KNI i WHERE i.kid = k.ID) ORDER BY k.ID",
        (idseq,),
    ).fetchall()
    misc = [row[0] for row in db.execute("SELECT text FROM misc WHERE sid = ?", (sid,))]
    usually_kana = any("kana alone" in note for note in misc)
    # What is usually written in kana is as often half in kanji (玉ねぎ).
    forms = [
        (text, bool(common))
        for text, common in kanji
        if not usually_kana or any(char_class(char) == HIRAGANA for char in text)
    ]
    if usually_kana or not kanji:
        forms += [(text, bool(common)) for text, common in kana]
    else:
        # Katakana readings (ベルト, タバコ) are written as often as the kanji.
        forms += [(t, bool(c)) for t, c in kana if all(char_class(ch) == KATAKANA for ch in t)]
    return forms
