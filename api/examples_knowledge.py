"""Example answers of the knowledge routes; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_QUOTE = "Every kettle has a warranty of two years."
_CITATION: dict[str, Any] = {
    "title": "Warranty",
    "quote": _QUOTE,
    "source_id": f"kso_{_ID}",
    "document_id": f"doc_{_ID}",
    "chunk_id": f"chk_{_ID}",
    "start": 120,
    "end": 161,
    "url": "https://shop.example/warranty",
}
_TIMES = {"lexical": 1.9, "dense": 8.4, "all": 14.2}

KNOWLEDGE_EXAMPLES: dict[str, Any] = {
    "SearchOut": {
        "query": "How long is the warranty of the kettle?",
        "rewritten": "How long is the warranty of the kettle?",
        "notes": ["also guarantee"],
        "passages": [
            {
                "text": f"{_QUOTE} Keep the receipt.",
                "score": 0.93,
                "language": "eng",
                "trust": "owned",
                "ranks": {"lexical": 1, "dense": 2},
                "citation": _CITATION,
                "copies": [
                    {
                        "title": "Terms of sale",
                        "source_id": f"kso_{_ID}",
                        "document_id": f"doc_{_ID}",
                        "chunk_id": f"chk_{_ID}",
                        "trust": "owned",
                        "url": "https://shop.example/terms",
                    }
                ],
            }
        ],
        "version": 7,
        "legs": ["lexical", "dense", "expanded"],
        "timings_ms": _TIMES,
    },
    "AnswerOut": {
        "question": "How long is the warranty of the kettle?",
        "text": f"{_QUOTE} [1]",
        "statements": [
            {"text": _QUOTE, "trust": "owned", "citations": [_CITATION], "coverage": 1.0}
        ],
        "confidence": 0.91,
        "unanswered": None,
        "rejected": [],
        "written_by": "extractive rules",
        "version": 7,
        "timings_ms": _TIMES,
    },
    "WhyOut": {
        "query": "kettle warranty",
        "rewritten": "kettle warranty",
        "notes": [],
        "legs": {"lexical": 3, "dense": 100},
        "candidates": [
            {
                "chunk_id": f"chk_{_ID}",
                "document_id": f"doc_{_ID}",
                "title": "Warranty",
                "text": _QUOTE,
                "legs": {"lexical": {"place": 1, "score": 4.1}},
                "score": 0.93,
                "coverage": 1.0,
                "kept": 1,
                "why": "kept as passage 1: lexical 1; holds 100% of the question",
            }
        ],
        "version": 7,
        "timings_ms": _TIMES,
    },
    "DocumentOut": {
        "id": f"doc_{_ID}",
        "source_id": f"kso_{_ID}",
        "key": "warranty.html",
        "title": "Warranty",
        "language": "eng",
        "trust": "owned",
        "revision": 2,
        "campaign_id": None,
        "dated_at": "2026-11-21T09:30:00Z",
    },
    "ChunkOut": {
        "id": f"chk_{_ID}",
        "ordinal": 0,
        "heading": ["Service", "Warranty"],
        "language": "eng",
        "text": _QUOTE,
        "edited": False,
        "outdated": False,
        "from_version": 7,
    },
}
