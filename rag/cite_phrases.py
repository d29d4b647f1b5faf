"""Ways to say one thing, brought to one form before a citation is checked: both sides are read through this.

Every rule keeps the meaning; what is lost is only the choice of words.
"""

from __future__ import annotations

import re
import unicodedata

from rag.cite_facts import spelled_out

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_NO_NAMES = (
    f"{_MONTHS}|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|The|In|On|At|From|To|By|For|Up|Over|Under|About|Only|"
    "And|Or|Of|Than|Between|Within|After|Before|Until|Since|Around|Nearly|Almost|Every|Each|All|With|Has|Have|"
    "Are|Is|It|They|Some|Both|Costs?|Last|First|Another|Another|Approximately|Roughly|Exactly|Least|Most"
)
_HALVES = {
    "one": 1, "an": 1, "a": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_UNIT_WORD = (
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|lit(?:re|er)s?|kilos?|kilograms?"
    r"|(?:kilo)?met(?:re|er)s?|percent|million|billion)"
)

_ENGLISH = tuple(
    (re.compile(pattern, re.I), plain)
    for pattern, plain in (
        (
            r"\b(?:at no (?:extra |additional |further )?(?:charge|cost|fee)|free of charge|for free"
            r"|without (?:any )?(?:extra |additional |further )?(?:charge|cost|fee|payment)s?"
            r"|(?:costs?|pay) nothing|is not charged for|complimentary|(?<!-)(?<!feel )free(?=\s|[.,;]|$))",
            "gratis",
        ),
        (
            r"\b(?:ma(?:ke|kes|de|king) up|account(?:s|ed|ing)? for|represent(?:s|ed)?"
            r"|amount(?:s|ed)? to|c(?:o|a)mes? to(?= [$€£¥]?\d))\b",
            "makes",
        ),
        (r"\b(?:takes?|took) place\b", "happens"),
        (r"\b(?:owing|due|thanks) to\b|\bon account of\b|\bas a result of\b", "because of"),
        (r"\bprior to\b", "before"),
        (r"\bexcept (?:where|when|if)\b", "unless"),
        (r"\b(?:limited to|no more than|not more than|a maximum of)(?= \w)", "at most"),
        (r"\bat (?:once|the same time|one time)\b", "at a time"),
        (r"\bsen[dt] back\b", "return"),
        (r"\b(is|are|was|were) excluded\b", r"\1 not included"),
        (r"(\b\d[\d.,]*) (?:or|and) (?:over|above|older|more|upwards)\b", r"at least \1"),
        (r"(\b\d[\d.,]*) (?:or|and) (?:under|below|younger|less|fewer)\b", r"at most \1"),
        (r"\bin excess of\b", "over"),
        (r"\b(?:ha(?:s|ve|d)|needs?|ought) to\b|\b(?:is|are|was|were) required to\b", "must"),
        (r"\b(?:is|are|was|were) (?:able|allowed|permitted) to\b", "can"),
        (r"\b(?:have the option of|may choose to)\b", "can"),
        (r"\b(?<!up )up (?=(?:by |from )?[$€£¥]?\d)", "rising "),
        (r"\bdown (?=(?:by |from )?[$€£¥]?\d)", "falling "),
        (r"\bon the other hand\b|\bby contrast\b|\bin contrast\b", "but"),
        (r",?\s(?:rather than|instead of|as opposed to)\s", " but not "),
        (r"\bmore expensive\b|\bdearer\b|\bcostlier\b", "more cost"),
        (r"\bless expensive\b|\bcheaper\b", "less cost"),
        (r"\bmoney[- ]back\b", "refund"),
        (r"\b(?:an?|one) dozen\b", "12"),
        (r"\ba fortnight\b", "two weeks"),
        (r"\bhalf an hour\b", "30 minutes"),
        (r"\bhalf a year\b", "6 months"),
        (r"\b(?:by|on) (?:oneself|your own|their own|its own|yourself|themselves|itself)\b", ""),
        (r"\b(?:themselves|itself|yourself|himself|herself|oneself)\b", ""),
        (r"\bas well as\b|\btogether with\b|\balong with\b|\bin addition to\b", "and"),
        (r"\bno one\b", "nobody"),
        (r"\bin writing\b", "written"),
        (r"\bas long as\b|\bon condition that\b|\bproviding\b|\bprovided that\b", "provided"),
    )
)
_JAPANESE = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"申し?込[まみむめもん]", "申込"),
        (r"お?買い?上げ日?", "購入"),
        (r"購入日", "購入"),
        (r"お?問い?合わ?せ", "問合せ"),
        (r"受け?付け", "受付"),
        (r"取り?扱い?", "取扱"),
        (r"ではなくて?、?|でなく、?", "ではない。"),
        (
            r"(?:料金|費用|送料|代金)(?:は|が|も)?(?:一切)?(?:かかりません|いただきません|不要です?)",
            "無料",
        ),
        (r"取り?消[しせすさ]", "取消"),
        (r"払い?戻[しせすさ]", "返金"),
        (r"につき", "あたり"),
        (r"すべて|全部|いずれも", "全て"),
        (r"おおよそ|およそ|約|ほぼ", ""),
    )
)
_HALF = re.compile(rf"\b({'|'.join(_HALVES)}|\d+) and a half(?=[\s.,;-]|$)", re.I)
_AND_HALF = re.compile(rf"\b({'|'.join(_HALVES)}|\d+) ({_UNIT_WORD}) and a half\b", re.I)
_JAPANESE_HALF = re.compile(r"(\d+)(時間|年|か月|ヶ月|か月間|週間|日)半")
#: `Kestrel 4`, `size 42`: the number belongs to the name.
_NAMED = re.compile(
    rf"\b((?!(?:{_NO_NAMES})\b)[A-Z][A-Za-z]+|size|type|version|level|gate|room|platform|page|phase|class|zone|terminal)"
    rf" (\d{{1,4}})\b(?![\d,.]*\d)"
    rf"(?!\s?(?:%|{_UNIT_WORD}|people|persons|euros?|dollars?|pounds?|yen|kg|km|cm|mm|g|m|ml|l)\b)"
)


