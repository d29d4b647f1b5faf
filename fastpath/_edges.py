# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
# ruff: noqa: E501, SIM905 - lists of two-character words are read best as running text
"""The rule of `japanese`, in one source that runs compiled or not (types: `_edges.pxd`)."""

from __future__ import annotations

from typing import Any

KANJI, KATAKANA, HIRAGANA, LATIN, OTHER = range(5)
#: The same names for the compiled functions.
_KANJI, _KATAKANA, _HIRAGANA, _LATIN, _OTHER = 0, 1, 2, 3, 4

_PREFIX_KANJI = frozenset("新旧各全初激")
_SUFFIX_KANJI = frozenset("店用料先中前後代費券品着器盤場向系好名内外時都府県市区屋何表別順")
_SHOPPING_THREE = frozenset(
    "初心者 入門者 経験者 利用者 全自動 一人用 二人用 一式揃 代理店 専門店 見積書 比較表".split()
)
_NUMERALS = frozenset("一二三四五六七八九十百千数")
_COUNTERS = frozenset("台本枚個足着人冊匹頭羽杯袋箱缶玉膳組点種回泊名日畳")
#: One kanji directly before katakana that leaves the word what it is (赤ワイン, but not 罰ゲーム, 短パン).
_BEFORE_KATAKANA = frozenset(
    "新旧古生白黒赤青緑紺冬夏春秋紙布革大小安子親犬猫車塩豚牛鶏各全初激名駅都県朝昼夜肩和洋用付式製型系対便種"
)
#: Two kanji that follow a word where somebody shops, without making another thing of it.
_SHOPPING = frozenset(
    "比較 購入 選択 予約 通販 価格 値段 料金 費用 代金 金額 見積 相場 予算 一式 専門 教室 用品 初心 入門 販売 交換 修理 "
    "配信 宅配 定期 旅行 保険 会社 以外 本体 必要 無料 有料 希望 人気 情報 検索 中古 新品 激安 格安 最安 安価 買取 買替 新調 "
    "契約 加入 登録 解約 乗換 見学 体験 受講 講座 講師 練習 始動 設置 工事 取付 取寄 注文 発注 手配 貸切 貸出 返品 返却 保証 "
    "在庫 入荷 発売 新作 新型 新発 限定 割引 特価 特集 送料 配送 配達 到着 選手 選定 選別 探索 募集 求人 申込 検討 試着 試食 "
    "試飲 味見 飲放 食放 片方 両手 全自 自動 電動 手動 軽量 防水 静音 大型 小型 薄型 高級 国産 付属 付近 周辺 近辺 付帯 対応 対策 向上 専用 兼用 用意 準備 洗浄 掃除 収納 詰合 飲比 食比 好評 評判 "
    "評価 口コ 種類 型番 機種 性能 仕様 容量 寸法 素材 候補 推薦 好適 最高 最強 最新 最適 全部 全般 全巻 全種 各種 各社 数種 数点 "
    "一本 一台 一枚 一個 一足 一着 二台 二枚 二個 二人 三人 四人 何台 何枚 何個 何本 何処 何円 何色 何人 今年 今週 今月 今日 "
    "明日 来週 来月 来年 毎日 毎週 毎月 夏用 冬用 男性 女性 子供 大人 家族 家庭 自宅 部屋 屋外 室内 車用 犬用 猫用 業者 業界 "
    "店舗 店員 売場 売切 市場 直販 直売 直営 特典 付録 贈答 贈呈 好物 大好 大量 少量 多数 複数 単品 単体 両方 半額 税込 税別 "
    "上手 苦手 不要 必須 便利 簡単 有名 独学 挑戦 利用 使用 活用 導入 変更 追加 更新 審査 申請 結局 普通 絶対 実際 正直 結構 一番 一体 最近 最初 "
    "乗換 借換 切替 引越 見直 査定 売却 処分 下取 依頼 紹介 相談 作成 製作 制作 治療 診断 点検 塗装 増設 撤去 回収 試乗 試聴 入会 退会 受験 取得 引取 持込".split()
)
#: Words of katakana that do the same after kanji or hiragana (腕時計ランキング, but not 温泉マーク, 野菜スープ).
_SHOPS = tuple(
    "ランキング ブランド メーカー セット サイト ショップ ストア プラン クーポン セール レンタル サービス アプリ カフェ コース スクール レッスン "
    "ギフト プレゼント ケース カバー タイプ サイズ モデル ツアー チケット パック グッズ アイテム リスト カタログ ネット オンライン オススメ ソフト ツール "
    "サブスク キット スタンド ラック バッグ コーナー センター ランチ ディナー デリバリー テイクアウト シート メンテナンス リフォーム クリーニング キャンペーン "
    "ポイント メンズ レディース キッズ ベビー デビュー フェア ガイド レビュー ヘルプ マット".split()
)
#: Verbs and adjectives that follow a word without its particle (焼肉行きたい).
_VERBS = frozenset(
    "行食買欲飲安高選探借売使習始頼教変壊比替換調届贈泊迷悩困試取決知無見直通作着送乗撮弾聴飼塗履持初良貸早速軽多少詳勧薦合入呼考受申聞書読描治消貼張切磨捨願待開払増減割詰鳴動止怖重新古悪遅強弱薄長短広痛"
)
#: Of these the adjectives: 安いの is what is cheap, 返しの what one turns with.
_ADJECTIVES = frozenset("安高良早速軽多怖重古悪遅強弱薄長短広痛")
#: Last kana of verb stems.
_STEMS = frozenset("いきぎしちにびみりえけせてねべめれ")
_ALL_YOU_CAN = tuple("べ放題 み放題 べ比 み比 べ歩 い替 い換 り替 い物 い方 び方".split())
_NOUN_PARTICLES = "をがはにのでともやへか"
_PARTICLES_AFTER = (
    "を", "が", "は", "に", "の", "で", "と", "も", "や", "へ", "って", "など", "だ", "より", "まで",
    "くらい", "ぐらい", "しか", "じゃ", "なら", "なの", "なん", "なし", "なく", "なあ", "ね", "よ", "みたい",
    "っぽ", "さん", "ほし", "ばか", "つき", "あり", "ください", "から", "かな", "かも", "かと", "かどう", "かい",
)  # fmt: skip
#: What else follows a word of two characters and more where somebody leaves the particle out: verbs, adjectives,
#: questions. Other kana make another word of it (カレーうどん, 温泉たまご, パンくず).
_SPOKEN = (
    "し", "す", "さ", "せ", "でき", "たい", "いい", "いく", "いき", "いつ", "いら", "いる", "いろ", "いま", "うま", "うり", "うる",
    "うって", "おいし", "おいく", "おし", "おす", "おね", "おと", "おく", "かう", "かえ", "かっ", "かり", "かわ", "きに", "きれ",
    "くれ", "こわ", "こだわ", "これ", "ここ", "この", "ご", "ざっ", "ず", "そろ", "それ", "その", "そん", "たの", "たか", "たべ",
    "ため", "だけ", "ちょ", "ちゃん", "つか", "つけ", "つくれ", "ってい", "どう", "どこ", "どれ", "どっち", "どの", "どん", "なに",
    "ない", "なか", "なる", "なり", "なっ", "のみ", "はじ", "ばっ", "べつ", "ほん", "まえ", "まし", "ます", "また", "まだ", "まとめ",
    "まよ", "みせ", "みつ", "みて", "むけ", "めぐり", "めっちゃ", "めちゃ", "もう", "もっ", "もら", "やす", "やっ", "やば", "やり", "よう",
    "よく", "よさ", "よし", "わか", "ら", "あげ", "ある", "あっ", "あれ", "あの", "あん",
)  # fmt: skip
#: What says, after "called" or "so-called", that a word is spoken of and not a thing.
_NAMED = (
    "名", "言葉", "単語", "漢字", "文字", "言い", "表現", "ことわざ", "慣用", "曲", "歌", "映画", "小説", "アニメ", "ドラマ", "キャラ", "バンド",
    "人", "男", "女", "子", "犬", "猫", "町", "村", "役", "概念", "題", "作品", "お笑い", "芸人", "歌手", "グループ", "アーティスト", "選手",
)  # fmt: skip
#: The same after の (牛肉の部首), and in any case.
_AS_WORD = tuple(
    "の部首 の書き順 の画数 の語源 の発音 の読み方 の漢字 の綴り のつづり のスペル の字".split()
)
_CALLED = ("という", "っていう", "って", "ていう", "なる", "といった")
#: What is called by a title, and how far before it the title begins at most.
_WORKS = tuple(
    "アニメ 小説 童話 短編 長編 映画 ドラマ 曲 歌 絵本 漫画 マンガ 番組 作品 話 昔話 詩 童謡 cm 物語 戯曲 舞台 本 言葉 ことわざ 諺 慣用句 表現 "
    "言い回し 台詞 セリフ だじゃれ 怪談 妖怪 キャラ 名前 曲名".split()
)
_TITLED = 12
#: What follows a person's name.
_PEOPLE = tuple("氏 選手 監督 投手 教授 博士 夫妻 くん 君 先生 師匠 大統領 首相".split())
_PARTICLES_BEFORE = frozenset("をがはにのでともやへかいなおごたるくすうぶむつきし、")
#: The same before words of three kana, which are ends of longer words too often (かまくら, いきもの).
_BEFORE_SHORT = frozenset("をがにのでともるた、")
_SHORT_KANA = 3
_SHORT_NAME = 3
#: Characters back to an opening bracket of a title, at most.
_TITLE = 24


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


