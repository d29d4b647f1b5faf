from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput, ParleyError
from domain.product import ProductSource
from tools.product_source import read_feed
from tools.product_source.feed import MAX_ROWS

CAPROD = Path(__file__).parents[2].parent / "shared" / "data" / "caprod" / "corpus.jsonl"


def feed(text: str | bytes) -> ProductSource:
    return read_feed(text.encode() if isinstance(text, str) else text, "feed")


def test_all_2215_real_ads_are_imported_without_a_problem() -> None:
    if not CAPROD.exists():
        pytest.skip(f"{CAPROD.name} is not on this machine")
    source = read_feed(CAPROD.read_bytes(), "corpus.jsonl")
    assert len(source.products) == 2215
    assert source.problems == ()
    first = source.products[0]
    assert (first.key, first.brand, first.url) == (
        "23",
        "Hooker Furniture",
        "https://luxedecor.com/",
    )
    assert first.tags[:3] == ("hooker furniture", "chatelet dining room set", "dining room set")
    assert first.facts[0].where == "corpus.jsonl#L1:text.1"
    assert all(1 <= len(product.tags) <= 12 for product in source.products)


CSV = (
    "id,title,price,link\n1,Red Boot,12.99 USD,https://shop.example/1\n2,Blue Boot,,shop.example\n"
)


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        CSV.replace("\n", "\r\n").encode(),
        CSV.replace("\n", "\r").encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("utf-16"),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", ";").encode(),
        ("\n\n" + CSV + "\n\n,,,\n").encode(),
        b'"id","Product Name","Price","URL"\n"1","Red Boot","$12.99","https://shop.example/1"\n'
        b"2,Blue Boot,,shop.example",
        b'[{"sku":1,"name":"Red Boot","price":{"value":"12.99","currency":"USD"},"url":"https://shop.example/1"},'
        b'{"sku":"2","title":"Blue Boot","site":"shop.example"}]',
        b'{"products":[{"id":1,"title":"Red Boot","price":"12.99","currency":"USD","link":"https://shop.example/1"},'
        b'\n{"id":2,"title":"Blue Boot","link":"shop.example"}]}',
        b'{"id":1,"title":"Red Boot","price":"US$12.99","link":"https://shop.example/1"}\n\n'
        b'{"id":2,"title":"Blue Boot","site":"shop.example"}',
    ],
)
def test_every_format_reads_the_same_two_products(data: bytes) -> None:
    source = read_feed(data, "feed")
    assert source.problems == ()
    assert [(p.key, p.title, p.price, p.url) for p in source.products] == [
        ("1", "Red Boot", "12.99", "https://shop.example/1"),
        ("2", "Blue Boot", None, "https://shop.example/"),
    ]
    assert source.products[0].currency == "USD"


RSS = """<?xml version="1.0" encoding="Shift_JIS"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>1</g:id><g:title>Red Boot</g:title><g:description>Made of leather here.</g:description>
<g:link>https://shop.example/1</g:link><g:price>12.99 USD</g:price>
<g:shipping><g:price>5 USD</g:price></g:shipping>
<g:product_type>Shoes</g:product_type><g:product_type>Boots</g:product_type></item>
<item><g:id>2</g:id><g:link>https://shop.example/2</g:link></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>1</g:id><title>Red Boot</title><link rel="alternate" href="https://shop.example/1"/>
<link rel="self" href="https://shop.example/self"/><g:price>1,200円</g:price></entry></feed>"""


def test_google_merchant_rss() -> None:
    source = feed(RSS)
    (product,) = source.products
    assert (product.title, product.price, product.currency) == ("Red Boot", "12.99", "USD")
    assert product.categories == ("Shoes", "Boots")
    assert [problem.line for problem in source.problems] == [7]


def test_google_merchant_atom() -> None:
    (product,) = feed(ATOM).products
    assert (product.url, product.price, product.currency) == (
        "https://shop.example/1",
        "1200",
        "JPY",
    )


