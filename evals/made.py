"""Looks at what a content run has made: files and lists as they lie there, counted again.

`made` in the state of a content run:

assets      how many, by kind;   channels: how many texts, by channel;   left: how many could not be made
languages, arms, segments, hosts, made_by: what occurs;   slots: {place: width x height in pixels}
longest     {channel: {field: columns of its longest text}}; a wide character takes two columns
pixels      hash of every picture before it was signed
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from PIL import Image

from domain.errors import NotFound
from evals.observed import Observation, Support
from graphs.content.shelf import Asset, Manifest, Shelf
from storage.objects import ObjectStore
from tools.provenance import read

_COUNTED = re.compile(r"(\d+) (text|image|video)s")
_RECORD = ".provenance.json"


async def look_at_content(
    seen: Observation, values: Mapping[str, Any], objects: ObjectStore, run_id: str
) -> None:
    """Add to an observation what a content run has left.

    Args:
        seen: Gets `state["made"]`, texts, claims and numbers.
        values: The graph's last state.
        objects: Where the run keeps what it made.
        run_id: Whose it is.
    """
    shelf = Shelf(objects, run_id)
    try:
        made = await shelf.manifest()
    except NotFound:
        made = Manifest()
    files = {asset.id: await shelf.file(asset.id) for asset in made.assets}
    texts = [asset for asset in made.assets if asset.kind == "text"]
    seen.state["made"] = _summary(made, files)
    seen.written += [
        text
        for asset in made.assets
        for text in (*(t for own in asset.texts.values() for t in own), asset.cta)
        if text
    ]
    seen.supports += [
        Support(str(claim["sentence"]), str(claim["support"]), str(claim["where"]))
        for asset in texts
        for claim in asset.claims
    ]
    seen.numbers |= await _steps(values, shelf)
    seen.numbers |= _files(made.assets, files, await _kept(objects, run_id))
    if values.get("outcome") == "done":
        told = {kind: int(count) for count, kind in _COUNTED.findall(seen.reason)}
        seen.numbers["assets told and listed"] = (values["assets"], [a.id for a in made.assets])
        seen.numbers["kinds told and listed"] = (told, dict(Counter(a.kind for a in made.assets)))


def columns(text: str) -> int:
    """Return how many columns a text takes: a wide or full-width character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _summary(made: Manifest, files: Mapping[str, bytes]) -> dict[str, Any]:
    texts = [asset for asset in made.assets if asset.kind == "text"]
    longest: dict[str, dict[str, int]] = {}
    hosts = set()
    for asset in texts:
        fields = longest.setdefault(asset.channel, {})
        for name, own in asset.texts.items():
            fields[name] = max(fields.get(name, 0), *map(columns, own))
        hosts.add(urlsplit(msgspec.json.decode(files[asset.id])["landing_url"]).hostname)
    pixels = [str(asset.provenance.get("pixels_sha256", "")) for asset in made.assets]
    return {
        "assets": dict(Counter(asset.kind for asset in made.assets)),
        "channels": dict(Counter(asset.channel for asset in texts)),
        "left": len(made.left),
        "languages": sorted({asset.language for asset in made.assets}),
        "arms": sorted({asset.arm for asset in made.assets}),
        "segments": sorted({asset.segment for asset in made.assets if asset.segment}),
        "hosts": sorted(host for host in hosts if host),
        "made_by": sorted({str(asset.provenance["made_by"]) for asset in made.assets}),
        "slots": {a.slot: f"{a.width} x {a.height}" for a in made.assets if a.slot},
        "longest": longest,
        "pixels": hashlib.sha256("".join(pixels).encode()).hexdigest()[:16],
    }


async def _steps(values: Mapping[str, Any], shelf: Shelf) -> dict[str, tuple[Any, Any]]:
    """Return what nodes told of their work beside the objects that they left."""
    numbers: dict[str, tuple[Any, Any]] = {}
    round_ = values.get("round", 0)
    if "passed" in values:
        verdicts: Counter[str] = Counter()
        for name in values["channels"]:
            verdicts.update(one.outcome for one in await shelf.checked(name))
        for told, kept in (("passed", "pass"), ("to_revise", "revise"), ("blocked", "block")):
            numbers[f"{told} told and in the verdicts"] = (values[told], verdicts[kept])
        for name, told_ads in values["written"].items():
            kept_ads = len((await shelf.written(name, round_)).variants)
            numbers[f"ads for {name} told and kept"] = (told_ads, kept_ads)
    for name, pictures in values.get("drawn", {}).items():
        numbers[f"pictures of {name} told and kept"] = (pictures, len(await shelf.part(name)))
    return numbers


async def _kept(objects: ObjectStore, run_id: str) -> list[str]:
    """Return the names of all files of a run, whoever knows of them."""
    folder = f"runs/{run_id}/content/assets/"
    return [key.removeprefix(folder) for key in await objects.keys(folder)]


def _files(
    assets: Sequence[Asset], files: Mapping[str, bytes], kept: Sequence[str]
) -> dict[str, tuple[Any, Any]]:
    """Return what the list says of files beside the files: each once, with its own bytes and provenance."""
    if not assets:
        return {}
    pictures = [asset for asset in assets if asset.kind == "image"]
    inside = {a.id: read(files[a.id], a.media_type) for a in pictures}
    return {
        "files listed and kept": (
            sorted(asset.id for asset in assets),
            sorted(name for name in kept if not name.endswith(_RECORD)),
        ),
        "records listed and kept": (
            sorted(f"{asset.id}{_RECORD}" for asset in assets),
            sorted(name for name in kept if name.endswith(_RECORD)),
        ),
        "hashes listed and of the files": (
            [asset.sha256 for asset in assets],
            [hashlib.sha256(files[asset.id]).hexdigest() for asset in assets],
        ),
        "sizes listed and of the pictures": (
            [(asset.width, asset.height) for asset in pictures],
            [Image.open(io.BytesIO(files[asset.id])).size for asset in pictures],
        ),
        "provenance listed and inside": (
            [asset.provenance["pixels_sha256"] for asset in pictures],
            [found.content_sha256 if (found := inside[a.id]) else None for a in pictures],
        ),
    }