def leaves_it(after: str) -> bool:
    """Return whether what stands behind a word in its compound leaves it what it is: a shop, a price, a brand."""
    return after in _SUFFIX_KANJI or after in _SHOPPING or after in _SHOPS


def _stands_alone(text: Any, start: Any, end: Any) -> Any:
    first, last = _class(text[start]), _class(text[end - 1])
    before = _class(text[start - 1]) if start else _OTHER
    after = _class(text[end]) if end < len(text) else _OTHER
    if first in (_KATAKANA, _LATIN) and before == first:
        return False
    if end - start == 1 and text[start] in _COUNTERS and start and text[start - 1].isdigit():
        return False  # 30本
    if last in (_KATAKANA, _LATIN) and after == last:
        return False
    if before == _KANJI and first == _KATAKANA and not _kanji_may_precede(text, start):
        return False
    if before == _HIRAGANA and first == _HIRAGANA and not _kana_may_precede(text, start, end):
        return False
    if after == _HIRAGANA and not _kana_may_follow(text, start, end, last):
        return False
    if after == _KATAKANA and last != _LATIN and not text.startswith(_SHOPS, end):
        return False
    if after == _KANJI and not _kanji_may_follow(text, end):
        return False
    left = _kanji_run_left(text, start) if first == _KANJI else 0
    right = last == _KANJI and after == _KANJI
    return _kanji_edges_fit(text, start, end, left, right) and not _is_named(text, start, end, last)