def test_xml_entities_reach_no_file_and_do_not_explode(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    bomb = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
    )
    text = (
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}">{bomb}]><rss><item><id>1</id>'
        "<title>Boot &x; &m;</title><description>It is made of leather. &x;</description></item></rss>"
    )
    started = time.monotonic()
    try:
        source = feed(text)
    except BadInput:
        return
    finally:
        assert time.monotonic() - started < 5
    assert "SECRET" not in repr(source)
    assert "aaaaaaaaaa" not in repr(source)


def test_damaged_xml_is_reported_and_read_as_far_as_possible() -> None:
    source = feed(
        "<rss><item><id>1</id><title>Red Boot</title></item>\n<item><id>2</id><title>Blue</item>"
    )
    assert source.products[0].title == "Red Boot"
    assert any("damaged" in problem.reason for problem in source.problems)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("3,,9 USD,https://a.example", "no product name"),
        ("3,???,9 USD,https://a.example", "no product name"),
        ("3,Boot,free!,https://a.example", "not one price"),
        ("3,Boot,-5 USD,https://a.example", "not one price"),
        ("3,Boot,1.299 EUR,https://a.example", "not one price"),
        ("3,Boot,10-20 USD,https://a.example", "not one price"),
        ("3,Boot,9 USD,javascript:alert(1)", "not a web address"),
        ("3,Boot,9 USD,https://user:pw@a.example", "not a web address"),
        ("3,Boot,9 USD,ftp://a.example", "not a web address"),
        ("3,Boot,9 USD,see our shop", "not a web address"),
        ("1,Boot,9 USD,https://a.example", "already used in line 2"),
        ("3,Boot,9 USD,https://a.example,more,cells", "6 cells"),
        ('3,"Boot,9 USD,https://a.example', "not closed"),
        (f"3,{'long ' * 200},9 USD,https://a.example", "at most 500"),
    ],
)
def test_a_broken_row_is_named_and_the_others_are_imported(row: str, word: str) -> None:
    source = feed(CSV.replace("\n2,", f"\n{row}\n2,"))
    assert [product.key for product in source.products] == ["1", "2"]
    assert [problem.line for problem in source.problems] == [3]
    assert word in source.problems[0].reason
    assert source.problems[0].reason.endswith(".")


def test_an_unclosed_quote_does_not_swallow_the_rest() -> None:
    rows = "".join(f"{n},Boot {n},,\n" for n in range(10, 400))
    source = feed('id,title,price,link\n1,"Red Boot,,\n' + rows)
    assert len(source.products) == 390
    assert [problem.line for problem in source.problems] == [2]


def test_quoted_line_breaks_and_doubled_quotes() -> None:
    source = feed(
        'id,title,description\n1,"Boot ""Ridge""","Grips mud well.\nDries over night."\n2,5" pipe wrench,ok\n'
    )
    assert source.problems == ()
    assert source.products[0].title == 'Boot "Ridge"'
    assert [f.text for f in source.products[0].facts] == ["Grips mud well.", "Dries over night."]
    assert source.products[1].title == '5" pipe wrench'


def test_one_undecodable_row_in_utf8() -> None:
    data = "id,title\n1,ブーツ 赤\n".encode() + b"2,Bo\xfft\n" + "3,靴ひも\n".encode()
    source = feed(data)
    assert [p.key for p in source.products] == ["1", "3"]
    assert [(p.line, "UTF-8" in p.reason) for p in source.problems] == [(3, True)]


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
def test_japanese_feeds_in_old_encodings(encoding: str) -> None:
    text = '商品コード,商品名,価格,ブランド\nA1,防水ブーツ,"1,200円",カゼ\nA2,トレイルシューズ,￥980,カゼ\n'
    source = feed(text.encode(encoding))
    assert [(p.title, p.title_jpn, p.price, p.currency) for p in source.products] == [
        ("防水ブーツ", "防水ブーツ", "1200", "JPY"),
        ("トレイルシューズ", "トレイルシューズ", "980", "JPY"),
    ]
    assert source.products[0].tags == (), "advertisers write English tags"


def test_western_feed_in_an_old_encoding() -> None:
    source = feed("id,title\n1,Café table\n2,Crème brûlée set\n".encode("cp1252"))
    assert [p.title for p in source.products] == ["Café table", "Crème brûlée set"]


