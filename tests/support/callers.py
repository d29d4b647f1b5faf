"""Callers of a running installation: patient ones, as an SDK is, and probers that watch how it fails."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

_PATIENCE = httpx.Timeout(15.0, connect=2.0)


class Refusal(Exception):
    """The API answered with a problem that trying again does not cure."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('detail')}")
        self.status, self.code = status, str(body.get("code"))


def is_ready(url: str) -> bool:
    """Ask `/readyz`."""
    try:
        return httpx.get(f"{url}/readyz", timeout=3.0).status_code == 200
    except httpx.TransportError:
        return False


def fault_in(answer: httpx.Response) -> str | None:
    """Return what is wrong with how a request failed, None if it did not or failed as it should."""
    if not answer.is_error:
        return None
    what = f"{answer.request.method} {answer.request.url.path} → {answer.status_code}"
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return f"{what} is no problem+json: {answer.text[:200]}"
    body = answer.json()
    if not (body.get("code") and body.get("detail") and body.get("status") == answer.status_code):
        return f"{what} lacks code, detail or status: {answer.text[:200]}"
    return f"{what}: {answer.text[:300]}" if answer.status_code == 500 else None


class Caller:
    """Sends requests until they are answered, always the same request.

    Args:
        url: Base address.
        key: API key.

    Attributes:
        faults: Answers that are neither a success nor a typed problem.
    """

    def __init__(self, url: str, key: str) -> None:
        self.faults: list[str] = []
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=_PATIENCE
        )

    def __enter__(self) -> Caller:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """GET until it is answered."""
        return self.send("GET", path, params=params)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST JSON until it is answered."""
        return self.send("POST", path, json=body, headers=headers)

    def send(self, method: str, path: str, *, seconds: float = 60.0, **kwargs: Any) -> Any:
        """Send until there is an answer other than 503.

        Raises:
            Refusal: if the answer is a 4xx.
        """
        deadline = time.monotonic() + seconds
        while True:
            said = "no answer"
            try:
                answer = self._http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if not answer.is_error:
                    return answer.json()
                if fault := fault_in(answer):
                    self.faults.append(fault)
                elif answer.status_code != 503:
                    raise Refusal(answer.status_code, answer.json())
                said = answer.text
            assert time.monotonic() < deadline, f"{method} {path} is not answered: {said}"
            time.sleep(0.05)


class Prober:
    """Asks for ads and lists runs while a part is down, and notes how that fails.

    Args:
        url: Base address.
        key: A publisher's key; app: its app. reader: an advertiser's key.

    Attributes:
        faults: Answers that should not be.
        reasons: Why ad requests got no ad, and how requests failed, counted.
    """

    def __init__(self, url: str, key: str, app: str, reader: str) -> None:
        self.faults: list[str] = []
        self.reasons: Counter[str] = Counter()
        self._url, self._key, self._app, self._reader = url, key, app, reader
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(what,)) for what in (self._ask, self._list)
        ]

    def __enter__(self) -> Prober:
        """Start asking."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop asking."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, what: Any) -> None:
        with httpx.Client(base_url=self._url, timeout=_PATIENCE) as http:
            while not self._over.wait(0.03):
                try:
                    what(http)
                except httpx.TransportError as error:
                    self.reasons[type(error).__name__] += 1

    def _ask(self, http: httpx.Client) -> None:
        # Small talk: it needs the state as any request does, and holds no budget.
        body = {
            "appId": self._app,
            "conversationId": uuid4().hex,
            "messageId": "1",
            "contextText": "Hi there! How are you today?",
        }
        answer = http.post("/api/requests", json=body, headers=_bearer(self._key))
        if answer.status_code not in (200, 503):
            self.faults.append(f"ad request answered {answer.status_code}: {answer.text[:200]}")
        self._note("ad", answer, str(answer.json().get("reason")))

    def _list(self, http: httpx.Client) -> None:
        answer = http.get("/api/v1/runs", params={"limit": 1}, headers=_bearer(self._reader))
        if answer.status_code not in (200, 503):
            self.faults.append(f"runs answered {answer.status_code}: {answer.text[:200]}")
        self._note("runs", answer, "ok")

    def _note(self, what: str, answer: httpx.Response, otherwise: str) -> None:
        if fault := fault_in(answer):
            self.faults.append(fault)
        said = answer.json().get("code") if answer.is_error else otherwise
        self.reasons[f"{what}: {said}"] += 1


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
