"""Every failure leaves as RFC 9457 problem+json: status, stable code, one sentence."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.exchange import KEY, Exchange
from domain.errors import ParleyError

_CODES = {
    404: ("route_not_found", "There is nothing at this address; see /docs for what there is."),
    405: ("method_not_allowed", "This address does not take that method; see the Allow header."),
}
#: What pydantic says, in words for a person; the rest is passed on as pydantic's own message.
_SAYINGS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this request",
    "int_parsing": "must be a whole number",
    "string_type": "must be text",
    "bool_parsing": "must be true or false",
}


class Problem(JSONResponse):
    """A problem+json answer."""

    media_type = "application/problem+json"


def problem_body(status: int, code: str, title: str, detail: str, **extra: Any) -> dict[str, Any]:
    """Return the body of a problem that has no typed error."""
    return {
        "type": f"urn:parley:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }


def unexpected(request_id: str) -> dict[str, Any]:
    """Return what a caller learns of a defect: that it was one, and how to name it."""
    return problem_body(
        500,
        "internal_error",
        "Something went wrong",
        f"This is a defect on our side; report it with the request id {request_id}.",
        request_id=request_id,
    )


def headers_of(error: ParleyError) -> dict[str, str]:
    """Return the headers that belong to a typed error."""
    if error.status == 401:
        return {"WWW-Authenticate": 'Bearer realm="parley"'}
    if error.status == 429 and "retry_after" in error.extra:
        return {"Retry-After": str(error.extra["retry_after"])}
    return {"Retry-After": "2"} if error.status == 503 else {}


def sentence(error: dict[str, Any]) -> str:
    """Return one sentence that names the field of a validation error and what is wrong with it."""
    path = [str(part) for part in error["loc"]]
    field = ".".join(path[1:] if len(path) > 1 else path)
    kind, context = error["type"], error.get("ctx", {})
    if kind in _SAYINGS:
        return f"{field} {_SAYINGS[kind]}."
    if kind in ("literal_error", "enum"):
        return f"{field} must be one of {context['expected']}."
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{field}: {message[:1].lower()}{message[1:]}."


def install(app: FastAPI) -> None:
    """Make the application answer every failure as a problem."""
    app.add_exception_handler(ParleyError, _typed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


async def _typed(_: Request, error: Exception) -> Problem:
    assert isinstance(error, ParleyError)
    return Problem(error.problem(), error.status, headers_of(error))


async def _invalid(_: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    problems = [
        {"field": ".".join(str(part) for part in e["loc"]), "detail": sentence(e)}
        for e in error.errors()
    ]
    body = problem_body(
        422, "invalid_request", "Cannot be done", problems[0]["detail"], problems=problems
    )
    return Problem(body, 422)


async def _http(_: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    code, detail = _CODES.get(error.status_code, ("bad_request", str(error.detail)))
    title = "Not found" if error.status_code == 404 else "Bad request"
    body = problem_body(error.status_code, code, title, detail)
    return Problem(body, error.status_code, dict(error.headers or {}))


async def _defect(request: Request, _: Exception) -> Problem:
    exchange: Exchange = request.scope[KEY]
    return Problem(unexpected(exchange.request_id), 500)
