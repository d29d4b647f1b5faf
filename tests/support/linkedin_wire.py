"""LinkedIn's Lead Sync on a loopback port: written for this project after the documented wire form, and strict."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

TOKEN = "linkedin-test-token"
_QUERY = re.compile(
    r"q=owner&owner=\((sponsoredAccount|organization):(urn%3Ali%3A\1%3A\d+)\)"
    r"&leadType=\(leadType:(SPONSORED|COMPANY)\)&limitedToTestLeads=false"
    r"&submittedAtTimeRange=\(start:(\d+),end:(\d+)\)&fields=([\w,:()]+)&start=(\d+)&count=(\d+)"
)
_QUESTIONS = ("FIRST_NAME", "LAST_NAME", "WORK_EMAIL", "JOB_TITLE", "COMPANY_NAME", "PHONE_NUMBER")


def lead(
    lead_id: str, at_ms: int, *, consent: bool | None = True, test: bool = False, **answers: str
) -> dict[str, Any]:
    """Return an element of `leadFormResponses`; `consent` None is a form without a box."""
    legal = (
        {}
        if consent is None
        else {
            "consents": [
                {
                    "id": 9,
                    "checkRequired": False,
                    "consent": {"localized": {"en_US": "Yes, Kaze may write to me."}},
                }
            ]
        }
    )
    return {
        "id": lead_id,
        "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:507"},
        "leadType": "SPONSORED",
        "testLead": test,
        "submittedAt": at_ms,
        "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:31,1)",
        "form": {
            "id": 31,
            "name": "Autumn demo",
            "creationLocale": {"language": "ja", "country": "JP"},
            "hiddenFields": [],
            "content": {
                "questions": [
                    {"questionId": n, "predefinedField": name, "question": {"localized": {"en_US": name}}}
                    for n, name in enumerate(_QUESTIONS, 1)
                ],
                "legalInfo": {"privacyPolicyUrl": "https://kaze.example/privacy", **legal},
            },
        },
        "formResponse": {
            "answers": [
                {"questionId": n, "answerDetails": {"textQuestionAnswer": {"answer": answers[name]}}}
                for n, name in enumerate(_QUESTIONS, 1)
                if name in answers
            ],
            "consentResponses": [] if consent is None else [{"consentId": 9, "accepted": consent}],
        },
    }  # fmt: skip


class LinkedIn:
    """The server: what it holds, what it was asked, and how it fails.

    Attributes:
        leads: Elements, any order.
        faults: Answers given before any other: (status, headers); status 0 hangs up.
        asked: Raw request targets.
        version: The only version it speaks.
    """

    def __init__(self, leads: Sequence[dict[str, Any]] = ()) -> None:
        self.leads = list(leads)
        self.faults: list[tuple[int, str]] = []
        self.asked: list[str] = []
        self.version = "202606"
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split(" ")[1]
        self.asked.append(target)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (row.partition(":") for row in head.split("\r\n")[1:])
        }
        status, extra, body = self._answer(target, headers)
        if status:
            data = json.dumps(body).encode()
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{extra}"
                f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode()
                + data
            )
            await writer.drain()
        writer.close()

    def _answer(self, target: str, headers: dict[str, str]) -> tuple[int, str, Any]:
        if self.faults:
            status, extra = self.faults.pop(0)
            return status, extra, {"status": status, "message": "fault"}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, "", {"status": 401, "code": "INVALID_ACCESS_TOKEN"}
        if headers.get("linkedin-version") != self.version:
            return 426, "", {"status": 426, "code": "NONEXISTENT_VERSION"}
        if headers.get("x-restli-protocol-version") != "2.0.0":
            return 400, "", {"status": 400, "message": "protocol version"}
        path, _, query = target.partition("?")
        found = _QUERY.fullmatch(query)
        if path != "/rest/leadFormResponses" or found is None:
            return 400, "", {"status": 400, "message": "illegal argument"}
        since, until, start, count = (int(found[n]) for n in (4, 5, 7, 8))
        if not found[2].endswith("507"):
            return 403, "", {"status": 403, "code": "ACCESS_DENIED"}
        held = sorted(
            (one for one in self.leads if since <= one.get("submittedAt", 0) < until),
            key=lambda one: one["submittedAt"],
        )
        paging = {"start": start, "count": count, "links": [], "total": len(held)}
        return 200, "", {"paging": paging, "elements": held[start : start + count]}


@asynccontextmanager
async def linkedin(leads: Sequence[dict[str, Any]] = ()) -> AsyncIterator[LinkedIn]:
    """Serve on a free loopback port."""
    one = LinkedIn(leads)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield one
