# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
# ruff: noqa: E501, SIM905 - lists of two-character words are read best as running text
"""The rule of `japanese`, in one source that runs compiled or not (types: `_edges.pxd`)."""

from __future__ import annotations

from typing import Any

KANJI, KATAKANA, HIRAGANA, LATIN, OTHER = range(5)
#: The same names for the compiled functions.
_KANJI, _KATAKANA, _HIRAGANA, _LATIN, _OTHER = 0, 1, 2, 3, 4

_PREFIX_KANJI = frozenset("新旧各全初再超激")
_SUFFIX_KANJI = frozenset("店用料先中前後代費券証品向的力系好名内外時術法業界都府県市区駅港屋何")
#: Two kanji that follow a katakana word where somebody shops, without making another thing of it.
_SHOPPING = frozenset(
    "比較 購入 選択 予約 通販 価格 値段 料金 費用 代金 金額 見積 相場 予算 一式 専門 教室 用品 初心 入門 販売 交換 修理 "
    "配信 宅配 定期 旅行 保険 会社 以外 本体 必要 無料 有料 希望 人気 情報 検索 中古 新品 激安 格安 最安 安価 買取 買替 新調 "
    "契約 加入 登録 解約 乗換 見学 体験 受講 講座 講師 練習 始動 設置 工事 取付 取寄 注文 発注 手配 貸切 貸出 返品 返却 保証 "
    "在庫 入荷 発売 新作 新型 新発 限定 割引 特価 特集 送料 配送 配達 到着 選手 選定 選別 探索 募集 求人 申込 検討 試着 試食 "
    "試飲 味見 飲放 食放 片方 両手 全自 自動 電動 手動 軽量 防水 静音 大型 小型 薄型 高級 国産 付属 付近 周辺 近辺 付帯 対応 対策 向上 専用 兼用 用意 準備 洗浄 掃除 収納 詰合 飲比 食比 好評 評判 "
    "評価 口コ 種類 型番 機種 性能 仕様 容量 寸法 素材 候補 推薦 好適 最高 最強 最新 最適 全部 全般 全巻 全種 各種 各社 数種 数点 "
    "一本 一台 一枚 一個 一足 一着 二台 二枚 二個 二人 三人 四人 何台 何枚 何個 何本 何処 何円 何色 何人 今年 今週 今月 今日 "
    "明日 来週 来月 来年 毎日 毎週 毎月 夏用 冬用 男性 女性 子供 大人 家族 家庭 自宅 部屋 屋外 室内 車用 犬用 猫用 業者 業界 "
    "店舗 店員 売場 売切 市場 直販 直売 直営 特典 付録 贈答 贈呈 好物 大好 大量 少量 多数 複数 単品 単体 両方 半額 税込 税別".split()
)
#: Two kanji that make another thing of the word before them, whatever its script.
_OTHER_THING = frozenset(
    "物語 作家 小説 歴史 理論 法則 実験 調査 構造 効果 現象 文化 時代 言葉 問題 主義 革命 戦争 反応 方程 定理 関数 社会 神話 伝説 "
    "作品 文学 映画 漫画 主演 監督 業法 税法 科学 工学 化学 力学 生物 細胞 分子 記号 単位 操業".split()
)
#: Verbs and adjectives that follow a word without its particle (焼肉行きたい).
_VERBS = frozenset("行食買欲飲安高選探借売使習始頼")
#: Last kana of verb stems.
_STEMS = frozenset("いきぎしちにびみり")
_NOUN_PARTICLES = "をがはにのでともやへか"
_PARTICLES_AFTER = (
    "を", "が", "は", "に", "の", "で", "と", "も", "や", "へ", "か", "って", "など", "だ", "より", "まで",
    "くらい", "ぐらい", "しか", "じゃ", "なら", "な", "ね", "よ", "み", "っぽ", "さん", "ほし",
    "ばか", "つき", "あり", "ください", "下さい",
)  # fmt: skip
_SURU = ("し", "す", "さ", "せ", "でき", "たい")
_PARTICLES_BEFORE = frozenset("をがはにのでともやへかいなおごたるくすうぶむつきし、")


