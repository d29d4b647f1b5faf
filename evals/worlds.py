"""Small worlds: an advertiser, what it has written about its products, and the web around it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import httpx
import msgspec
import yaml
from PIL import Image

from bootstrap.services import Services
from catalog.access import AccessService
from catalog.service import CatalogService
from domain.errors import BadInput, NotFound
from evals.history import Ran
from graphs.content import pictures
from sandbox import shop_feed, shop_page
from tools.product_source import read_feed, read_page

_LINK = re.compile(r"https?://[\w.-]+")
#: Every host of a world lies here; documentation addresses would be refused as not public.
_ADDRESS = "93.184.215.14"


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an address of the world's web answers."""

    status: int = 200
    kind: str = "text/html; charset=utf-8"
    body: str = ""


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upload: its name and its text; `shop` is the demo shop's."""

    name: str
    text: str = ""
    shop: bool = False


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brand kit."""

    name: str
    payer: str
    tone: Literal["plain", "friendly"] = "plain"
    banned_words: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ad of a world that chats are served from without a run; fields of `domain.catalogue.AdEntry`."""

    id: str
    advertiser: str
    format: str = "static"
    texts: dict[str, dict[str, str]]
    tags: tuple[str, ...]
    url: str = "https://shop.example/"
    rest: dict[str, Any] = {}


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A world.

    Attributes:
        organisation: The advertiser's name.
        page, feed: Its landing page and product feed.
        web: What can be fetched, by address.
        offers: Ads of others that run already.
        campaigns: The advertiser's own that run already, with what became of them.
        logo: Its logo: a picture of one colour, `#rrggbb`.
        foreign: Hosts that its texts name and that are not its own, such as an attacker's.
        app: Fields of the chat product, `domain.catalogue.AppEntry`.
    """

    organisation: str
    brand: Brand | None = None
    page: File | None = None
    feed: File | None = None
    web: dict[str, Page] = {}
    offers: tuple[Offer, ...] = ()
    campaigns: tuple[Ran, ...] = ()
    logo: str = ""
    foreign: tuple[str, ...] = ()
    app: dict[str, Any] = {}

    def hosts(self) -> set[str | None]:
        """Return every host that the advertiser itself names: there its ads may lead."""
        texts = [file.text for file in (self.page, self.feed) if file is not None]
        if any(file is not None and file.shop for file in (self.page, self.feed)):
            texts.append("https://kaze-trail.example/")
        found: set[str | None] = {
            httpx.URL(url).host for url in (*self.web, *_LINK.findall(" ".join(texts)))
        }
        return found - set(self.foreign)


@cache
def load_world(name: str) -> World:
    """Return a world by its name.

    Raises:
        NotFound: `no_world`.
        BadInput: `bad_world` if its file is wrong.
    """
    place = files("evals").joinpath("worlds", f"{name}.yaml")
    try:
        raw = yaml.safe_load(place.read_text("utf-8"))
    except OSError as error:
        raise NotFound("no_world", f"There is no world {name!r} in evals/worlds.") from error
    except yaml.YAMLError as error:
        raise BadInput("bad_world", f"evals/worlds/{name}.yaml is not valid YAML.") from error
    try:
        return msgspec.convert(raw, World)
    except msgspec.ValidationError as error:
        raise BadInput("bad_world", f"evals/worlds/{name}.yaml: {error}.") from error


async def settle(world: World, services: Services) -> str:
    """Create the world's advertiser with its brand; return its id."""
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("advertiser", world.organisation)
    if world.brand is not None:
        async with services.db.tenant(org.id) as session:
            await CatalogService(session, services.ids, services.clock).set_brand_kit(
                org.id,
                name=world.brand.name,
                payer=world.brand.payer,
                tone=world.brand.tone,
                colours=[],
                banned_words=list(world.brand.banned_words),
            )
    return org.id


async def upload(world: World, services: Services, kind: str) -> str:
    """Put the world's page or feed where an upload puts it; return its source id.

    Raises:
        NotFound: `no_source` if the world has none.
    """
    file = world.page if kind == "page" else world.feed
    if file is None:
        raise NotFound("no_source", f"This world has no {kind}.")
    data = _text(file, kind).encode()
    parsed = read_page(data, file.name) if kind == "page" else read_feed(data, file.name)
    source_id = services.ids.new("src")
    await services.objects.put(f"sources/{source_id}/parsed.json", msgspec.json.encode(parsed))
    return source_id


async def ordered(
    order: Mapping[str, Any], world: World, services: Services, org_id: str
) -> dict[str, Any]:
    """Return an order with the world's logo uploaded where it wants one; see `graphs.content.order`."""
    if order.get("logo") is not True:
        return dict(order)
    file = io.BytesIO()
    Image.new("RGB", (240, 120), world.logo).save(file, format="PNG")
    _, clean = pictures.cleaned(file.getvalue())
    picture_id = pictures.id_of(org_id, clean)
    await services.objects.put(pictures.key_of(org_id, picture_id), clean)
    return {**order, "logo": picture_id}


def published(world: World) -> dict[str, str]:
    """Return everything that somebody else has written: what copy and findings may rest on."""
    texts = {url: page.body for url, page in world.web.items()}
    for kind, file in (("page", world.page), ("feed", world.feed)):
        if file is not None:
            texts[file.name] = _text(file, kind)
    return texts


def _text(file: File, kind: str) -> str:
    shop = shop_page() if kind == "page" else shop_feed()
    return shop.read_text("utf-8") if file.shop else file.text


class WorldWeb(httpx.AsyncBaseTransport):
    """The world's web, for httpx: an address it does not know is not there, and noted."""

    def __init__(self, world: World) -> None:
        self._pages = world.web
        self.unknown: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the world."""
        url = f"{request.url.scheme}://{request.headers['host']}{request.url.raw_path.decode()}"
        page = self._pages.get(url)
        if page is None:
            if not url.endswith("/robots.txt"):
                self.unknown.append(url)
            return httpx.Response(404, request=request)
        headers = {"content-type": page.kind}
        # As a stream: whoever reads it raw must be able to.
        stream = httpx.ByteStream(page.body.encode())
        return httpx.Response(page.status, headers=headers, stream=stream, request=request)

    def client(self) -> httpx.AsyncClient:
        """Return a client that sees nothing but this web."""
        return httpx.AsyncClient(transport=self, trust_env=False)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the one address of every host that the world knows."""
        known = {httpx.URL(url).host for url in self._pages}
        if host not in known:
            raise OSError(f"{host} is not in this world")
        return [_ADDRESS]
