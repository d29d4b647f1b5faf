"""LinkedIn Lead Sync: answers that people gave in an advertiser's own lead forms, over the versioned REST API.

A client of its own on httpx: python-linkedin-v2 (0.9.4) knows sign-in, profile and connections only, speaks the
unversioned `/v2` that has been switched off, and puts the token into the address, where it ends up in logs.
Nothing else is read of LinkedIn: no profiles, no search for people.

Source: learn.microsoft.com/linkedin/marketing/lead-sync and /versioning, checked 2026-11-21.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from domain.errors import (
    BadInput,
    Forbidden,
    ParleyError,
    RateLimited,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

BASE_URL = "https://api.linkedin.com"
#: Every version lives for at least a year.
VERSION = "202606"
SOURCE = "linkedin lead form"
#: How far back LinkedIn keeps answers.
KEPT_DAYS = 365
PAGE = 100

_FIELDS = (
    "id,owner,leadType,testLead,submittedAt,versionedLeadGenFormUrn,formResponse,"
    "form:(id,name,creationLocale,hiddenFields,content)"
)
_OWNER = re.compile(r"urn:li:(sponsoredAccount|organization):(\d{1,20})")
_TRIES = 3
_LONGEST_WAIT_S = 30.0

Sleep = Callable[[float], Awaitable[None]]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One submitted form.

    Attributes:
        id: LinkedIn's id of the answer.
        fields: What was answered, by LinkedIn's name of the predefined question (`WORK_EMAIL`).
        submitted_ms: When, milliseconds since 1970.
        consents: The words of every consent box that was ticked.
        form: Name of the form.
        locale: Language and country of the form, `ja_JP`.
        test: Whether it is a test of LinkedIn's.
    """

    id: str
    fields: dict[str, str]
    submitted_ms: int
    consents: tuple[str, ...] = ()
    form: str = ""
    locale: str = ""
    test: bool = False


class Page(msgspec.Struct, frozen=True):
    """Some answers, and where the next ones begin (None at the end)."""

    answers: tuple[Answered, ...]
    next_start: int | None


