"""Who a goal is for, as phrases from the goal."""

from __future__ import annotations

import re
from functools import cache

from llm.offline.brief.lexicon import alternation, word_list
from llm.offline.brief.text import MASK, Text

_KINDS = ("money", "date", "place", "channel", "language", "kpi")
_CUE = re.compile(
    r"\b(?:(?:target(?:ing|ed at|s|ed to)?|aim(?:ed|ing)? at|aim at|geared (?:to|"
    r"towards?)|catering to|tailored (?:to|for)|designed for|made for|meant for|"
    r"reach(?:ing)?|appeal(?:ing)? to|speak(?:ing)? to|among|amongst|focus(?:ing|"
    r"ed)? on|get in front of"
    r"|(?:target )?audience(?: is| are| of|:)?|target group(?: is|:)?|aimed to|"
    r"show (?:it|them|this) to|for|to|with|attract(?:ing)?|from|by|of|convince|help|"
    r"persuade|interest)|(?<=and )|(?<=or )|(?<=, )|(?<=& )|(?<=: )|^)\s?(?:the |all |"
    r"busy (?=x))?"
)
_STRONG = re.compile(r"target|aim|audience|appeal|geared|tailored|catering|reach|focus|speak|among")
_AGE = (
    r"(?:(?:aged?|ages|between(?: the ages of)?|from ages?) \d{1,2}\+?(?:\s?(?:-|to|"
    r"and)\s?\d{1,2})?|(?:over|under|above|below) (?:the age of )?\d{2}|"
    r"in their (?:(?:early |mid |late )?(?:teens|20s|30s|40s|50s|60s|70s|twenties|"
    r"thirties|forties|fifties|sixties)(?: and (?:20s|30s|40s|50s|60s|thirties|forties|"
    r"fifties))?)|\d{2}\s?-\s?\d{2}|\d{2}\+)"
)
_POST = (
    rf"(?:,? {_AGE}|,? \(?{_AGE}\)?| (?:of|at|with|without|who|that|interested in|into|"
    rf"living with|looking (?:for|to)|expecting)(?: (?!in\b|on\b|by\b|for\b|until\b|"
    rf"before\b|from\b|with\b|via\b|this\b|next\b|at\b|and\b|to (?:sign|buy|join|our|"
    rf"the|register|try)\b|should\b|through\b|during\b|using\b|who\b|"
    rf",)[\w'&+-]+){{1,5}})"
)
_DEMOGRAPHIC = re.compile(
    rf"\b(?:(?:young|older|single|working|busy|married|retired|urban|rural|affluent|"
    rf"wealthy|female|male|new|college|health-conscious|professional) ){{0,2}}"
    rf"(?:women|men|adults|people|parents|moms|mums|dads|professionals|males|females|"
    rf"users|gamers|students|teens|teenagers|families|couples|homeowners|millennials|"
    rf"runners|executives|entrepreneurs)(?: and (?:women|men|girls|"
    rf"boys))?,? \(?{_AGE}\)?"
    r"|\b\d{2}\s?-\s?\d{2}[- ]year[- ]olds?\b|\bover-\d0s\b|\b(?:gen[- ]?[zxy]|"
    r"generation [zxy]|millennials|baby boomers|boomers)\b"
)
_WORD = r"[a-z0-9][\w'&+/.-]*"
_STOP = frozenset(
    [
        "in",
        "on",
        "by",
        "for",
        "until",
        "before",
        "from",
        "with",
        "via",
        "this",
        "next",
        "at",
        "to",
        "should",
        "through",
        "during",
        "using",
        "within",
        "over",
        "about",
        "our",
        "my",
        "we",
        "us",
        "i",
        "a",
        "an",
        "the",
        "get",
        "buy",
        "sign",
        "register",
        "is",
        "are",
        "will",
        "can",
        "and",
        "or",
        "but",
        "of",
        "who",
        "that",
        "as",
        "per",
        "under",
        "between",
        "worldwide",
        "than",
        "not",
        "more",
        "sell",
        "promote",
        "advertise",
        "reach",
        "drive",
        "starting",
        "ending",
        "it",
        "them",
        "us",
        "japan",
        "who's",
        "while",
        "so",
        "if",
        "then",
        "these",
        "those",
        "their",
        "your",
        "his",
        "her",
        "every",
        "each",
        "spend",
        "launch",
        "run",
        "because",
        "where",
        "when",
        "which",
        "also",
        "max",
        "maximum",
        "into",
        "out",
        "up",
        "down",
        "off",
        "against",
        "without",
        "like",
        "such",
        "both",
        "plus",
        "vs",
    ]
)
_NOT_HEAD = frozenset(
    [
        "users",
        "customers",
        "clients",
        "subscribers",
        "leads",
        "shoppers",
        "buyers",
        "members",
        "visitors",
    ]
)


