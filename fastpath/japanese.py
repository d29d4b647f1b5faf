"""The published matching rule for Japanese: where a surface form may stand inside unspaced text.

Japanese has no blanks, so a form that is found as a substring may be a piece of a longer word. A hit counts
only if both its edges look like word edges (checked against `tests/fastpath/jpn_tags.jsonl`):

- **katakana** edge: no katakana and no ー beside it (`シューズ` is not in `ランニングシューズ`); of one kanji
  before it only those that leave a thing what it is (赤ワイン, not 罰ゲーム).
- **Latin** edge: no Latin letter or digit beside it.
- **kanji behind** a word of any script: the last part of a compound says what it is, so all of them must be
  affixes, numbers with their counters, or words that shoppers put there (ホテル代, 保険会社, カメラ比較,
  but not ゲーム理論, テレビ塔, 保険会社員), or a verb or adjective without its particle
  (カメラ買いたい, not パン食い競走).
- **katakana behind** kanji or hiragana: the same, with words of shops (腕時計ランキング, not 温泉マーク).
- **kanji before** kanji: two or more (自動車｜保険, but not 東｜京都) or a prefix (新｜商品), and none behind
  then. A single kanji never stands beside another.
- **hiragana behind**: a particle, or after two characters and more what is said without one (カレーたべたい, not
  カレーうどん, 温泉たまご). **Before hiragana**: no hiragana but a particle or an ending.
- **names and titles**: no 「」 around the word, no 『』 around it or its phrase, no ・ and katakana behind it, no
  "called" with a kind of work or name (傘という漢字, ピアノの森というアニメ), nobody's title (選手, 監督).

A word that fits still does not count inside a longer one that is about something else (`japanese_longer`);
which those are is listed at compile time for each form. Every other form that fits counts, also one inside a
longer one (コーヒー in コーヒー豆, as `coffee` in `coffee beans`): whether an ad matches must not depend on what
other advertisers wrote.
"""

from __future__ import annotations

from fastpath._edges import (
    HIRAGANA,
    KANJI,
    KATAKANA,
    LATIN,
    OTHER,
    char_class,
    leaves_it,
    stands_alone,
)

__all__ = [
    "HIRAGANA", "KANJI", "KATAKANA", "LATIN", "OTHER", "char_class", "is_japanese", "leaves_it",
    "stands_alone",
]  # fmt: skip


def is_japanese(char: str) -> bool:
    """Return whether a character is kanji or kana."""
    return char_class(char) < LATIN
