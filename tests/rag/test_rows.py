"""Feeds and exports row by row: what a row says, what is broken, and memory that does not grow."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from rag.extract import kind_of
from rag.extracted import Row
from rag.row_meaning import export_of, number_of, row_of
from rag.rows import RawRow, read_rows


def rows(tmp_path: Path, name: str, data: str | bytes) -> list[Row]:
    path = tmp_path / name
    raw = data.encode() if isinstance(data, str) else data
    path.write_bytes(raw)
    out = []
    for one in read_rows(path, kind_of(raw[:8192], name)):
        columns = tuple(one.cells) if name.endswith(("csv", "tsv")) else ()
        if (row := row_of(one, columns)) is not None:
            out.append(row)
    return out


def test_a_product_feed(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "f.csv",
        "id,title,description,price,brand,link,image alt\n"
        '7,"Kettle, steel","<p>Boils <b>fast</b>.<span hidden>buy gold</span></p>",29.90 USD,Acme,'
        "https://x.example/7,A kettle\n"
        '8,Towel,"Two\nlines",9 USD,,,\n',
    )
    kettle, towel = found
    assert (kettle.key, kettle.title, kettle.line) == ("7", "Kettle, steel", 2)
    assert kettle.text.split("\n")[0] == "Boils fast."
    assert "price: 29.90 USD" in kettle.text
    assert "image alt: A kettle" in kettle.text
    assert "gold" not in kettle.text
    assert kettle.metadata["hidden_characters"] == 8
    assert kettle.fields == {"brand": "Acme"}
    assert kettle.metadata["link"] == "https://x.example/7"
    assert (towel.key, towel.line) == ("8", 3)
    assert "Two lines" in towel.text


def test_one_broken_row_costs_that_row(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "f.csv",
        b'id,title\n1,One\n2,"Two\n3,Three\n4,Four,too,many\n5,5" pipe\n6,\xff\xfe\n7,Caf\xc3\xa9\n8,Th\xc3\xa9\n',
    )
    good = {row.key: row.title for row in found if row.broken is None}
    assert {k: good[k] for k in "1378"} == {"1": "One", "3": "Three", "7": "Café", "8": "Thé"}
    assert set(good) <= set("13578")
    reasons = [row.broken for row in found if row.broken]
    assert any("not closed" in r for r in reasons)
    assert any("4 cells" in r for r in reasons)
    assert any("no text" in r for r in reasons)


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "utf-16", "utf-8-sig"])
def test_japanese_feeds_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = "商品番号,商品名,商品説明\n1,タオル,綿のタオルです。\n2,ケトル,お湯が沸きます。\n"
    found = rows(tmp_path, "f.csv", text.encode(encoding))
    assert [(r.key, r.title) for r in found] == [("1", "タオル"), ("2", "ケトル")]


def test_json_of_every_shape(tmp_path: Path) -> None:
    items = [
        {"id": i, "title": f"Thing {i}", "tags": ["a", "b"], "size": {"w": 3}} for i in range(3)
    ]
    shapes = {
        "a.json": json.dumps(items),
        "b.json": json.dumps({"version": 2, "products": items}, indent=2),
        "c.jsonl": "\n".join(map(json.dumps, items)),
        "d.json": "\ufeff" + json.dumps(items, indent=1),
    }
    for name, text in shapes.items():
        found = rows(tmp_path, name, text)
        assert [r.title for r in found] == ["Thing 0", "Thing 1", "Thing 2"], name
        assert "tags: a, b" in found[0].text
        assert "size: w: 3" in found[0].text
    assert rows(tmp_path, "e.json", '{"name": "One", "note": "alone"}')[0].title == "One"
    broken = rows(tmp_path, "g.json", '[{"id": 1, "title": "x"}, {"id": 2, "tit')
    assert [r.broken is None for r in broken] == [True, False]
    deep = rows(tmp_path, "h.jsonl", '{"id":1,"title":"ok"}\n' + "[" * 200_000)
    assert [r.broken is None for r in deep] == [True, False]


def test_xml_feeds_without_entities(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))
    found = rows(
        tmp_path,
        "f.xml",
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "lol">{bomb}'
        '<!ENTITY file SYSTEM "file:///etc/passwd">]>'
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>'
        "<item><g:id>1</g:id><title>Kettle</title><description>Boils.</description></item>"
        "<item><g:id>2</g:id><title>Towel &l8;&file;</title></item></channel></rss>",
    )
    assert (found[0].key, found[0].title) == ("1", "Kettle")
    assert found[0].text.startswith("Boils.")
    # What the parser will not expand is said to be broken, not left out in silence.
    assert len(found) == 2
    assert found[1].broken or (len(found[1].text) < 1000 and "root:" not in found[1].text)


EXPORTS = {
    "google_ads": (
        'Campaign report\n"March 1, 2026 - March 31, 2026"\n'
        "Day,Campaign,Ad group,Impr.,Clicks,Cost,CTR\n"
        '2026-03-01,Summer towels,Beach,"1,234",56,78.90,4.5%\n'
        "2026-03-02,Summer towels,Beach,900,40,60.00,4.4%\n"
        'Total: Account,--,--,"2,134",96,138.90,4.5%\n'
    ),
    "meta_ads": (
        "Reporting starts,Reporting ends,Campaign name,Ad set name,Ad name,Impressions,Reach,"
        "Link clicks,Amount spent (USD),Results\n"
        "2026-03-01,2026-03-31,Summer towels,Women 25-44,Video A,1234,1000,56,78.90,7\n"
        "2026-03-01,2026-03-31,Summer towels,Women 25-44,Video B,900,800,40,60,4\n"
    ),
    "linkedin_ads": (
        "Campaign Performance Report\nDate Generated\tMarch 31 2026\n\n"
        "Start Date (in UTC)\tAccount Name\tCampaign Name\tCreative Name\tTotal Spent\tImpressions\t"
        "Clicks\tLeads\n"
        "3/1/2026\tAcme\tSummer towels\tPost 1\t78.90\t1234\t56\t7\n"
        "3/2/2026\tAcme\tSummer towels\tPost 1\t60\t900\t40\t4\n"
    ),
}


@pytest.mark.parametrize("platform", EXPORTS)
def test_exports_of_ad_platforms_become_typed_rows(tmp_path: Path, platform: str) -> None:
    text = EXPORTS[platform]
    data = text.encode("utf-16") if platform == "linkedin_ads" else text.encode()
    first, second = rows(tmp_path, "report.csv", data)
    assert first.metadata["platform"] == platform
    assert first.metadata["campaign"] == "Summer towels"
    assert first.metadata["impressions"] == 1234
    assert first.metadata["clicks"] == 56
    assert first.metadata["cost_micros"] == 78_900_000
    assert 'campaign "Summer towels"' in first.text
    assert "clicks 56" in first.text
    assert first.key != second.key
    # The figures change from day to day, the row stays the same one.
    changed = rows(tmp_path, "report.csv", text.replace("56", "57").encode())
    assert changed[0].key == first.key
    assert changed[0].text != first.text


def test_a_shop_feed_is_no_export() -> None:
    assert export_of(("id", "title", "clicks")) is None
    assert export_of(("Campaign", "Clicks", "Impr.")) is not None


@pytest.mark.parametrize(
    ("stated", "number"),
    [("1,234", "1234"), ("$5.60", "5.60"), ("12.5%", "12.5"), ("3,5", "3.5"), ("(7)", "-7"), ("--", None),
     ("2026-03-01", None), ("Beach", None), ("¥1,200", "1200"), ("1.234,50", "1234.50")],
)  # fmt: skip
def test_numbers_in_cells(stated: str, number: str | None) -> None:
    found = number_of(stated)
    assert (None if found is None else str(found)) == number


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"

    def peak(count: int) -> int:
        with path.open("w") as file:
            file.write("id,title,description\n")
            file.writelines(f"{i},Thing {i},Words about thing number {i}.\n" for i in range(count))
        tracemalloc.start()
        seen = sum(1 for raw in read_rows(path, "csv") if raw.cells)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count
        return top

    small, large = peak(20_000), peak(100_000)
    assert large < small + 500_000


def test_a_row_without_words_is_broken() -> None:
    row = row_of(RawRow(3, {"id": "5", "title": "--"}), ())
    assert row is not None
    assert row.broken == "There are no words in the row."