def _is_named(text: Any, start: Any, end: Any, last: Any) -> Any:
    """Return whether a word is a name or spoken of as a word: ジム・キャリー, 「花」, 『長靴をはいた猫』, 傘という漢字."""
    # The last part of ジム・キャリー says what it is; a first part is an attribute or a given name.
    dot = last == _KATAKANA and text.startswith("・", end) and end + 1 < len(text)
    if dot and _class(text[end + 1]) == _KATAKANA:
        return True
    if text.startswith(_AS_WORD, end) or text.startswith(_PEOPLE, end):
        return True
    if last == _KATAKANA and end - start <= _SHORT_NAME and text.startswith("さん", end):
        return True
    if start and end < len(text) and text[start - 1] == "「" and text[end] == "」":
        return True
    opened = text.rfind("『", max(0, start - _TITLE), start)
    if (
        opened >= 0
        and text.find("』", opened, start) < 0
        and text.find("』", end, end + _TITLE) >= 0
    ):
        return True
    if _in_title(text, end):
        return True
    for called in _CALLED:  # noqa: SIM110 - a generator would not compile into this function
        if text.startswith(called, end) and text.startswith(_NAMED, end + len(called)):
            return True
    return False


def _in_title(text: Any, end: Any) -> Any:
    """Return whether a word stands in what is called a story, a song, a saying: ピアノの森というアニメ."""
    at = text.find("という", end, end + _TITLED)
    if at < 0 or not text.startswith(_WORKS, at + 3):
        return False
    for i in range(end, at):  # noqa: SIM110 - a generator would not compile into this function
        if _class(text[i]) == _OTHER and text[i] not in "・ー":
            return False
    return True


