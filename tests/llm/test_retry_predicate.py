"""What is retried and what is not."""

from __future__ import annotations

import httpx
import httpx2
import openai
import pytest

from domain.errors import BadInput, Conflict, RateLimited, Unavailable
from llm.retry import retry_after, should_retry


def _status(code: int) -> openai.APIStatusError:
    response = httpx2.Response(code, request=httpx2.Request("POST", "https://llm.test/"))
    return openai.APIStatusError("no", response=response, body=None)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 413, 422, 501])
def test_what_the_request_did_wrong_is_not_retried(code: int) -> None:
    assert not should_retry(_status(code))


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_retried(code: int) -> None:
    assert should_retry(_status(code))


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        httpx.ReadTimeout("slow"),
        httpx2.ConnectTimeout("slow"),
        httpx2.ConnectError("down"),
        openai.APITimeoutError(request=httpx2.Request("POST", "https://llm.test/")),
        Unavailable("down", "It is down."),
        RateLimited("slow_down", "Too many."),
    ],
)
def test_timeouts_and_lost_connections_are_retried(error: Exception) -> None:
    assert should_retry(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bug"),
        KeyError("bug"),
        FileNotFoundError("bug"),
        BadInput("bad", "Bad."),
        Conflict("twice", "Done already."),
        httpx.UnsupportedProtocol("gopher"),
    ],
)
def test_defects_and_refusals_are_not_retried(error: Exception) -> None:
    assert not should_retry(error)


def test_an_http_status_error_of_httpx_is_judged_by_its_status() -> None:
    request = httpx.Request("GET", "https://llm.test/")
    for code, again in ((404, False), (503, True)):
        response = httpx.Response(code, request=request)
        error = httpx.HTTPStatusError("no", request=request, response=response)
        assert should_retry(error) is again


def test_retry_after_is_read_from_the_answer() -> None:
    response = httpx2.Response(
        429, request=httpx2.Request("POST", "https://llm.test/"), headers={"retry-after": "7"}
    )
    assert retry_after(openai.APIStatusError("no", response=response, body=None)) == 7.0
    assert retry_after(ValueError()) is None
