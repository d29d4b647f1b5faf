"""Loopback servers that speak the wires of Pinecone's data plane and of Cohere, as strictly as they do."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

KEY = "wire-test-key"


class Refused(Exception):
    """What is answered with a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PineconeWire:
    """One index: namespaces of vectors. Strict about fields, widths, metadata types and operators."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.namespaces: dict[str, dict[str, dict[str, Any]]] = {}
        self.failing = False

    def answer(self, path: str, headers: Any, body: dict[str, Any]) -> dict[str, Any]:
        if headers.get("Api-Key") != KEY or not headers.get("X-Pinecone-Api-Version"):
            raise Refused(401, "Unauthorized")
        if self.failing:
            raise Refused(500, "internal")
        routes = {
            "/vectors/upsert": (self._upsert, {"vectors", "namespace"}),
            "/vectors/update": (self._update, {"id", "setMetadata", "namespace"}),
            "/vectors/delete": (self._delete, {"deleteAll", "ids", "namespace"}),
            "/query": (
                self._query,
                {"topK", "vector", "namespace", "filter", "includeValues", "includeMetadata"},
            ),
        }
        if path not in routes:
            raise Refused(404, f"no such path {path}")
        handle, known = routes[path]
        if unknown := body.keys() - known:
            raise Refused(400, f"unknown fields {sorted(unknown)}")
        return handle(body)

    def _upsert(self, body: dict[str, Any]) -> dict[str, Any]:
        vectors = body["vectors"]
        if not 1 <= len(vectors) <= 1000:
            raise Refused(400, "1 to 1000 vectors per request")
        space = self.namespaces.setdefault(body["namespace"], {})
        for vector in vectors:
            if len(vector["values"]) != self.dimensions:
                raise Refused(400, f"vector dimension does not match {self.dimensions}")
            for value in vector["metadata"].values():
                if not isinstance(value, str | int | float | bool):
                    raise Refused(400, "metadata values must be strings, numbers or booleans")
            space[vector["id"]] = vector
        return {"upsertedCount": len(vectors)}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.namespaces.get(body["namespace"], {}).get(body["id"])
        if found is not None:
            found["metadata"] = {**found["metadata"], **body["setMetadata"]}
        return {}

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["namespace"] not in self.namespaces:
            raise Refused(404, "Namespace not found")
        if not body.get("deleteAll"):
            raise Refused(400, "say what to delete")
        del self.namespaces[body["namespace"]]
        return {}

    def _query(self, body: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= body["topK"] <= 10_000 or len(body["vector"]) != self.dimensions:
            raise Refused(400, "topK or vector out of bounds")
        matches = [
            {"id": v["id"], "score": _cosine(body["vector"], v["values"])}
            for v in self.namespaces.get(body["namespace"], {}).values()
            if _passes(body.get("filter") or {}, v["metadata"])
        ]
        matches.sort(key=lambda m: -m["score"])
        return {
            "matches": matches[: body["topK"]],
            "namespace": body["namespace"],
            "usage": {"readUnits": 1},
        }


class CohereWire:
    """Rerank scores by shared words; embeddings by length of text. Strict about fields."""

    def __init__(self) -> None:
        self.failing = False
        self.purposes: list[str] = []

    def answer(self, path: str, headers: Any, body: dict[str, Any]) -> dict[str, Any]:
        if headers.get("Authorization") != f"Bearer {KEY}":
            raise Refused(401, "invalid api token")
        if self.failing:
            raise Refused(503, "overloaded")
        if path == "/v2/rerank":
            if body.keys() != {"model", "query", "documents", "top_n"}:
                raise Refused(400, f"unknown fields {sorted(body)}")
            asked = set(body["query"].lower().split())
            scores = [len(asked & set(d.lower().split())) / len(asked) for d in body["documents"]]
            order = sorted(range(len(scores)), key=lambda i: -scores[i])[: body["top_n"]]
            results = [{"index": i, "relevance_score": scores[i]} for i in order]
            return {"id": "r", "results": results, "meta": {}}
        if path == "/v2/embed":
            if len(body["texts"]) > 96 or body["output_dimension"] not in (256, 512, 1024, 1536):
                raise Refused(400, "too many texts or a width that the model has not")
            self.purposes.append(body["input_type"])
            width = body["output_dimension"]
            rows = [[3.0] + [float(len(text))] + [0.0] * (width - 2) for text in body["texts"]]
            return {"id": "e", "embeddings": {"float": rows}, "texts": body["texts"]}
        raise Refused(404, f"no such path {path}")


@contextmanager
def serve(wire: PineconeWire | CohereWire) -> Iterator[str]:
    """Serve a wire on a free loopback port; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            try:
                status, answer = (
                    200,
                    wire.answer(self.path, self.headers, json.loads(self.rfile.read(size))),
                )
            except Refused as refused:
                status, answer = refused.status, {"code": refused.status, "message": str(refused)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _passes(condition: dict[str, Any], metadata: dict[str, Any]) -> bool:
    for name, wanted in condition.items():
        if name == "$and":
            if not all(_passes(part, metadata) for part in wanted):
                return False
            continue
        if name.startswith("$") or not isinstance(wanted, dict):
            raise Refused(400, f"unknown operator {name}")
        for operator, value in wanted.items():
            if not _compare(operator, metadata.get(name), value):
                return False
    return True


def _compare(operator: str, have: Any, value: Any) -> bool:
    if operator == "$in":
        return have in value
    if operator == "$eq":
        return have == value
    if operator not in ("$gt", "$gte", "$lt", "$lte") or not isinstance(value, int | float):
        raise Refused(400, f"unknown operator {operator} or not a number")
    if have is None:
        return False
    return bool(
        {"$gt": have > value, "$gte": have >= value, "$lt": have < value, "$lte": have <= value}[
            operator
        ]
    )


def _cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other) or 1.0)