#: "IT managers": the one stop word that is also a trade.
_IT_TEAM = re.compile(
    r" ?it (?:managers?|teams?|professionals|directors|leaders|departments|admins?|"
    r"staff|buyers|pros|decision)\b"
)


@cache
def _head() -> re.Pattern[str]:
    return re.compile(
        rf"(?:{alternation(list(word_list('people')))}|users|customers|clients|buyers|"
        rf"shoppers|members)$"
    )


@cache
def _any_head() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{alternation(list(word_list('people')))})\b")


def read_audience(text: Text) -> tuple[str, ...]:
    """Return who the goal is for, lower-case phrases in order; marks them as `audience`."""
    found = _japanese(text) if text.japanese else _english(text)
    seen: dict[str, None] = {}
    for start, end in sorted(found):
        phrase = text.low[start:end].strip(" ,.()")
        if phrase and not any(phrase in other for other in seen):
            seen[phrase] = None
            text.mark("audience", start, end)
    return tuple(seen)


def _english(text: Text) -> list[tuple[int, int]]:
    masked = text.masked(*_KINDS)
    found = [m.span() for m in _DEMOGRAPHIC.finditer(masked)]
    for cue in _CUE.finditer(masked):
        span = _phrase(masked, cue.end())
        if span is None:
            continue
        start, end = span
        strong = bool(_STRONG.search(cue[0]))
        words = masked[start:end].split()
        if not words or (len(words) == 1 and words[0] in _NOT_HEAD):
            continue
        if (
            cue[0].strip() in ("", "of", "by", "from", "with", "help", "interest")
            and not _chained(masked, cue.start(), found)
            and cue[0].strip() != "help"
            and masked[max(0, cue.start() - 2) : cue.start()] != ": "
        ):
            continue
        if (
            not strong
            and cue[0].strip() in ("for", "to")
            and not _head().search(_core(masked[start:end]))
        ):
            continue
        post = re.match(_POST, masked[end:])
        end += post.end() if post else 0
        if not any(a < end and start < b for a, b in found):
            found.append((start, end))
    return found


def _core(phrase: str) -> str:
    return phrase.strip(" ,.")


def _chained(masked: str, start: int, found: list[tuple[int, int]]) -> bool:
    """Return whether a phrase follows another audience phrase: "students and teachers"."""
    return any(
        re.fullmatch(r",? ?(?:and|or|&|,)? ?", masked[b:start]) for _, b in found if b <= start
    )


def _phrase(masked: str, start: int) -> tuple[int, int] | None:
    """Return the noun phrase at `start` that ends in a word for people."""
    end = position = start
    last_good: int | None = None
    for _ in range(7):
        match = re.match(rf"(?:^| )?({_WORD})", masked[position:])
        if not match or (match[1] in _STOP and not _IT_TEAM.match(masked[position:])):
            break
        position += match.end()
        end = position
        word = masked[start:end].rstrip(".")
        if _head().search(word):
            last_good = start + len(word)
        if masked[end : end + 1] in (",", ".", ";", ":", MASK):
            break
    if last_good is None:
        return None
    # "CFOs of SMBs": the second group belongs to the first.
    joined = re.match(rf" of ((?:{_WORD} ){{0,2}}{_WORD})", masked[last_good:])
    if joined and _head().search(joined[1]):
        return start, last_good + joined.end()
    return start, last_good


