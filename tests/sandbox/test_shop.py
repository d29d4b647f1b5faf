from __future__ import annotations

from sandbox import shop_feed, shop_page
from tools.product_source import read_feed, read_page


def test_the_shipped_feed_is_clean_and_bilingual() -> None:
    source = read_feed(shop_feed().read_bytes(), "products.csv")
    assert len(source.products) == 24
    assert source.problems == ()
    for product in source.products:
        assert product.url is not None
        assert product.url.startswith("https://kaze-trail.example/products/")
        assert product.title_jpn
        assert product.currency == "USD"
        assert {"eng", "jpn"} == {fact.language for fact in product.facts}
        assert product.tags[0] == "kaze trail"
        assert len(product.tags) >= 3


def test_the_shipped_page_states_the_facts_of_the_shop() -> None:
    source = read_page(shop_page().read_bytes(), "index.html")
    assert source.site_name == "Kaze Trail"
    assert source.problems == ()
    texts = {fact.text for fact in source.site_facts}
    assert "Delivery is free on orders over 120 USD." in texts
    assert "Sign-up for the trial run club is free." in texts
    assert "日本へは2〜3営業日でお届けします。" in texts
    assert not any("fictional" in text for text in texts), "the footer is not copy"
    ridge = source.products[0]
    assert (ridge.key, ridge.price, ridge.currency) == ("KT-S01", "138.00", "USD")
    assert ridge.title_jpn == "カゼ・リッジ トレイルランニングシューズ"


def test_every_address_is_reserved_for_examples() -> None:
    page = shop_page().read_text(encoding="utf-8").replace("https://schema.org", "")
    for text in (page, shop_feed().read_text(encoding="utf-8")):
        hosts = {part.split("/")[0].split('"')[0] for part in text.split("https://")[1:]}
        assert hosts == {"kaze-trail.example"}
