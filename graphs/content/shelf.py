"""The bulk of a content run in the object store: texts, verdicts, pictures, provenance."""

from __future__ import annotations

import hashlib

import msgspec

from agents.content_creator.ideas import Ideas
from agents.content_creator.phrases import Phrase
from agents.content_creator.variants import Variant, VariantSet
from domain.errors import NotFound
from domain.ids import stable_id
from graphs.desk import RunObjects
from storage.objects import ObjectStore


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with an asset.

    Attributes:
        check: `limits`, `platform`, `compliance`, `policy`, `voice`, `claims`, `contrast`, `layout` or `file`.
        rule: Which rule.
        severity: `block`, `revise` or `warn`.
        message: One sentence that says what to change.
        field, excerpt: Where it stands; empty if it is about the whole.
    """

    check: str
    rule: str
    severity: str
    message: str
    field: str = ""
    excerpt: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A variant with what checks found.

    Attributes:
        variant: The texts.
        outcome: `pass`, `revise` or `block`.
        findings: All of them, warnings included.
    """

    variant: Variant
    outcome: str
    findings: tuple[Finding, ...] = ()


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was made.

    Attributes:
        id: Stable for the run and what it is.
        kind: `text`, `image` or `video`.
        channel, language, arm, product_key: What it is for.
        slot: Place of a picture on its platform; empty for texts.
        variant: Key of the variant it shows.
        hypothesis, differs: What the variant is to find out, and in which fields it differs.
        segment: Whom it is for; empty = everybody.
        media_type, size_bytes, sha256: Of the file.
        width, height: Pixels; 0 for texts.
        texts: Texts by platform field; of a picture, what stands in it.
        cta: Text of the button.
        claims: Each with its fact, and document and span where it has one.
        findings: What checks found; warnings only, since anything worse is not kept.
        provenance: What made it, from what, when.
    """

    id: str
    kind: str
    channel: str
    language: str
    arm: str
    product_key: str
    variant: str
    media_type: str
    size_bytes: int
    sha256: str
    provenance: dict[str, str | int | bool | list[str]]
    slot: str = ""
    hypothesis: str = ""
    differs: tuple[str, ...] = ()
    segment: str = ""
    width: int = 0
    height: int = 0
    texts: dict[str, tuple[str, ...]] = {}
    cta: str = ""
    claims: tuple[dict[str, object], ...] = ()
    findings: tuple[Finding, ...] = ()


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """A picture by an image model, to stand where there is none of the product.

    Attributes:
        data: PNG.
        model: Who painted it.
        prompt_hash: SHA-256 of the prompt file.
    """

    data: bytes
    model: str
    prompt_hash: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run made.

    Attributes:
        assets: Texts, then pictures, by channel.
        left: What could not be made, and why, by key.
    """

    assets: tuple[Asset, ...] = ()
    left: dict[str, str] = {}


class Shelf(RunObjects):
    """Reads and writes a content run's objects.

    Args:
        objects: The store.
        run_id: Whose shelf it is.
    """

    def __init__(self, objects: ObjectStore, run_id: str) -> None:
        super().__init__(objects, run_id, "content")

    def asset_id(self, *parts: str) -> str:
        """Return the id of an asset: the same part of the same run has the same one."""
        return stable_id("ast", self._run_id, *parts)

    async def keep_ideas(self, found: Ideas) -> None:
        """Keep what a model proposed."""
        rows = [(key, language, own) for (key, language), own in found.phrases.items()]
        await self._keep("ideas.json", rows)
        await self._put("ideas-prompt.txt", found.prompt_hash.encode())

    async def ideas(self) -> dict[tuple[str, str], tuple[Phrase, ...]]:
        """Return what a model proposed, by product key and language."""
        rows = msgspec.json.decode(
            await self._get("ideas.json"), type=list[tuple[str, str, tuple[Phrase, ...]]]
        )
        return {(key, language): own for key, language, own in rows}

    async def ideas_prompt(self) -> str:
        """Return the hash of the prompt that the model was asked with; empty if none was."""
        return (await self._get("ideas-prompt.txt")).decode()

    async def keep_background(self, product_key: str, painted: Background) -> None:
        """Keep what a model painted for a product."""
        await self._put(f"backgrounds/{_name(product_key)}", msgspec.msgpack.encode(painted))

    async def background(self, product_key: str) -> Background:
        """Return what a model painted for a product.

        Raises:
            NotFound: if nothing was.
        """
        data = await self._get(f"backgrounds/{_name(product_key)}")
        return msgspec.msgpack.decode(data, type=Background)

    async def keep_written(self, channel: str, round_: int, written: VariantSet) -> None:
        """Keep the texts for a channel."""
        await self._keep(f"written-{channel}-{round_}.json", written)

    async def written(self, channel: str, round_: int) -> VariantSet:
        """Return the newest texts for a channel, written in that round or before."""
        for number in range(round_, -1, -1):
            try:
                data = await self._get(f"written-{channel}-{number}.json")
            except NotFound:
                continue
            return msgspec.json.decode(data, type=VariantSet)
        raise NotFound("object_not_found", f"Nothing was written for {channel}.")

    async def keep_checked(self, channel: str, checked: tuple[Checked, ...]) -> None:
        """Keep the verdicts on a channel's texts."""
        await self._keep(f"checked-{channel}.json", checked)

    async def checked(self, channel: str) -> tuple[Checked, ...]:
        """Return the verdicts on a channel's texts."""
        data = await self._get(f"checked-{channel}.json")
        return msgspec.json.decode(data, type=tuple[Checked, ...])

    async def keep_part(self, name: str, assets: tuple[Asset, ...]) -> None:
        """Keep what one parallel node made; its files are kept already."""
        await self._keep(f"part-{name.replace('/', '-')}.json", assets)

    async def part(self, name: str) -> tuple[Asset, ...]:
        """Return what one parallel node made."""
        data = await self._get(f"part-{name.replace('/', '-')}.json")
        return msgspec.json.decode(data, type=tuple[Asset, ...])

    async def keep_file(self, asset_id: str, data: bytes) -> None:
        """Keep the file of an asset."""
        await self._put(f"assets/{asset_id}", data)

    async def file(self, asset_id: str) -> bytes:
        """Return the file of an asset.

        Raises:
            NotFound: if there is none.
        """
        return await self._get(f"assets/{asset_id}")

    async def keep_manifest(self, manifest: Manifest) -> None:
        """Keep the list of all that was made, and beside each file its provenance."""
        for asset in manifest.assets:
            record = msgspec.json.encode(asset.provenance)
            await self._put(f"assets/{asset.id}.provenance.json", record)
        await self._keep("manifest.json", manifest)

    async def manifest(self) -> Manifest:
        """Return the list of all that was made.

        Raises:
            NotFound: if the run has not come that far.
        """
        return msgspec.json.decode(await self._get("manifest.json"), type=Manifest)


def _name(key: str) -> str:
    """Return a name for an object of a product: its key is a stranger's word."""
    return hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
