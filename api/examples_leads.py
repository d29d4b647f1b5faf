"""Example answers of the lead routes; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_AT = "2026-11-21T09:00:00Z"

LEAD_EXAMPLES: dict[str, Any] = {
    "LeadImportOut": {
        "id": f"lim_{_ID}",
        "name": "newsletter.csv",
        "status": "done",
        "lawful_basis": "consent",
        "created_at": _AT,
        "finished_at": _AT,
        "rows": 1200,
        "added": 1100,
        "merged": 40,
        "unchanged": 30,
        "suppressed": 10,
        "rejected": 20,
        "counts": {"no_contact": 20},
        "problems": [
            {
                "line": 17,
                "code": "no_contact",
                "reason": "The row has no usable e-mail address or telephone number.",
                "rejected": True,
            }
        ],
    },
    "LeadOut": {
        "id": f"led_{_ID}",
        "email": "a•••@kaze.example",
        "phone": "•••78",
        "given_name": "Aiko",
        "family_name": "Sato",
        "company": "Kaze",
        "job_title": "Head of Retail",
        "country": "JP",
        "language": "jpn",
        "interests": ["trail shoes"],
        "source": "newsletter",
        "lawful_basis": "consent",
        "consent_at": _AT,
        "purposes": ["marketing"],
        "score": 80,
        "grade": "A",
        "reasons": ["Agreed within the last half year. (+25)"],
        "enriched": {"language": "main language of JP"},
    },
    "ForgottenOut": {"leads": 1},
    "SyncedOut": {
        "read": 40,
        "added": 31,
        "merged": 3,
        "unchanged": 2,
        "suppressed": 1,
        "rejected": {"no_consent": 3},
        "until": _AT,
    },
    "AudienceOut": {
        "id": f"adn_{_ID}",
        "name": "Trail runners in Japan",
        "created_at": _AT,
        "rule": {"interests": ["trail shoes"], "countries": ["JP"]},
        "leads": 312,
    },
}
