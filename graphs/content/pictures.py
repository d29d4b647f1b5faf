"""Uploaded pictures: logos and products, by organisation, nothing in them but pixels."""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from domain.errors import NotFound, Unprocessable
from domain.ids import stable_id
from storage.objects import ObjectStore
from tools.render import read_picture


def cleaned(data: bytes) -> tuple[Image.Image, bytes]:
    """Return a picture as it is kept: upright, as PNG, without places, dates or thumbnails.

    Raises:
        BadInput: `bad_picture`.
    """
    image = read_picture(data)
    file = io.BytesIO()
    image.save(file, format="PNG")
    return image, file.getvalue()


def id_of(org_id: str, clean: bytes) -> str:
    """Return the id of a picture: the same pixels of one organisation have the same one."""
    return stable_id("pic", org_id, hashlib.sha256(clean).hexdigest())


def key_of(org_id: str, picture_id: str) -> str:
    """Return where a picture lies; an organisation finds its own only."""
    return f"pictures/{org_id}/{picture_id}.png"


async def load(objects: ObjectStore, org_id: str, picture_id: str) -> bytes:
    """Return the bytes of an organisation's picture.

    Raises:
        Unprocessable: `picture_missing` if it has no such picture.
    """
    try:
        return await objects.get(key_of(org_id, picture_id))
    except NotFound as error:
        raise Unprocessable(
            "picture_missing", f"There is no picture {picture_id}; upload it first."
        ) from error