def canonical(text: str) -> str:
    """Return a text with frequent ways to say the same brought to one form; its length may change."""
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    text = _HALF.sub(lambda m: f"{_number(m[1])}.5", text)
    text = _AND_HALF.sub(lambda m: f"{_number(m[1])}.5 {m[2]}", text)
    text = _JAPANESE_HALF.sub(r"\1.5\2", text)
    for pattern, plain in _ENGLISH:
        text = pattern.sub(plain, text)
    for pattern, plain in _JAPANESE:
        text = pattern.sub(plain, text)
    return spelled_out(_NAMED.sub(lambda m: f"{m[1]}{m[2]}", text))


def _number(word: str) -> str:
    return str(_HALVES.get(word.lower(), word))


#: Words that say that something holds without exception, or of one thing alone.
_SCOPE = re.compile(
    r"\b(?:all|every|any|always|everyone|everybody|anyone|anybody|entire|entirely|whole|never|only|exclusively"
    r"|solely|anytime|anywhere|everywhere|unlimited|guaranteed?s?)\b"
    r"|全て|全員|全国|必ず|いつでも|いつも|常に|誰でも|どこでも|のみ|だけ|限り|限定|無制限|毎回"
)
_ALIKE = (
    {"all", "every", "any", "entire", "entirely", "whole", "everyone", "everybody", "anyone", "anybody", "全て",
     "全員", "誰でも", "always", "いつも", "常に", "毎回", "必ず", "anytime", "いつでも"},
    {"only", "exclusively", "solely", "のみ", "だけ", "限り", "限定"},
    {"never"},
    {"anywhere", "everywhere", "全国", "どこでも"},
)  # fmt: skip


_EACH = re.compile(r"\b(?:every|each)\b|各|毎週|毎月|毎日|毎年")
_EACH_OTHER = re.compile(
    r"\b(?:every|each) (?:other|second|third|fourth|two|three|four|\d+)\b"
    r"|隔週|隔月|隔日|隔年|第[一二三四1-4][月火水木金土日]"
)


def unlimited(sentence: str, source: str) -> str | None:
    """Return a word of the sentence that widens (or narrows) what is said, and has nothing like it in the source.

    Args:
        sentence: In lower case.
        source: What it rests on, in lower case.
    """
    if _EACH.search(sentence) and _EACH_OTHER.search(source) and not _EACH_OTHER.search(sentence):
        return "every"
    there = set(_SCOPE.findall(source)) | ({"every"} if _EACH.search(source) else set())
    words: list[str] = _SCOPE.findall(sentence)
    for word in words:
        group = next((g for g in _ALIKE if word in g), {word})
        if not group & there and not (word == "never" and re.search(r"\b(?:not|no)\b", source)):
            return word
    return None


_ANCHOR = re.compile(
    r"\b(?:after|before|until|since|upon|following)\s+((?:[\w'-]+\s+){0,3}[\w'-]+)"
)
_JAPANESE_ANCHOR = re.compile(r"([一-龥ァ-ヶー]{2,})(?:から|まで|後|前|以降|以前|時点)")


def anchors(text: str) -> list[str]:
    """Return what the times and places of a folded text are counted from: `after the last unit`, `製造終了後`."""
    found = [m[1] for m in _ANCHOR.finditer(text)]
    return found + [m[1] for m in _JAPANESE_ANCHOR.finditer(text)]


_THAN = re.compile(r"\bthan\s+((?:[\w'-]+\s?){1,6})")
_YORI = re.compile(r"([^、。はが]{1,20})より")


def standards(text: str) -> str:
    """Return what things are compared with in a text; nothing else is said of it there."""
    return " ".join([m[1] for m in _THAN.finditer(text)] + [m[1] for m in _YORI.finditer(text)])


def without_standards(text: str) -> str:
    """Return a text without what things are compared with."""
    return _YORI.sub(" ", _THAN.sub(" ", text))