class LinkedInLeads:
    """Reads lead forms.

    Args:
        client: Makes requests; the caller closes it.
        token: OAuth 2 access token with `r_marketing_leadgen_automation`.
        base_url: Where LinkedIn is.
        version: Of the API, `YYYYMM`.
        sleep: Waits between tries.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        token: str,
        *,
        base_url: str = BASE_URL,
        version: str = VERSION,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client, self._base, self._sleep = client, base_url.rstrip("/"), sleep
        self._headers = {
            "Authorization": f"Bearer {token}",
            "LinkedIn-Version": version,
            "X-Restli-Protocol-Version": "2.0.0",
            "Accept": "application/json",
        }

    async def page(self, owner: str, since_ms: int, until_ms: int, start: int = 0) -> Page:
        """Return answers that were submitted within a time, oldest page first.

        Args:
            owner: `urn:li:sponsoredAccount:…` or `urn:li:organization:…`.
            since_ms: First millisecond.
            until_ms: The one after the last.
            start: Where the page begins.

        Raises:
            BadInput: `linkedin_owner`.
            Unauthenticated: `linkedin_token`. Forbidden: `linkedin_scope`.
            Unprocessable: `linkedin_version` if the API version has ended, `linkedin_refused`.
            RateLimited: `linkedin_busy`. Unavailable: `linkedin_unavailable`.
        """
        kind = owner_kind(owner)
        lead_type = "SPONSORED" if kind == "sponsoredAccount" else "COMPANY"
        # Rest.li's own notation: brackets and colons stand as they are, those inside a URN are escaped.
        query = (
            f"q=owner&owner=({kind}:{quote(owner, safe='')})&leadType=(leadType:{lead_type})"
            f"&limitedToTestLeads=false&submittedAtTimeRange=(start:{since_ms},end:{until_ms})"
            f"&fields={_FIELDS}&start={start}&count={PAGE}"
        )
        body = await self._get(f"{self._base}/rest/leadFormResponses?{query}")
        return _page(body, start)

    async def _get(self, url: str) -> dict[str, Any]:
        problem: ParleyError = _away()
        for attempt in range(_TRIES):
            try:
                answer = await self._client.get(url, headers=self._headers)
            except httpx.HTTPError:
                problem, wait = _away(), float(2**attempt)
            else:
                if answer.status_code == 200:
                    return _decoded(answer.content)
                problem, wait = _refusal(answer), _wait(answer, attempt)
                if not isinstance(problem, (RateLimited, Unavailable)) or wait > _LONGEST_WAIT_S:
                    raise problem
            if attempt + 1 < _TRIES:
                await self._sleep(wait)
        raise problem


def owner_kind(owner: str) -> str:
    """Return `sponsoredAccount` or `organization`; raise `BadInput` (`linkedin_owner`) for anything else."""
    found = _OWNER.fullmatch(owner)
    if found is None:
        raise BadInput(
            "linkedin_owner",
            "Give the owner of the forms as urn:li:sponsoredAccount:… or urn:li:organization:….",
        )
    return found[1]


def _page(body: dict[str, Any], start: int) -> Page:
    elements = body.get("elements")
    if not isinstance(elements, list):
        raise _odd()
    paging = body.get("paging") or {}
    total = paging.get("total")
    last = start + len(elements)
    # Some finders give no total: a full page may have a successor.
    more = last < total if isinstance(total, int) else len(elements) >= PAGE
    answers = tuple(one for element in elements if (one := _answered(element)) is not None)
    return Page(answers, last if more and elements else None)


def _answered(element: Any) -> Answered | None:
    """Return an element as an answer; None where it is not of the shape LinkedIn documents."""
    try:
        content = (element.get("form") or {}).get("content") or {}
        asked = {q["questionId"]: q for q in content.get("questions") or ()}
        response = element["formResponse"]
        fields: dict[str, str] = {}
        for given in response.get("answers") or ():
            question = asked.get(given["questionId"], {})
            name = str(question.get("predefinedField") or question.get("name") or "")
            said = (given.get("answerDetails") or {}).get("textQuestionAnswer", {}).get("answer")
            if name and isinstance(said, str):
                fields.setdefault(name, said)
        boxes = {box["id"]: box for box in (content.get("legalInfo") or {}).get("consents") or ()}
        ticked = [
            boxes[one["consentId"]]
            for one in response.get("consentResponses") or ()
            if one.get("accepted") is True and one.get("consentId") in boxes
        ]
        locale = (element.get("form") or {}).get("creationLocale") or {}
        return Answered(
            id=str(element["id"]),
            fields=fields,
            submitted_ms=int(element["submittedAt"]),
            consents=tuple(text for box in ticked if (text := _words(box.get("consent")))),
            form=str((element.get("form") or {}).get("name") or ""),
            locale=f"{locale.get('language', '')}_{locale.get('country', '')}".strip("_"),
            test=bool(element.get("testLead")),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _words(text: Any) -> str:
    localized = text.get("localized") if isinstance(text, dict) else None
    if isinstance(localized, dict):
        return next((str(words) for words in localized.values() if words), "")
    return text if isinstance(text, str) else ""


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _odd() from error
    if not isinstance(body, dict):
        raise _odd()
    return body


def _refusal(answer: httpx.Response) -> ParleyError:
    status = answer.status_code
    if status == 401:
        return Unauthenticated("linkedin_token", "LinkedIn does not know the token; sign in again.")
    if status == 403:
        return Forbidden(
            "linkedin_scope",
            "The token may not read this owner's forms; it needs r_marketing_leadgen_automation and a role there.",
        )
    if status == 426:
        return Unprocessable(
            "linkedin_version", "LinkedIn has ended this version of its API; update Parley."
        )
    if status == 429:
        return RateLimited(
            "linkedin_busy", "LinkedIn's limit of calls is used up; try again later.",
            retry_after=int(_wait(answer, 0)),
        )  # fmt: skip
    if status >= 500:
        return _away()
    return Unprocessable("linkedin_refused", f"LinkedIn refused the question (status {status}).")


def _wait(answer: httpx.Response, attempt: int) -> float:
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isdigit() else float(2**attempt)


def _away() -> Unavailable:
    return Unavailable("linkedin_unavailable", "LinkedIn does not answer; try again later.")


def _odd() -> Unavailable:
    return Unavailable(
        "linkedin_unavailable", "LinkedIn answered something else than a list of leads."
    )
