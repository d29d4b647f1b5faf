"""Example answers of the routes for sources of knowledge; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_AT = "2026-11-21T09:30:00Z"
_FILE: dict[str, Any] = {
    "name": "warranty.pdf",
    "status": "done",
    "error": None,
    "size_bytes": 48_213,
    "position": 1,
    "documents": 1,
    "chunks_added": 12,
    "chunks_kept": 0,
    "chunks_retired": 0,
    "signals": {"pages": 6},
}

INGEST_EXAMPLES: dict[str, Any] = {
    "KnowledgeSourceOut": {
        "id": f"kso_{_ID}",
        "kind": "url",
        "name": "https://shop.example/warranty",
        "uri": "https://shop.example/warranty",
        "trust": "untrusted",
        "status": "active",
        "created_at": _AT,
    },
    "IngestJobOut": {
        "id": f"igj_{_ID}",
        "source_id": f"kso_{_ID}",
        "namespace": "default",
        "status": "succeeded",
        "error": None,
        "created_at": _AT,
        "updated_at": _AT,
        "counts": {"done": 1},
        "files": [_FILE],
    },
    "RemovedOut": {"documents": 12},
}
