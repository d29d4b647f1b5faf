"""LangSmith gets every stage with its timing when it is on, no text unless allowed, and nothing when it is off."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rag.analyse import default_analyser
from rag.answer import Answerer
from rag.holdings import MemoryLibrary
from rag.retrieve import Retriever
from rag.traces import close_tracing, stage_tracers
from rag.types import Retrieved
from tests.support.knowledge import draft

pytestmark = pytest.mark.asyncio

STAGES = {"rag.answer", "retrieve", "compress", "answer", "verify"}
SECRET = "zanzibar"
BATCHES = {
    "use_multipart_endpoint": False,
    "size_limit": 100,
    "size_limit_bytes": 20_000_000,
    "scale_up_nthreads_limit": 1,
    "scale_up_qsize_trigger": 1000,
    "scale_down_nempty_trigger": 4,
}


class Smith:
    """A LangSmith of our own that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"batch_ingest_config": BATCHES})

            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self._answer({})

            do_PATCH = do_POST

            def log_message(self, *args: object) -> None:
                pass

            def _answer(self, value: object) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler


@pytest.fixture
def smith(monkeypatch: pytest.MonkeyPatch) -> Iterator[Smith]:
    """A server on the loopback that the settings name."""
    kept = Smith()
    server = ThreadingHTTPServer(("127.0.0.1", 0), kept.handler())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_pt_test")
    monkeypatch.delenv("PARLEY_TRACE_TEXT", raising=False)
    try:
        yield kept
    finally:
        close_tracing()
        server.shutdown()
        thread.join()
        server.server_close()


async def ask() -> None:
    library = MemoryLibrary(
        [draft("s", "a", f"The {SECRET} kettle boils in three minutes.")], default_analyser(), None
    )
    retriever = Retriever(default_analyser(), None)

    async def search(text: str) -> Retrieved:
        return await retriever.search(library, text)

    said = await Answerer(search, default_analyser()).ask(
        f"How fast does the {SECRET} kettle boil?"
    )
    assert said.statements
    await asyncio.to_thread(close_tracing)


async def test_every_stage_arrives_without_its_text(
    smith: Smith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_TRACE", "true")
    await ask()
    sent = b"".join(smith.bodies)
    rows = [row for body in smith.bodies for row in _runs(body)]
    assert {row["name"] for row in rows if "name" in row} >= STAGES
    assert any(row.get("end_time") for row in rows)
    assert SECRET.encode() not in sent
    told = [row.get("outputs") for row in rows if row.get("outputs")]
    assert any("lexical" in json.dumps(outputs) for outputs in told), (
        "no stage of retrieval is timed"
    )


async def test_text_is_sent_where_it_is_allowed(
    smith: Smith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("PARLEY_TRACE_TEXT", "true")
    await ask()
    assert SECRET.encode() in b"".join(smith.bodies)


async def test_nothing_is_sent_when_it_is_off(
    smith: Smith, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "false", "0"):
        monkeypatch.setenv("LANGSMITH_TRACING", value)
        assert stage_tracers() == []
        await ask()
    assert smith.bodies == []


def _runs(body: bytes) -> list[dict[str, object]]:
    value = json.loads(body)
    rows = [*value.get("post", []), *value.get("patch", [])]
    return rows or [value]