def char_class(char: str) -> int:
    """Return the script class of one character."""
    return int(_class(char))


def _class(char: Any) -> Any:
    code = ord(char)
    if 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or code in (0x3005, 0x3006, 0x3007):
        return _KANJI
    if 0xF900 <= code <= 0xFAFF or code >= 0x20000:
        return _KANJI
    if 0x30A1 <= code <= 0x30FA or 0x30FC <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF:
        return _KATAKANA
    if 0x3041 <= code <= 0x3096 or 0x309D <= code <= 0x309F:
        return _HIRAGANA
    return _LATIN if char.isalnum() else _OTHER


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]` looks like a word of its own. `text` is folded."""
    return bool(_stands_alone(text, start, end))


def _stands_alone(text: Any, start: Any, end: Any) -> Any:
    first, last = _class(text[start]), _class(text[end - 1])
    before = _class(text[start - 1]) if start else _OTHER
    after = _class(text[end]) if end < len(text) else _OTHER
    if first in (_KATAKANA, _LATIN) and before == first:
        return False
    if last in (_KATAKANA, _LATIN) and after == last:
        return False
    if first == _HIRAGANA and before == _HIRAGANA and text[start - 1] not in _PARTICLES_BEFORE:
        return False
    if after == _HIRAGANA and not _kana_may_follow(text, start, end, last):
        return False
    if after == _KANJI and not _kanji_may_follow(text, end, last):
        return False
    left = _kanji_run_left(text, start) if first == _KANJI else 0
    right = _kanji_run_right(text, end) if last == _KANJI else 0
    return _kanji_edges_fit(text, start, end, left, right)


def _kana_may_follow(text: Any, start: Any, end: Any, last: Any) -> Any:
    """Particles may follow anything; after two kanji and more any kana may, save inside one word."""
    if text.startswith(_PARTICLES_AFTER, end):
        return True
    if last == _KATAKANA:
        return True
    if last == _KANJI:
        return end - start > 1
    return end - start > 1 and text.startswith(_SURU, end)


def _kanji_may_follow(text: Any, end: Any, last: Any) -> Any:
    """Return whether the kanji after a word leave it what it is; among kanji, edges are judged apart."""
    if last not in (_KATAKANA, _HIRAGANA):
        return text[end : end + 2] not in _OTHER_THING
    if text[end] in _SUFFIX_KANJI or text[end : end + 2] in _SHOPPING:
        return True
    return _kana_ending(text, end + 1)


def _kana_ending(text: Any, at: Any) -> Any:
    """Return whether hiragana that is no particle stands behind a kanji: the ending of a verb."""
    if at >= len(text) or _class(text[at]) != _HIRAGANA or text[at] in _NOUN_PARTICLES:
        return False
    if text[at - 1] in _VERBS:
        return True
    if text.startswith("って", at):
        return False  # "so-called": what stands before it is a noun (ピアノ線って)
    # A verb that names a thing (フライパン返しの練習): its stem, then a noun or の.
    if text[at] in _STEMS and at + 1 < len(text):
        return text[at + 1] != "の" and _class(text[at + 1]) not in (_KANJI, _KATAKANA)
    return True


def _kanji_edges_fit(text: Any, start: Any, end: Any, left: Any, right: Any) -> Any:
    if left == 0 and right == 0:
        return True
    if end - start == 1 or (left and right):
        return False
    if left:
        return left >= 2 or text[start - 1] in _PREFIX_KANJI
    if right == 1 and text[end] in _VERBS:
        return _kana_ending(text, end + 1)
    return right >= 2 or text[end] in _SUFFIX_KANJI


def _kanji_run_left(text: Any, start: Any) -> Any:
    """Return how many kanji stand directly before `start`, counting to 2."""
    count = 0
    while count < 2 and start - count > 0 and _class(text[start - count - 1]) == _KANJI:
        count += 1
    return count


def _kanji_run_right(text: Any, end: Any) -> Any:
    """Return how many kanji stand directly after `end`, counting to 2."""
    count = 0
    while count < 2 and end + count < len(text) and _class(text[end + count]) == _KANJI:
        count += 1
    return count
