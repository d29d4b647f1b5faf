"""Which language a turn is in: script rules, then a small word profile, then hint and history.

Kana is Japanese; Hangul, Cyrillic, Arabic and the like are not served; kanji alone may be Japanese or
Chinese and asks the hint, the earlier turns, and characters only one of the two writes. Latin text is
English unless the words, letters or endings of another language outweigh the English ones: short
commercial queries ("best laptop") and accented names ("café near me") stay English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from domain.language import Language, parse_language
from fastpath._points import Points, reader
from fastpath._tongue import Tongue
from fastpath.text import fold

_WORDS: Final = Path(__file__).parent / "data" / "latin_words.tsv"
#: So many characters of a text tell its language.
SAMPLE: Final = 2_000
#: How many earlier turns are asked.
_HISTORY: Final = 6
#: Languages that may be written in Han characters alone.
_HAN_WRITTEN: Final = frozenset({"jpn", "zho", "yue"})
UNKNOWN: Final = "und"

#: Scripts and the language each stands for, in the order they are asked: (language, first, last code point).
_SCRIPTS: Final = (
    ("kor", 0xAC00, 0xD7AF), ("kor", 0x1100, 0x11FF), ("kor", 0x3130, 0x318F), ("rus", 0x0400, 0x052F),
    ("ara", 0x0600, 0x06FF), ("ara", 0x0750, 0x077F), ("tha", 0x0E00, 0x0E7F), ("ell", 0x0370, 0x03FF),
    ("heb", 0x0590, 0x05FF), ("hin", 0x0900, 0x097F), ("other", 0x0530, 0x058F), ("other", 0x0700, 0x074F),
    ("other", 0x0980, 0x0DFF), ("other", 0x0E80, 0x10FF), ("other", 0x1200, 0x139F),
    ("other", 0x1780, 0x17FF),
)  # fmt: skip
_SCRIPT_NAMES: Final = tuple(dict.fromkeys(name for name, _, _ in _SCRIPTS))
#: Characters made or simplified in Japan, and words Chinese does not write.
_ONLY_JAPANESE: Final = re.compile(
    "[円気駅図売読働込峠畑桜沢浜辺広転軽県単歩毎発楽帰薬検験険変戦両価塩圧囲択焼続総応歳々〆〒鮨呂]"
    "|東京|大阪|京都|北海道|沖縄|福岡|横浜|名古屋|自動車|携帯電話|新幹線|旅館|通販|激安|人気|料金|比較|格安"
    "|勉強|切符|弁当|英会話|家賃|求人|美容院|美容室|中古車|保育園|幼稚園|結婚式|化粧品|化粧水|家電|掃除機"
    "|洗濯機|冷蔵庫|炊飯器|加湿器|自転車|腕時計|眼鏡|財布|温泉|居酒屋|寿司|刺身|抹茶|和食|洋服|着物|浴衣"
    "|引越|不動産|賃貸|物件|住宅|家庭教師|予備校|就活|転職|副業|年賀状|誕生日|贈物|土産|宿泊|日帰|観光地"
)
_ONLY_CHINESE: Final = re.compile(
    "[们这吗哪买卖东车门问间说话语请谢认识让边过还进时书发经济电视费价钱订购务单么爱动员个给对难开关飞马鸟鱼"
    "這嗎麼賣說讓邊還給對關價錢單呢你她您咖啡哪裡]"
)
#: Letters that English does not use, with the languages that do.
_LETTERS: Final[dict[str, tuple[str, ...]]] = {
    "ß": ("deu",), "ä": ("deu", "swe", "fin"), "ö": ("deu", "swe", "tur", "fin", "hun"), "ü": ("deu", "tur"),
    "å": ("swe", "dan"), "æ": ("dan",), "ø": ("dan",), "ñ": ("spa",), "¿": ("spa",), "¡": ("spa",),
    "ã": ("por", "vie"), "õ": ("por", "vie"), "ç": ("fra", "por", "tur"), "à": ("fra", "ita", "vie"),
    "è": ("fra", "ita"), "ê": ("fra", "por", "vie"), "é": ("fra", "spa", "por"), "ù": ("ita", "fra", "vie"),
    "ò": ("ita", "vie"), "ì": ("ita",), "í": ("spa", "ces", "por"), "ó": ("spa", "pol", "por"),
    "ú": ("spa", "ces"), "á": ("spa", "ces", "por", "hun"), "ł": ("pol",), "ą": ("pol",), "ę": ("pol",),
    "ś": ("pol",), "ż": ("pol",), "ź": ("pol",), "ć": ("pol",), "ń": ("pol",), "ğ": ("tur",), "ı": ("tur",),
    "ş": ("tur",),
    "ř": ("ces",), "ě": ("ces",), "ů": ("ces",), "š": ("ces",), "č": ("ces",), "ž": ("ces",),
    "ý": ("ces",), "ő": ("hun",), "ű": ("hun",), "ă": ("ron", "vie"), "ș": ("ron",), "ț": ("ron",),
    "î": ("ron", "fra"), "â": ("ron", "fra", "vie"), "đ": ("vie",), "ơ": ("vie",), "ư": ("vie",),
    "ô": ("vie", "fra"),
}  # fmt: skip
#: Endings of words of six letters and more that English hardly has.
_ENDINGS: Final = (
    ("deu", ("ungen", "keit", "lich", "liche", "ische", "schaft", "heit", "gen", "chen", "tungen")),
    ("spa", ("ción", "ciones", "mente", "idades", "ería", "illas", "atos")),
    ("por", ("ção", "ções", "mente", "idade", "inho", "agem", "eiro")),
    ("ita", ("zione", "zioni", "mente", "issimo", "ieri", "aggio", "etto")),
    ("fra", ("eaux", "ement", "euse", "oire", "aire", "ières")),
    ("nld", ("lijk", "lijke", "heid", "jes", "ingen", "pen", "ijn")),
    ("pol", ("owy", "owe", "owych", "ość", "anie", "enie", "ski", "skie")),
    ("ind", ("kan", "nya", "annya")),
    ("fin", ("nen", "ssa", "ssä", "sta", "stä", "lla", "llä")),
    ("swe", ("arna", "erna", "ning", "skor")),
    ("tur", ("lar", "ler", "ları", "leri", "yorum", "mak", "mek")),
)
#: Letters with a hook, dot or tone mark that only Vietnamese stacks; they count once.
_ACCENTS: Final = ((0x1EA0, 0x1EF9, "vie", 6),)
_HOME: Final = "eng"
#: Names the list of words that English shares with other languages.
_SHARED: Final = "shared"
_WORD: Final = re.compile(r"[^\W\d_]+")
_SERVED: Final = {language.value: language for language in Language}


class Verdict(msgspec.Struct, frozen=True):
    """What a text is written in.

    Attributes:
        language: ISO 639-3 of a served language, or None.
        seen: Best guess, also for languages that are not served; `und` when there is nothing to read.
        why: `script`, `words`, `hint`, `history` or `default`.
    """

    language: Language | None
    seen: str
    why: str


class Evidence(NamedTuple):
    """What a text says about its language by itself, before hint and history are asked.

    Attributes:
        seen: Best guess, or `und`.
        why: `script`, `words`, or `default` where a hint or the history may decide.
        kind: What may decide: `sure`, `latin` (without a listed word), `han` or `nothing`.
    """

    seen: str
    why: str
    kind: str = "sure"


_NOTHING: Final = Evidence(UNKNOWN, "default", "nothing")
AT_HOME: Final = Evidence(_HOME, "words")


def detect_conversation(texts: Sequence[str], hint: str | None = None) -> Verdict:
    """Return the language of the last text; hint and earlier texts decide where it does not.

    Args:
        texts: What the user wrote, oldest first.
        hint: The host's hint, ISO 639-1 or -3; believed only when the text has no evidence of its own.
    """
    return decide_language(len(texts), lambda at: evidence_of(texts[at]), hint)


def decide_language(
    turns: int, evidence: Callable[[int], Evidence], hint: str | None = None
) -> Verdict:
    """Return the language of the last of some turns, asking for the evidence of as few as needed.

    Args:
        turns: How many there are.
        evidence: Gives the evidence of the turn of a number.
        hint: As in `detect_conversation`.
    """
    verdict = settle(evidence(turns - 1), hint) if turns else Verdict(None, UNKNOWN, "default")
    if verdict.why != "default":
        return verdict
    for at in range(turns - 2, max(-1, turns - 2 - _HISTORY), -1):
        found = settle(evidence(at), None)
        if found.why in ("script", "words"):
            if verdict.seen == "zho" and found.language is not Language.JPN:
                continue
            return Verdict(found.language, found.seen, "history")
    return verdict


def detect(text: str, hint: str | None = None) -> Verdict:
    """Return the language of one text."""
    return settle(evidence_of(text), hint)


def settle(evidence: Evidence, hint: str | None) -> Verdict:
    """Return the verdict on a text, given the host's hint."""
    if evidence.kind == "sure":
        return _sure(evidence, served(evidence.seen))
    hinted = parse_language(hint) if hint else None
    if hinted is not None and (
        evidence.kind == "nothing"
        or (evidence.kind == "han" and hinted.value in _HAN_WRITTEN)
        or (evidence.kind == "latin" and hinted.value in _tongue().names)
    ):
        return Verdict(hinted, hinted.value, "hint")
    return Verdict(served(evidence.seen), evidence.seen, evidence.why)


