"""Which language a turn is in: script rules, then a small word profile, then hint and history.

Kana is Japanese; Hangul, Cyrillic, Arabic and the like are not served; kanji alone may be Japanese or
Chinese and asks the hint, the earlier turns, and characters only one of the two writes. Latin text is
English unless the words, letters or endings of another language outweigh the English ones: short
commercial queries ("best laptop") and accented names ("café near me") stay English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from domain.language import Language, parse_language
from fastpath.text import fold

_WORDS: Final = Path(__file__).parent / "data" / "latin_words.tsv"
_SAMPLE: Final = 2_000
UNKNOWN: Final = "und"

_SCRIPTS: Final = (
    ("kor", re.compile("[\uac00-\ud7af\u1100-\u11ff\u3130-\u318f]")),
    ("rus", re.compile("[\u0400-\u052f]")),
    ("ara", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("tha", re.compile("[\u0e00-\u0e7f]")),
    ("ell", re.compile("[\u0370-\u03ff]")),
    ("heb", re.compile("[\u0590-\u05ff]")),
    ("hin", re.compile("[\u0900-\u097f]")),
    (
        "other",
        re.compile(
            "[\u0530-\u058f\u0700-\u074f\u0980-\u0dff\u0e80-\u10ff\u1200-\u139f\u1780-\u17ff]"
        ),
    ),
)
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9d]")
_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"(?<!\w)[^\W\d_]+(?:'[^\W\d_]+)*(?!\w)")
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
#: The last two letters of every ending: what most words already lack.
_TAILS: Final = frozenset(ending[-2:] for _, endings in _ENDINGS for ending in endings)


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


def detect_conversation(texts: Sequence[str], hint: str | None = None) -> Verdict:
    """Return the language of the last text; hint and earlier texts decide where it does not.

    Args:
        texts: What the user wrote, oldest first.
        hint: The host's hint, ISO 639-1 or -3; believed only when the text has no evidence of its own.
    """
    verdict = detect(texts[-1], hint) if texts else Verdict(None, UNKNOWN, "default")
    if verdict.why != "default":
        return verdict
    for earlier in reversed(texts[:-1][-6:]):
        found = detect(earlier)
        if found.why in ("script", "words"):
            if verdict.seen == "zho" and found.language is not Language.JPN:
                continue
            return Verdict(found.language, found.seen, "history")
    return verdict


def detect(text: str, hint: str | None = None) -> Verdict:
    """Return the language of one text."""
    sample = fold(text[:_SAMPLE])
    hinted = parse_language(hint) if hint else None
    if sample.isascii():
        words = _LATIN.findall(sample)
        return _latin(sample, words, hinted) if words else _nothing(hinted)
    latin = sum(map(_is_latin, sample))
    foreign = _foreign(sample)
    if foreign is None and _KANA.search(sample):
        return Verdict(Language.JPN, "jpn", "script")
    if foreign is not None:
        return Verdict(None, foreign, "script")
    han = len(_HAN.findall(sample))
    if han and 3 * han >= latin:
        return _han(sample, hinted)
    if not latin:
        return _nothing(hinted)
    return _latin(sample, _LATIN.findall(sample), hinted)


def _is_latin(char: str) -> bool:
    return char.isalpha() and (char < "\u0250" or "\u1e00" <= char <= "\u1eff")


def _foreign(sample: str) -> str | None:
    """Return the language of a script that is not served if it makes up a good part of the text."""
    letters = sum(char.isalpha() for char in sample)
    for language, script in _SCRIPTS:
        if 4 * len(script.findall(sample)) >= letters > 0:
            return language
    return None


def _han(sample: str, hinted: Language | None) -> Verdict:
    if _ONLY_CHINESE.search(sample) and not _ONLY_JAPANESE.search(sample):
        return Verdict(None, "zho", "script")
    if _ONLY_JAPANESE.search(sample):
        return Verdict(Language.JPN, "jpn", "script")
    if hinted is Language.JPN:
        return Verdict(Language.JPN, "jpn", "hint")
    return Verdict(None, "zho", "default")


def _nothing(hinted: Language | None) -> Verdict:
    if hinted is not None:
        return Verdict(hinted, hinted.value, "hint")
    return Verdict(None, UNKNOWN, "default")


def _latin(sample: str, words: Sequence[str], hinted: Language | None) -> Verdict:
    """Score words, letters and endings; English wins ties, and everything without evidence."""
    scores = _evidence(words, sample)
    english = scores.pop("eng", 0)
    best = max(sorted(scores), key=lambda name: scores[name], default="eng")
    if scores.get(best, 0) > english and scores.get(best, 0) >= _needed(words, english):
        return Verdict(None, best, "words")
    if english:
        return Verdict(Language.ENG, "eng", "words")
    if hinted is Language.ENG:
        return Verdict(hinted, "eng", "hint")
    return Verdict(Language.ENG, "eng", "default")


def _evidence(words: Sequence[str], sample: str) -> dict[str, int]:
    """Return points per language for listed words, foreign letters and foreign endings."""
    scores: dict[str, int] = {}
    known = _profile()
    for word in words:
        languages = known.get(word, ())
        for language in languages:
            points = 1 if len(word) == 1 else 4 if len(languages) == 1 else 2
            scores[language] = scores.get(language, 0) + points
        if len(word) >= 6 and word[-2:] in _TAILS and "eng" not in languages:
            for language, endings in _ENDINGS:
                if word.endswith(endings):
                    scores[language] = scores.get(language, 0) + 1
    if sample.isascii():
        return scores
    for char in sample:
        for language in _LETTERS.get(char, ()):
            scores[language] = scores.get(language, 0) + (2 if len(_LETTERS[char]) == 1 else 1)
    if any("\u1ea0" <= char <= "\u1ef9" for char in sample):
        scores["vie"] = scores.get("vie", 0) + 6
    return scores


def _needed(words: Sequence[str], english: int) -> int:
    """Return the score that outweighs English: one clear word if there is no English word at all."""
    if english == 0:
        return 3 if len(words) <= 4 else 4
    return english + max(2, len(words) // 4)


@cache
def _profile() -> dict[str, tuple[str, ...]]:
    """Return word → languages that list it. Read once, on the first Latin text."""
    found: dict[str, list[str]] = {}
    for line in _WORDS.read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        language, _, words = line.partition("\t")
        for word in dict.fromkeys(words.split()):
            found.setdefault(unicodedata.normalize("NFKC", word), []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}
