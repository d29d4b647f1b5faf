"""Japanese surface forms and boundary rule, measured on a labelled set written for this project.

A row is a match when the tag's word is a word of the text, also as first or last part of a compound of
kanji; solid katakana compounds count as one word.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.catalogue import CatalogueExport
from fastpath.compile_cache import load_expansion
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander, Expansion, acceptable, dictionary_path, read_table, spellings
from fastpath.form_keys import MARK
from fastpath.japanese import stands_alone
from fastpath.japanese_parts import PARTS, SLOT, read_lists, sounding_alike
from fastpath.match import find_forms, find_tags
from fastpath.reference import Reference
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import ad

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "jpn_tags.jsonl").read_text("utf-8").splitlines()
]


def test_recall_and_false_matches_on_the_labelled_set(tmp_path: Path) -> None:
    tags = sorted({row["tag"] for row in ROWS})
    export = CatalogueExport(ads=tuple(ad(f"ad_{i:03}", tag) for i, tag in enumerate(tags)))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path).path)
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for row in ROWS:
        found = {snapshot.tag(tag) for tag in find_tags(snapshot, row["text"])}
        if (row["tag"] in found) is not row["match"]:
            wrong[row["match"]].append(f"{row['tag']}: {row['text']}")
    total = sum(row["match"] for row in ROWS)
    assert len(ROWS) >= 100
    assert len(wrong[True]) <= 0.05 * total, wrong[True]
    assert len(wrong[False]) <= 0.02 * (len(ROWS) - total), wrong[False]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("東京都", "京都", False),
        ("自動車保険", "保険", True),
        ("保険会社", "保険", True),
        ("保険料", "保険", True),
        ("靴を買う", "靴", True),
        ("靴下", "靴", False),
        ("食べる", "食", False),
        ("ランニングシューズ", "シューズ", False),
        ("トレイル・シューズ", "シューズ", True),
        ("tシャツ", "シャツ", True),
        ("不動産", "動産", False),
        ("外国人参政権", "人参", False),
        ("はちみつを", "はちみつ", True),
        ("保険会社員の日記", "保険", False),
        ("玩具修理者の話", "玩具", False),
        ("ウイスキー初心者向け", "ウイスキー", True),
        ("タイヤ四本交換", "タイヤ", True),
        ("温泉マークの由来", "温泉", False),
        ("腕時計ランキング", "腕時計", True),
        ("カレーうどん", "カレー", False),
        ("カレーたべたい", "カレー", True),
        ("罰ゲームで", "ゲーム", False),
        ("生ビールを", "ビール", True),
        ("かまくらを作る", "まくら", False),
        ("猫かぶりな人", "猫", False),
        ("猫かな", "猫", True),
        ("パン食い競走", "パン", False),
        ("パン食べたい", "パン", True),
        ("カメラ安いのある", "カメラ", True),
        ("ジム通いたい", "ジム", True),
        ("ハンガー30本くらい", "本", False),
        ("ジム・キャリーの映画", "ジム", False),
        ("「傘」は何画", "傘", False),
        ("『長靴をはいた猫』を読む", "長靴", False),
        ("傘という漢字", "傘", False),
        ("ピアノの森というアニメ", "ピアノ", False),
    ],
)
def test_the_boundary_rule(text: str, form: str, expected: bool) -> None:
    start = text.index(form)
    assert stands_alone(text, start, start + len(form)) is expected


def test_forms_too_general_to_be_believed_are_left_out() -> None:
    assert not acceptable("の")
    assert not acceptable("いす")
    assert not acceptable("laptop")
    assert acceptable("靴")
    assert acceptable("パン")


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        ("video games", "椅子取りゲームを知ってる", False),
        ("bread", "短パンを買いたい", False),
        ("bread", "パンを買いたい", True),
        ("umbrella", "核の傘について", False),
        ("umbrella", "傘が欲しい", True),
        ("coffee", "コーヒー豆を買いたい", True),
        ("eel", "うなぎの寝床みたいな家", False),
        ("tea", "お茶の間の人気者", False),
        ("trumpet", "ペットを飼いたい", False),
        ("yarn", "毛糸を買いたい", True),
        ("novel", "斬新なデザイン", False),
    ],
)
def test_longer_words_and_other_meanings(
    tmp_path: Path, tag: str, text: str, expected: bool
) -> None:
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    export = CatalogueExport(ads=(ad("ad_1", tag),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path).path)
    assert bool(find_tags(snapshot, text)) is expected
    assert (
        bool(Reference(export, load_expansion(snapshot.path) or Expansion("", {})).tags(text))
        is expected
    )


def test_the_mark_of_longer_words_matches_nothing(tmp_path: Path) -> None:
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    export = CatalogueExport(ads=(ad("ad_1", "video games"),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path).path)
    marked = f"{MARK}ゲーム{MARK}椅子取りゲーム"
    forms = Expander(dictionary_path(), read_table()).expand(["video games"]).forms
    assert marked in forms["video games"]
    assert len(find_forms(snapshot, marked)) == 1  # ゲーム alone


def test_several_words_are_put_together() -> None:
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    forms = Expander(dictionary_path(), read_table()).expand(
        ["trail running shoes", "wireless headphones", "violin"]
    )
    assert "トレイルランニングシューズ" in forms.forms["trail running shoes"]
    assert "ランニングシューズ" not in forms.forms["trail running shoes"]
    assert "ワイヤレスヘッドホン" in forms.forms["wireless headphones"]
    assert "バイオリン" in forms.forms["violin"]


@pytest.mark.parametrize(
    ("tag", "form"),
    [
        ("cello lessons", "チェロを習い"),
        ("used microscopes", "中古顕微鏡"),
        ("trombone repair", "トロンボーンを修理"),
        ("judo mats", "柔道用マット"),
        ("ielts prep", "ielts対策"),
        ("home bakery", "ホームベーカリー"),
        ("flower vase", "花瓶"),
    ],
)
def test_what_a_word_is_in_a_compound(tag: str, form: str) -> None:
    if dictionary_path() is None:
        pytest.skip("jamdict-data is not installed")
    assert form in Expander(dictionary_path(), read_table()).expand([tag]).forms[tag]


def test_katakana_that_sounds_less_like_the_word_is_left_out() -> None:
    assert sounding_alike("home", ["ハイム", "ホーム", "家庭"]) == ["ハイム", "ホーム", "家庭"]
    assert sounding_alike("standing", ["ランク", "スタンディング"]) == ["スタンディング"]
    assert sounding_alike("pest", ["害虫"]) == ["害虫"]


def test_a_pattern_of_the_table_of_parts_has_a_place_for_the_other_word() -> None:
    parts = read_lists(PARTS)
    assert parts["lesson"][0] == "~教室"
    assert all(pattern.count(SLOT) == 1 for row in parts.values() for pattern in row)


def test_without_a_dictionary_the_table_still_serves() -> None:
    forms = Expander(None, read_table()).expand(["laptop", "zither", "coffee table"]).forms
    assert "ノートパソコン" in forms["laptop"]
    assert "zither" not in forms
    assert "コーヒーテーブル" in forms["coffee table"]


def test_singular_and_plural_are_both_looked_up() -> None:
    assert spellings("watch") == ("watch", "watchs")
    assert "berry" in spellings("berries")
    assert "box" in spellings("boxes")
    assert spellings("glass")[0] == "glass"
