"""A small catalogue for tests; written for this project."""

from __future__ import annotations

from typing import Any

from domain.catalogue import AdEntry, AdText, AppEntry, CatalogueExport
from domain.formats import AdFormat, BidModel

NOW = 1_795_000_000_000


def text(word: str, **more: Any) -> AdText:
    return AdText(title=f"{word} shop", description=f"All about {word}.", cta_text="Look", **more)


def ad(ad_id: str, *tags: str, **fields: Any) -> AdEntry:
    word = tags[0] if tags else "nothing"
    defaults: dict[str, Any] = {
        "ad_id": ad_id,
        "campaign_id": f"cmp_{ad_id}",
        "creative_id": f"crt_{ad_id}",
        "advertiser_id": f"org_{ad_id}",
        "advertiser_name": f"{word.title()} Ltd",
        "payer": f"{word.title()} Ltd",
        "format": AdFormat.ACTION_CARD,
        "texts": {"eng": text(word), "jpn": text(f"{word}（日本語）")},
        "landing_url": f"https://example.com/{ad_id}",
        "tags": tags,
        "bid_micros": 1_000_000,
    }
    return AdEntry(**{**defaults, **fields})


def app(app_id: str = "app_demo", **fields: Any) -> AppEntry:
    return AppEntry(
        **{"app_id": app_id, "publisher_id": "org_pub", "formats": tuple(AdFormat), **fields}
    )


def sample() -> CatalogueExport:
    return CatalogueExport(
        ads=(
            ad(
                "ad_trail",
                "trail running shoes",
                "trail running",
                "running shoes",
                bid_micros=2_000_000,
            ),
            ad("ad_shoes", "running shoes", "shoes", bid_micros=1_500_000),
            ad("ad_laptop", "laptop", "laptops", negative_tags=("repair",)),
            ad("ad_coffee", "coffee", "coffee beans", bid_model=BidModel.CPM, bid_micros=9_000_000),
            ad("ad_cpp", "c++", "c# course", ".net", "wi-fi"),
            ad("ad_jp_only", "insurance", "car insurance", languages=("jpn",)),
            ad("ad_static", "yoga", format=AdFormat.STATIC),
            ad("ad_house", "running shoes", "yoga", house=True, bid_micros=0),
            ad("ad_euro", "laptop", currency="EUR"),
            ad("ad_past", "laptop", ends_ms=NOW - 1),
            ad("ad_us", "hotel", "hotels", geos=("US",)),
            ad("ad_capped", "wine", budget_total_micros=2_000_000, budget_daily_micros=2_000_000),
        ),
        apps=(app(), app("app_quiet", formats=(AdFormat.STATIC,))),
    )