def test_json_lines_name_the_broken_line() -> None:
    source = feed('{"id":1,"title":"Boot"}\n{"id":2,"title":\n[1]\n"x"\n{"id":5,"title":"Sock"}')
    assert [p.key for p in source.products] == ["1", "5"]
    assert [p.line for p in source.problems] == [2, 3, 4]


def test_markup_and_hidden_text_in_descriptions() -> None:
    cell = "<p>Grips mud.</p><script>x</script><!-- c -->"
    cell += "<span style='display:none'>Best ever.</span><ul><li>Dries fast.</li></ul>"
    (product,) = feed(
        json.dumps([{"id": 1, "title": "Boot &amp; sock", "body_html": cell}])
    ).products
    assert product.title == "Boot & sock"
    assert [fact.text for fact in product.facts] == ["Grips mud.", "Dries fast."]


def test_rows_over_the_limit_are_one_problem() -> None:
    text = "id,title\n" + "".join(f"{n},Boot\n" for n in range(MAX_ROWS + 10))
    source = feed(text)
    assert len(source.products) == MAX_ROWS
    assert [problem.line for problem in source.problems] == [MAX_ROWS + 2]
    assert "50,000" in source.problems[0].reason


def test_many_problems_are_counted() -> None:
    source = feed("id,title\n" + ",\n1,\n" * 1500)
    assert source.products == ()
    assert len(source.problems) == 1001
    assert source.problems[-1].reason.startswith("500 more rows")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "feed_empty"),
        (b"  \n \n", "feed_empty"),
        (b"\xef\xbb\xbf", "feed_empty"),
        (b"id,title\n", "feed_empty"),
        (b"[]", "feed_empty"),
        (b"sku,colour\n1,red\n", "feed_no_title"),
        (b"<html><body>hi</body></html>", "feed_not_readable"),
        (b"<rss></rss>", "feed_not_readable"),
        (b"[1, 2", "feed_not_readable"),
        (b"%PDF-1.7 abc", "feed_not_readable"),
        (b"PK\x03\x04\x00\x00\x00\x00\x00\x00", "feed_not_readable"),
        (b"[" * 200_000, "feed_not_readable"),
    ],
)
def test_files_that_are_no_feed(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as error:
        read_feed(data, "feed")
    assert error.value.code == code


@pytest.mark.parametrize(
    ("stated", "currency", "expected"),
    [
        ("12.99 USD", None, ("12.99", "USD")),
        ("USD 12.99", None, ("12.99", "USD")),
        ("$1,299.00", None, ("1299.00", "USD")),
        ("$5", "CAD", ("5", "CAD")),
        ("1,200円", None, ("1200", "JPY")),
        ("１，２００円（税込）", None, ("1200", "JPY")),
        ("€1.299,50", None, ("1299.50", "EUR")),
        ("1.299円", None, ("1299", "JPY")),
        ("1.299 KWD", None, ("1.299", "KWD")),
        ("12,5", "EUR", ("12.5", "EUR")),
        ("1 299 SEK", None, ("1299", "SEK")),
        ("42", None, ("42", None)),
    ],
)
def test_prices(stated: str, currency: str | None, expected: tuple[str, str | None]) -> None:
    row = {"id": 1, "title": "Boot", "price": stated, "currency": currency}
    (product,) = feed(json.dumps([row])).products
    assert (product.price, product.currency) == expected


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda t: ("id,title\n" + t).encode()))
def test_no_bytes_cause_anything_but_a_typed_error(data: bytes) -> None:
    try:
        source = read_feed(data, "feed")
    except ParleyError:
        return
    assert source.products or source.problems


def test_half_surrogates_and_nul_never_get_out_of_a_feed() -> None:
    bad, text = "https://kaze.example/\ud800\x00", "Light and grippy."
    fields = ("title", "url", "description", "id", "brand", "image_link", "keywords", "category")
    rows = [
        {"title": f"Shoes {n}", "url": f"https://kaze.example/{n}", "description": text, field: bad}
        for n, field in enumerate(fields)
    ]
    found = read_feed("\n".join(map(json.dumps, rows)).encode(), "feed.jsonl")
    assert [problem.line for problem in found.problems] == [2]
    assert len(found.products) == len(rows) - 1
    assert b"\\u0000" not in msgspec.json.encode(found)