def _kanji_may_precede(text: Any, start: Any) -> Any:
    return _kanji_run_left(text, start) > 1 or text[start - 1] in _BEFORE_KATAKANA


def _kana_may_precede(text: Any, start: Any, end: Any) -> Any:
    if end - start <= _SHORT_KANA:
        return text[start - 1] in _BEFORE_SHORT
    return text[start - 1] in _PARTICLES_BEFORE


def _kana_may_follow(text: Any, start: Any, end: Any, last: Any) -> Any:
    """Particles may follow anything, and what may do without one two characters and more."""
    if text.startswith(_PARTICLES_AFTER, end):
        return True
    if text[end] == "か" and (end + 1 == len(text) or _class(text[end + 1]) != _HIRAGANA):
        return True
    return end - start > 1 and text.startswith(_SPOKEN, end)


def _kanji_may_follow(text: Any, end: Any) -> Any:
    """Return whether the kanji after a word leave it what it is: in a compound the last part says what it is."""
    at = end
    while at < len(text) and _class(text[at]) == _KANJI:
        if text[at : at + 3] in _SHOPPING_THREE:
            at += 3
        elif text[at : at + 2] in _SHOPPING:
            at += 2
        elif _kana_ending(text, at + 1):
            return True
        elif text[at] in _SUFFIX_KANJI:
            at += 1
        elif text[at] in _NUMERALS:
            at += 1
            if at < len(text) and text[at] in _COUNTERS:
                at += 1
        else:
            return False  # 保険会社員, 玩具修理者, 動物園前駅
    return True


def _kana_ending(text: Any, at: Any) -> Any:
    """Return whether a verb without its particle ends in the hiragana at a place, behind its kanji."""
    if at >= len(text) or text[at - 1] not in _VERBS or _class(text[at]) != _HIRAGANA:
        return False
    if text[at] in _NOUN_PARTICLES or text.startswith(_ALL_YOU_CAN, at):
        return text[at] not in _NOUN_PARTICLES
    if text[at] == "い" and text[at - 1] in _ADJECTIVES:
        return True
    # A stem that names a thing (フライパン返しの練習, パン食い競走): a noun or の stands behind it.
    if text[at] in _STEMS and at + 1 < len(text):
        return text[at + 1] != "の" and _class(text[at + 1]) not in (_KANJI, _KATAKANA)
    return True


def _kanji_edges_fit(text: Any, start: Any, end: Any, left: Any, right: Any) -> Any:
    if left == 0 and not right:
        return True
    if end - start == 1:
        return False
    if left and right:
        return left >= 2 and text[end] in _VERBS
    if left:
        return left >= 2 or text[start - 1] in _PREFIX_KANJI
    return True


def _kanji_run_left(text: Any, start: Any) -> Any:
    """Return how many kanji stand directly before `start`, counting to 2."""
    count = 0
    while count < 2 and start - count > 0 and _class(text[start - count - 1]) == _KANJI:
        count += 1
    return count
