"""Pages for people: the demo chat and the API's documentation. Self-contained, no CDN, no build."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.docs_page import render
from domain.errors import NotFound

router = APIRouter(include_in_schema=False)

_DEMO = Path(__file__).resolve().parents[2] / "web" / "demo"
_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "demo.js": "text/javascript; charset=utf-8",
    "cards.js": "text/javascript; charset=utf-8",
    "demo.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
#: Scripts and styles come from this origin only; nothing may be framed or injected.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' https: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_DOCS_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/")
async def root() -> RedirectResponse:
    """Lead a visitor to the demo."""
    return RedirectResponse("/demo", 307)


@router.get("/demo")
async def demo() -> Response:
    """Return the demo chat; `?app=app_…` names the web app it speaks for."""
    return _file("index.html")


@router.get("/demo/{name}")
async def asset(name: str) -> Response:
    """Return a file of the demo."""
    return _file(name)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Return the documentation, made from the OpenAPI document."""
    page = render(request.app.openapi())
    return HTMLResponse(page, headers={"content-security-policy": _DOCS_POLICY})


def _file(name: str) -> Response:
    if name not in _TYPES:
        raise NotFound("route_not_found", "The demo has no such file.")
    headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
    return Response((_DEMO / name).read_bytes(), media_type=_TYPES[name], headers=headers)
