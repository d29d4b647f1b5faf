from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.product_source import extract_tags


@pytest.mark.parametrize(
    ("title", "brand", "expected"),
    [
        (
            "Hooker Furniture Chatelet Dining Room Set",
            "Hooker Furniture",
            {"hooker furniture", "dining room set"},
        ),
        ("Puma Men's x COOGI Authentic T-Shirt, Black, L", "Puma", {"puma", "t-shirt"}),
        (
            "Gap Women's Everyday Smooth Favorite Coverage Bra True Black Regular Size 32DD",
            "Gap",
            {"gap", "bra"},
        ),
        (
            "Nike Men's Zoom Running Shoes, Size 10.5, Blue",
            "Nike",
            {"nike", "running shoes", "shoes"},
        ),
        ("Nature Made Vitamin C 500 mg - 100 Caplets", "Nature Made", {"nature made", "vitamin c"}),
        ("Power King TR 126-144 Tires 8/-16 94004720", "Power King", {"power king", "tires"}),
    ],
)
def test_what_somebody_would_ask_for(title: str, brand: str, expected: set[str]) -> None:
    tags = extract_tags(title=title, brand=brand)
    assert expected <= set(tags)
    assert tags[0] == brand.lower()


@pytest.mark.parametrize(
    "noise", ["black", "l", "32dd", "size", "men", "10.5", "authentic", "mg", "94004720"]
)
def test_sizes_colours_codes_and_praise_are_no_tags(noise: str) -> None:
    for title in (
        "Puma Men's x COOGI Authentic T-Shirt, Black, L",
        "Gap Favorite Coverage Bra True Black Regular Size 32DD",
        "Power King TR 126-144 Tires 8/-16 94004720",
        "Nature Made Vitamin C 500 mg - 100 Caplets Size 10.5",
    ):
        assert not any(noise in tag.split() for tag in extract_tags(title=title))


def test_keywords_of_the_advertiser_come_first_and_long_ones_are_dropped() -> None:
    tags = extract_tags(
        title="Kaze Ridge Trail Running Shoes",
        brand="Kaze Trail",
        keywords="Mud Shoes, a phrase of far too many words; trail shoes",
        categories=["Shoes > Trail Running Shoes"],
    )
    assert tags[:3] == ("kaze trail", "mud shoes", "trail shoes")
    assert "trail running shoes" in tags


def test_what_a_description_mentions_is_not_the_product() -> None:
    tags = extract_tags(
        title="Kaze Five Running Vest", description="Pockets hold a phone and gloves."
    )
    assert "running vest" in tags
    assert not {"phone", "gloves"} & set(tags)
    assert "gloves" in extract_tags(title="Kaze Ten", description="Gloves for cold mornings.")


def test_singular_and_plural_are_both_tags() -> None:
    assert {"running shoes", "running shoe", "shoes", "shoe"} <= set(
        extract_tags(title="Zoom Running Shoes")
    )
    assert {"dress", "dresses"} <= set(extract_tags(title="Cocktail Dress"))
    assert {"bra", "bras"} <= set(extract_tags(title="Everyday Bra"))
    assert not any(tag.endswith("jean") for tag in extract_tags(title="Slim Jeans"))


def test_japanese_gives_no_tags_unless_english_is_given() -> None:
    assert (
        extract_tags(title="防水トレイルシューズ", brand="カゼ", description="雨を防ぎます。") == ()
    )
    assert extract_tags(title="防水トレイルシューズ", keywords="trail shoes, 靴") == (
        "trail shoes",
        "trail shoe",
    )


@settings(max_examples=200, deadline=None)
@given(title=st.text(max_size=120), brand=st.text(max_size=40), keywords=st.text(max_size=80))
def test_tags_always_have_the_promised_form(title: str, brand: str, keywords: str) -> None:
    tags = extract_tags(title=title, brand=brand, keywords=keywords)
    assert tags == extract_tags(title=title, brand=brand, keywords=keywords)
    assert len(tags) <= 12
    assert len(set(tags)) == len(tags)
    for tag in tags:
        assert tag == tag.lower().strip()
        assert 1 <= len(tag.split()) <= 4
        assert len(tag) <= 60
