"""How relevant the ads are that a turn finds: real ads, real queries, third-party judgements.

`python -m benchmarks.relevance [--data ../shared/data]`: the queries of CA-Prod are turns, its ads the catalogue,
with the tags that an import derives from a product, compiled by the compiler with the encoder. nDCG@10 counts what
nobody judged as wrong. The intervals are bootstrap intervals over queries.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

import encoder
from domain.catalogue import AdEntry, AdText, AppEntry, CatalogueExport
from domain.formats import AdFormat
from fastpath import semantic
from fastpath._vectors import DIM, Vectors
from fastpath.compiler import compile_catalogue
from fastpath.decide import context_of, rank
from fastpath.expand import Expander
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.text import fold
from fastpath.types import AdRequest, Turn
from tools.product_source import extract_tags

ASKED = 0.40
APP = "app_bench"
NOW = 1_800_000_000_000
VARIANTS = ("tags only", "meaning only", "both", "both, as served", "both, without floors")
TURNS = (
    "can you recommend good running shoes for my first marathon, i have wide feet and run on wet roads",
    "kids laptop",
    "black sandals with gold metal plate",
    "which vitamins help with hair growth and should i take them in the morning or in the evening?",
)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit + 1].rsplit(" ", 1)[0][:limit]


def entry(product: dict[str, Any]) -> AdEntry:
    """Return the ad that an import makes of a product: what does not fit the title opens the description."""
    title = clip(product["title"], 60)
    rest = product["title"][len(title) :].strip()
    text = clip(". ".join(part for part in (rest, product["text"]) if part), 160)
    brand = product["brand"] or product["site"]
    tags = extract_tags(title=product["title"], brand=product["brand"], description=product["text"])
    return AdEntry(
        ad_id=product["_id"],
        campaign_id=f"cmp_{product['_id']}",
        creative_id=f"crt_{product['_id']}",
        advertiser_id=f"org_{brand}",
        advertiser_name=brand,
        payer=brand,
        format=AdFormat.ACTION_CARD,
        texts={"eng": AdText(title=title, description=text, cta_text="See details")},
        landing_url=f"https://{product['site']}/",
        tags=tags,
        bid_micros=1_000_000,
    )


def ndcg(found: Sequence[str], judged: dict[str, int]) -> float:
    gains = [judged.get(ad, 0) > 0 for ad in found[:10]]
    best = sum(1 / np.log2(i + 2) for i in range(min(10, sum(v > 0 for v in judged.values()))))
    return float(sum(gain / np.log2(i + 2) for i, gain in enumerate(gains)) / best)


def interval(values: Sequence[float]) -> str:
    random = np.random.default_rng(0)
    means = [random.choice(values, len(values)).mean() for _ in range(5_000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"


def answers(snapshot: Snapshot, said: str) -> dict[str, list[str]]:
    """Return the ads each variant ranks highest."""
    request = AdRequest(
        request_id="r", app_id=APP, conversation_id="c", message_id="m",
        turns=(Turn("user", said),), now_ms=NOW, language="en",
    )  # fmt: skip
    features = read_turns(snapshot, request)
    context = context_of(request, now_ms=NOW)
    near = semantic.nearest(snapshot, fold(said), top=200)
    every = {
        "both, as served": features,
        "both": msgspec.structs.replace(
            features, refusal=None, similar=tuple(sorted(semantic.similar(snapshot, fold(said))))
        ),
        # What the gate refuses is measured too: these rows are about relevance alone.
        "tags only": msgspec.structs.replace(features, refusal=None, similar=()),
        "both, without floors": msgspec.structs.replace(
            features, refusal=None, similar=tuple(sorted(near))
        ),
    }
    found = {name: [ad for ad, _ in rank(snapshot, f, context)] for name, f in every.items()}
    found["meaning only"] = [snapshot.ad_id(number) for number, _ in near[:10]]
    return found


def relevance(data: Path, snapshot: Snapshot) -> None:
    judged: dict[str, dict[str, int]] = {}
    for line in (data / "caprod/qrels.tsv").read_text().splitlines()[1:]:
        query, ad, score = line.split("\t")
        judged.setdefault(query, {})[ad] = int(score)
    values: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for query in rows_of(data / "caprod/queries.jsonl"):
        wanted = judged.get(query["_id"], {})
        if not any(score > 0 for score in wanted.values()):
            continue
        for name, found in answers(snapshot, query["text"]).items():
            values[name].append(ndcg(found, wanted))
    print(f"nDCG@10 over {len(values['both'])} queries and {snapshot.manifest.ads} ads")
    for name in VARIANTS:
        print(f"  {name:<24} {interval(values[name])}   asked {ASKED:.2f}")


def false_matches(data: Path, snapshot: Snapshot) -> None:
    """Say how often turns that ask for none of these ads find one by meaning."""
    orders = [
        turn["text"]
        for row in rows_of(data / "commercial-dialogues/dialogues.jsonl")
        for turn in row["turns"]
        if turn["role"] == "user"
    ]
    titles = [row["title"] for row in rows_of(data / "suitability-titles/dev.jsonl")]
    for name, texts in (("coffee orders", orders), ("video titles", titles)):
        hits = sum(bool(semantic.similar(snapshot, fold(text), top=1)) for text in texts)
        print(f"  {name:<24} {hits / len(texts):.4f} of {len(texts)} find an ad by meaning")


def grown(snapshot: Snapshot, ads: int) -> Vectors:
    """Return the vectors and words of a catalogue so large: these ads again and again, each a little changed."""
    times = -(-ads // snapshot.manifest.ads)
    random = np.random.default_rng(1)
    rows = np.tile(np.asarray(snapshot.ad_vectors, dtype=np.int16).reshape(-1, DIM), (times, 1))
    rows = np.clip(rows + random.integers(-12, 13, rows.shape), -127, 127).astype(np.int8)
    sizes = np.square(rows.astype(np.int32)).sum(axis=1)
    offsets = np.asarray(snapshot.word_offsets)
    counts = np.diff(offsets)
    # Word after word, each with its ads once per copy, in order.
    source = np.concatenate([np.tile(np.arange(a, b), times) for a, b in pairwise(offsets)])
    copy = np.concatenate([np.repeat(np.arange(times), count) for count in counts])
    kept = {
        name: getattr(snapshot, name) for name in vars(snapshot) if name[:5] in ("piece", "word_")
    }
    kept |= {
        "ad_vectors": rows.reshape(-1),
        "ad_vector_norms": np.array([isqrt(int(s) * 1_000_000) for s in sizes], dtype="<i4"),
        "ad_vector_bits": np.packbits(rows > 0, axis=1, bitorder="little").view("<u8").reshape(-1),
        "word_offsets": offsets * times,
        "word_ads": (np.asarray(snapshot.word_ads)[source] + copy * snapshot.manifest.ads).astype("<i4"),
        "word_shares": np.asarray(snapshot.word_shares)[source],
    }  # fmt: skip
    return Vectors(SimpleNamespace(**kept))


def cpu(call: Callable[[], Any], times: int = 50, passes: int = 9) -> float:
    best = float("inf")
    for _ in range(passes):
        start = time.process_time()
        for _ in range(times):
            call()
        best = min(best, (time.process_time() - start) / times * 1e6)
    return best


def speed(snapshot: Snapshot, ads: int) -> None:
    large = grown(snapshot, ads)
    print(
        "CPU µs per turn: vector of the turn / everything, this catalogue / everything, "
        + f"{large.count:,} ads"
    )
    for said in TURNS:
        text = fold(said)
        small = cpu(lambda text=text: semantic.similar(snapshot, text))  # type: ignore[misc]
        vector = cpu(lambda text=text: large.query(text))  # type: ignore[misc]
        whole = cpu(
            lambda text=text: large.nearest(
                text, semantic.MOST, semantic.FLOOR_PPM, semantic.LEAST_PPM, 200
            )  # type: ignore[misc]
        )
        print(f"  {len(said):>4} characters {vector:>8.1f} {small:>8.1f} {whole:>8.1f}")


def throughput(texts: Sequence[str]) -> None:
    """Say how many texts a second the encoder embeds, in CPU seconds of one thread."""
    model = encoder.load(threads=1)
    for length in (200, 40):
        chunk = [" ".join((" ".join(texts[i:])).split()[: int(length * 0.72)]) for i in range(60)]
        model.embed(chunk[:4])
        start = time.process_time()
        model.embed(chunk)
        rate = len(chunk) / (time.process_time() - start)
        tokens = np.mean([model.tokens(text) for text in chunk])
        print(f"  {tokens:>5.0f} tokens on average: {rate:.0f} texts per CPU second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--ads", type=int, default=100_000, help="catalogue size of the speed table"
    )
    chosen = parser.parse_args()
    products = rows_of(chosen.data / "caprod/corpus.jsonl")
    export = CatalogueExport(
        ads=tuple(entry(product) for product in products),
        apps=(AppEntry(app_id=APP, publisher_id="org_bench", formats=tuple(AdFormat)),),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        info = compile_catalogue(
            export, Path(folder), expander=Expander(None, {}), embedder=encoder.load()
        )
        print(f"compiled with vectors in {time.process_time() - start:.1f} CPU seconds")
        snapshot = Snapshot.open(info.path)
        relevance(chosen.data, snapshot)
        print("False matches")
        false_matches(chosen.data, snapshot)
        speed(snapshot, chosen.ads)
        print("Encoder")
        throughput([product["text"] for product in products])


if __name__ == "__main__":
    main()
