"""Talks to a running installation over its HTTP API, with the local accounts' keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from bootstrap.accounts import LocalAccounts, read_accounts
from bootstrap.address import read_address
from bootstrap.cli.here import not_running
from bootstrap.embedded import default_home
from domain.errors import ParleyError

FINISHED = ("succeeded", "refused", "rejected", "failed")
WAITING = ("needs_input", "awaiting_approval")
#: A million rows take minutes.
_LONG_S = 1_200.0


class Refused(ParleyError):
    """The API said no; carries its status, code and sentence."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(
            str(body.get("code", "http_error")), str(body.get("detail", f"HTTP {status}."))
        )
        self.status = status  # type: ignore[misc]
        self.title = str(body.get("title", self.title))  # type: ignore[misc]


class Client:
    """The API as this installation's advertiser and publisher.

    Args:
        url: Base address.
        accounts: Who to act as.
    """

    def __init__(self, url: str, accounts: LocalAccounts) -> None:
        self.url = url
        self.accounts = accounts
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(40.0, connect=3.0))

    def get(self, path: str, **params: Any) -> Any:
        """GET as the advertiser."""
        return self._call("GET", path, self.accounts.advertiser_key, params=params)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """POST JSON as the advertiser."""
        return self._call("POST", path, self.accounts.advertiser_key, json=body, params=params)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE as the advertiser."""
        return self._call("DELETE", path, self.accounts.advertiser_key, params=params)

    def upload(self, kind: str, name: str, content: bytes) -> Any:
        """Upload a landing page or feed."""
        return self._call(
            "POST",
            "/api/v1/sources",
            self.accounts.advertiser_key,
            content=content,
            params={"kind": kind, "name": name},
        )

    def patch(self, path: str, body: Any) -> Any:
        """PATCH JSON as the advertiser."""
        return self._call("PATCH", path, self.accounts.advertiser_key, json=body)

    def give(self, name: str, content: bytes, namespace: str, trust: str = "untrusted") -> Any:
        """Upload a file into the knowledge store, into the set of uploads with that trust."""
        return self._call(
            "POST",
            "/api/v1/knowledge/sources/upload",
            self.accounts.advertiser_key,
            content=content,
            params={
                "name": name,
                "namespace": namespace,
                "trust": trust,
                "source": "uploads" if trust == "untrusted" else f"uploads-{trust}",
            },
        )

    def bring(self, path: str, file: Path, **params: Any) -> Any:
        """Upload a file as it is read; large ones are worked on while the call waits."""
        with file.open("rb") as content:
            return self._call(
                "POST",
                path,
                self.accounts.advertiser_key,
                content=content,
                params=params,
                headers={"Content-Length": str(file.stat().st_size)},
                timeout=httpx.Timeout(_LONG_S, connect=3.0),
            )

    def ask(self, body: dict[str, Any]) -> Any:
        """Ask for an ad as the publisher's app."""
        body = {"appId": self.accounts.app_id, "sdkVersion": "cli", **body}
        return self._call("POST", "/api/requests", self.accounts.publisher_key, json=body)

    def report(self, body: dict[str, Any]) -> Any:
        """Send an event as the publisher's app."""
        body = {"appId": self.accounts.app_id, **body}
        return self._call("POST", "/api/events", self.accounts.publisher_key, json=body)

    def apps(self) -> Any:
        """Return the publisher's apps."""
        return self._call("GET", "/api/v1/apps", self.accounts.publisher_key)

    def new_app(self, name: str, currency: str) -> Any:
        """Make another app of the publisher."""
        body = {"name": name, "currency": currency, "web": True}
        return self._call("POST", "/api/v1/apps", self.accounts.publisher_key, json=body)

    def earned(self) -> Any:
        """Return the publisher's dashboard."""
        return self._call("GET", "/api/v1/analytics/dashboard", self.accounts.publisher_key)

    def follow(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield a run's progress events until it finishes or waits for a person."""
        after = "0"
        while True:
            page = self.get(f"/api/v1/runs/{run_id}/events", after=after, wait=2)
            for event in page["events"]:
                after = event["id"]
                yield event
            run = self.get(f"/api/v1/runs/{run_id}")
            if run["status"] in (*FINISHED, *WAITING):
                rest = self.get(f"/api/v1/runs/{run_id}/events", after=after)
                yield from rest["events"]
                return

    def _call(self, method: str, path: str, key: str, **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", **kwargs.pop("headers", {})}
        try:
            answer = self._http.request(method, path, headers=headers, **kwargs)
            body = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            # No answer, or one of somebody else's server.
            raise not_running() from error
        if answer.is_error:
            raise Refused(answer.status_code, body)
        return body


def connect() -> Client:
    """Return a client of the installation that runs in this home.

    Raises:
        Unavailable: if none runs.
    """
    home = default_home(os.environ)
    address, accounts = read_address(home), read_accounts(home)
    if address is None or accounts is None:
        raise not_running()
    return Client(address.url, accounts)
