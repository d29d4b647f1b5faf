"""The published matching rule for Japanese: where a surface form may stand inside unspaced text.

Japanese has no blanks, so a form that is found as a substring may be a piece of a longer word. A hit counts
only if both its edges look like word edges (checked against `tests/fastpath/jpn_tags.jsonl`):

- **katakana** edge: no katakana and no ー beside it (`シューズ` is not in `ランニングシューズ`). Kanji right after
  it (as after hiragana) must be an affix (ホテル代), a verb or adjective without its particle (カメラ買いたい),
  or a word of a list of those that shoppers put there (カメラ比較, but not ゲーム理論, テレビ塔).
- **Latin** edge: no Latin letter or digit beside it.
- **kanji** edge: no kanji beside it, with two exceptions for forms of two characters and more: the form
  stands at the very start or end of the run of kanji and what is left of the run on the other side has two
  characters or more (自動車｜保険, 保険｜会社, but not 東｜京都), or is one affix of a short list (保険｜料,
  新｜商品). A single kanji never stands beside another, and kana after it must be a particle (靴を, not 食べる).
- **hiragana** edge: what stands beside it is not hiragana, or is a particle.

Every form that fits counts, also one inside a longer one (コーヒー in コーヒー豆, as `coffee` in `coffee beans`):
whether an ad matches must not depend on what other advertisers wrote.
"""

from __future__ import annotations

from fastpath._edges import (
    HIRAGANA,
    KANJI,
    KATAKANA,
    LATIN,
    OTHER,
    char_class,
    stands_alone,
)

__all__ = [
    "HIRAGANA", "KANJI", "KATAKANA", "LATIN", "OTHER", "char_class", "is_japanese", "stands_alone",
]  # fmt: skip


def is_japanese(char: str) -> bool:
    """Return whether a character is kanji or kana."""
    return char_class(char) < LATIN