@lru_cache(maxsize=256)
def _sure(evidence: Evidence, language: Language | None) -> Verdict:
    return Verdict(language, evidence.seen, evidence.why)


def served(code: str) -> Language | None:
    """Return a language if ads are served in it."""
    return _SERVED.get(code)


def evidence_of(text: str) -> Evidence:
    """Return what the first `SAMPLE` characters of a text, as written, say about its language."""
    points = reader().read(fold(text[:SAMPLE]))
    found = evidence_in(points)
    reader().give(points)
    return found


def evidence_in(points: Points) -> Evidence:
    """Return what a folded text of at most `SAMPLE` characters says about its language."""
    sample = points.text
    if sample.isascii():
        return _latin(points)
    latin, foreign, kana, han = _tongue().survey(sample)
    if foreign >= 0:
        return Evidence(_SCRIPT_NAMES[foreign], "script")
    if kana:
        return Evidence("jpn", "script")
    if han and 3 * han >= latin:
        return _han(sample)
    return _latin(points) if latin else _NOTHING


def _han(sample: str) -> Evidence:
    if _ONLY_JAPANESE.search(sample):
        return Evidence("jpn", "script")
    if _ONLY_CHINESE.search(sample):
        return Evidence("zho", "script")
    return Evidence("zho", "default", "han")


