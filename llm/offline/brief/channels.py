"""Where to advertise: the six channels, by the names people use for them."""

from __future__ import annotations

import re
from functools import cache

from domain.brief import CHANNELS, Channel
from llm.offline.brief.lexicon import rows
from llm.offline.brief.text import Text

_NOT_BEFORE = re.compile(
    r"(?:\bno|\bnot(?: (?:on|via|in|use|using|through))?|\bexcept(?: for)?(?: on)?|"
    r"\bexcluding|\bexclude|\bwithout(?: using)?|\bavoid(?:ing)?|\bskip|\bdon't use|"
    r"\bdo not use|\bdon't want|\bnever (?:on|use)?"
    r"|\b(?:everywhere|anywhere|everything|all channels|all platforms) but(?: on)?|"
    r"\bother than|\bapart from|\banything but|\bbut not(?: on)?|\brather than|"
    r"\binstead of|\bnothing on|\bstay(?:ing)? (?:off|away from)|\bleave out|"
    r"\bminus)\s(?:any |the |use |using |on |run on |advertise on )?$"
)
_CHAIN = re.compile(r"^(?: ads?)?(?:,| or|,? and|/|,? nor|や|と|、|・)\s?(?:on |in )?$")
_NOT_AFTER = re.compile(
    r"^(?: (?:ads?|広告))?(?:以外|を除|は除|なし|抜き|は(?:使わ|不要|やら|避け|出さ|"
    r"利用し)|には出さ|ではなく|じゃなく| excluded| is out| not wanted| are out)"
)
#: The name is part of the product or of the audience.
_OWN_BEFORE = re.compile(
    r"(?:\b(?:our|my|your|a|the) )(?:new )?$|\b(?:like|follow|grow|promote) (?:our |my )(?:new )?$"
)
_OWN_AFTER = re.compile(
    r"^(?:'s)? (?:channel|page|account|profile|followers?|group|pixel|sheets?|docs|"
    r"workspace|play\b|maps|chrome|home|nest|drive|calendar|creators?|influencers?|"
    r"course|training|tutorial|automation|analytics tool|scheduler|management tool|"
    r"quest|glasses|app developers|reviews?|plugin|extension|marketers|premium|"
    r"learning)"
    r"|^(?:チャンネル|アカウント|ページ|フォロワー|インフルエンサー|講座|クリエイター|"
    r"運用代行|の使い方)"
)


@cache
def _table() -> tuple[tuple[Channel, re.Pattern[str]], ...]:
    by_name = {name: name for name in CHANNELS}
    return tuple((by_name[row[0]], re.compile(row[1])) for row in rows("channels"))  # type: ignore[index]


def read_channels(text: Text) -> tuple[Channel, ...]:
    """Return the stated channels in the order of `CHANNELS`; marks them as `channel`."""
    hits = sorted(
        (match.start(), match.end(), channel)
        for channel, pattern in _table()
        for match in pattern.finditer(text.low)
    )
    stated: set[Channel] = set()
    refused: set[Channel] = set()
    negated_end = -1
    for index, (start, end, channel) in enumerate(hits):
        after = text.after(end, 24)
        chained = negated_end >= 0 and _CHAIN.search(text.low[negated_end:start])
        if (
            _NOT_BEFORE.search(text.before(start, 40))
            or chained
            or _negated_later(text, hits, index)
        ):
            negated_end = end
            refused.add(channel)
            text.mark("channel", start, end)
            continue
        negated_end = -1
        if _OWN_AFTER.search(after) and not after.startswith(" app developers on"):
            continue
        text.mark("channel", start, end)
        stated.add(channel)
    return tuple(channel for channel in CHANNELS if channel in stated)


def _negated_later(text: Text, hits: list[tuple[int, int, Channel]], index: int) -> bool:
    """Return whether "TikTokとLINE以外" negates this one through a list that follows it."""
    rest = text.after(hits[index][1], 40)
    listed = re.match(r"^(?:(?:や|と|、|・|,| and | or )[a-z\u30a1-\u30fc]{2,12}){0,3}", rest)
    return bool(_NOT_AFTER.search(rest[listed.end() :] if listed else rest)) or bool(
        _NOT_AFTER.search(rest)
    )
