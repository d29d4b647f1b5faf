from __future__ import annotations

from tools.product_source import read_page

SHOP = """<html lang=en><body>
<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Kaze <b>Ridge</b></h1>
<img itemprop="image" src="/ridge.png"><a itemprop="url" href="/ridge">see</a>
<meta itemprop="sku" content="KR-1"><div itemprop="brand" itemscope itemtype="https://schema.org/Brand">
<span itemprop="name">Kaze</span></div><p itemprop="description">A light shoe for wet rock.</p>
<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
<span itemprop="price" content="129.00">129</span><meta itemprop="priceCurrency" content="USD"></div></div>
<div style="display:none"><div itemscope itemtype="http://schema.org/Product">
<p itemprop="name">Hidden</p></div></div>
<div itemscope itemtype="http://schema.org/Organization"><p itemprop="name">Kaze Trail</p>
<p itemprop="description">We mend shoes for ten years.</p></div></body></html>"""


def test_products_in_microdata_are_read_with_their_place() -> None:
    source = read_page(SHOP.encode(), "https://kaze.example/")
    (product,) = source.products
    assert (product.key, product.title, product.brand) == ("KR-1", "Kaze Ridge", "Kaze")
    assert (product.price, product.currency) == ("129.00", "USD")
    assert product.url == "https://kaze.example/ridge"
    assert product.image_url == "https://kaze.example/ridge.png"
    assert product.facts[0].text == "A light shoe for wet rock."
    assert ":microdata.description" in product.facts[0].where
    assert source.site_name == "Kaze Trail"


def test_items_without_an_end_are_bounded() -> None:
    deep = '<div itemscope itemprop="offers" itemtype="https://schema.org/Product">' * 3_000
    source = read_page(
        f"<html><h1>Shop of things</h1><p>We sell four good things.</p>{deep}".encode(), "x"
    )
    assert source.products[0].title == "Shop of things"