def _latin(points: Points) -> Evidence:
    """Weigh words, letters and endings; English wins ties, and everything without evidence."""
    words, english, best, other = _tongue().evidence_in(points)
    if words == 0 and points.text.isascii():
        return _NOTHING
    if other > english and other >= _needed(words, english):
        # One word that English has as well ("plus", "bra", "man") says nothing where nothing else does.
        if _speaks_for_itself(points.text, _tongue().names[best]):
            return Evidence(_tongue().names[best], "words")
        return AT_HOME if english else Evidence(_HOME, "default", "latin")
    if english:
        return AT_HOME
    return Evidence(_HOME, "default", "latin")


def _speaks_for_itself(folded: str, language: str) -> bool:
    """Return whether more than one word that English has as well makes a text that of another language."""
    shared = _shared()
    found = {word for word in _WORD.findall(folded) if language in shared.get(word, ())}
    if len(found) != 1:
        return True
    rest = _WORD.sub(lambda match: "" if match.group() in found else match.group(), folded)
    words, english, _, other = _tongue().evidence(rest)
    return bool(other > english and other >= _needed(words, english))


def _needed(words: int, english: int) -> int:
    """Return the score that outweighs English: one clear word if there is no English word at all."""
    if english == 0:
        return 3 if words <= 4 else 4
    return english + max(2, words // 4)


@cache
def _tongue() -> Tongue:
    """Return the word lists, letters and endings, read once, on the first text."""
    scripts = [(low, high, _SCRIPT_NAMES.index(name)) for name, low, high in _SCRIPTS]
    return Tongue(_profile(), _LETTERS, dict(_ENDINGS), _HOME, _ACCENTS, scripts)


def _profile() -> dict[str, tuple[str, ...]]:
    """Return word → languages that list it."""
    found: dict[str, list[str]] = {}
    for language, words in _lists():
        if language != _SHARED:
            for word in words:
                found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


@cache
def _shared() -> dict[str, tuple[str, ...]]:
    """Return the words of other languages that are ordinary English words as well, with the languages."""
    known = _profile()
    return {word: known.get(word, ()) for name, row in _lists() if name == _SHARED for word in row}


def _lists() -> Iterator[tuple[str, list[str]]]:
    for line in _WORDS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            language, _, words = line.partition("\t")
            yield language, list(dict.fromkeys(unicodedata.normalize("NFKC", words).split()))