_JA_PERSON = (
    r"(?:人|方|男性|女性|男女|学生|大学生|高校生|中高生|小学生|中学生|社会人|新社会人|"
    r"会社員|主婦|主夫|ママ|パパ|母親|父親|親|保護者|子ども|子供|こども|キッズ|家族|"
    r"ファミリー|夫婦|カップル|経営者|起業家|個人事業主|フリーランス|担当者|責任者|"
    r"管理職|役員|社長|オーナー|飼い主|エンジニア|開発者|デザイナー|プログラマー|医師|"
    r"看護師|歯科医|弁護士|税理士|教師|教員|先生|ビジネスマン|ビジネスパーソン|シニア|"
    r"シニア層|高齢者|若者|若年層|ファン|愛好家|好き|マニア|初心者|上級者|ランナー|"
    r"ゲーマー|サイクリスト|登山者|キャンパー|サーファー|ゴルファー|旅行者|観光客|"
    r"外国人|訪日客|世代|層|法人|企業|中小企業|店舗|事業者|飲食店|美容師|農家|投資家|"
    r"受験生|就活生|転職者|求職者|ユーザー|新婚|妊婦|プレママ|独身|共働き世帯|世帯|"
    r"z世代|リモートワーカー|コレクター|クリエイター|ドライバー|ペットオーナー)"
)
_JA_BODY = r"[^\s、。,.!?「」『』\x00をがはにへで・:;()]"
_JA_PATTERNS = (
    re.compile(rf"(?P<a>{_JA_BODY}{{1,24}}?)(?:の(?:人|方|皆さん|皆様))?(?:向け|むけ)(?!て)"),
    re.compile(
        rf"(?P<a>{_JA_BODY}{{1,24}}?)(?:を|が)?(?:メイン)?(?:の)?(?:ターゲット|対象)(?:に|"
        rf"と|層|として|で|の)"
    ),
    re.compile(
        rf"(?:ターゲット層?|対象|狙い)(?:は|:|が)(?P<a>{_JA_BODY}{{1,24}}?)(?=です|。|、|$|で|に)"
    ),
    re.compile(
        rf"(?P<a>{_JA_BODY}{{0,20}}?{_JA_PERSON})(?:の皆さん|たち|達|さん)?(?:に向けて?|"
        rf"にむけて?|に対して|へ向けて|へ|に(?!は?人気|なり|なる|なって|近い|おすすめされ))"
    ),
)
_JA_CLAUSE = re.compile(
    rf"(?P<a>{_JA_BODY}{{1,14}}[をがに]{_JA_BODY}{{1,12}}?(?:る|た|い)(?:人|方|人たち|"
    rf"方々|親|企業|会社|女性|男性))(?:に向けて?|に|へ|向け|を(?:ターゲット|対象))"
)
_JA_DEMOGRAPHIC = re.compile(
    r"(?:(?:\d{1,2}代?(?:前半|後半)?(?:から|~|-|・|、))?\d{1,2}代(?:前半|後半)?|"
    r"\d{1,2}歳(?:以上|以下|から\d{1,2}歳|~\d{1,2}歳|"
    r"-\d{1,2}歳)?)(?:の)?(?:働く)?(?:女性|男性|男女|主婦|会社員|ママ|社会人|"
    r"ビジネスパーソン)"
)


def _japanese(text: Text) -> list[tuple[int, int]]:
    masked = text.masked(*_KINDS)
    found = [m.span() for m in _JA_DEMOGRAPHIC.finditer(text.low)]
    for pattern in (_JA_CLAUSE, *_JA_PATTERNS):
        for match in pattern.finditer(masked):
            start, end = match.span("a")
            start = _trim(masked, start, end)
            if end - start < 1 or any(a < end and start < b for a, b in found):
                continue
            found.append((start, end))
    return found


def _trim(masked: str, start: int, end: int) -> int:
    lead = re.match(
        r"(?:の|\x00|と|や|から|まで|より|中の|在住の|国内の|新しい)+", masked[start:end]
    )
    start = start + lead.end() if lead else start
    head, mark, tail = masked[start:end].rpartition("の")
    keeps = re.search(r"(?:代|歳(?:以上|以下)?|好き|ファン|勤務|中)$", head)
    return end - len(tail) if mark and tail and not keeps else start
