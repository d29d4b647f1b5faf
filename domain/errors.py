"""The tree of expected failures.

Every error a person can cause or cure is a `ParleyError`: it has an HTTP status, a stable `code` for
programs and one sentence (`detail`) that says what to do. Anything else that is raised is a defect.

    ParleyError
    ├── BadInput          400  the caller sent something that cannot be used
    ├── Unauthenticated   401  no key, or a key that is not known
    ├── Forbidden         403  a key without the needed scope; a forged token
    ├── NotFound          404  it does not exist, or belongs to somebody else
    ├── Conflict          409  it was done already, or the state does not allow it
    ├── Gone              410  it existed and has expired
    ├── TooLarge          413  more bytes than the limit
    ├── Unprocessable     422  well-formed, but it cannot be done as stated
    ├── RateLimited       429  over the tier's limit; carries `retry_after` seconds
    └── Unavailable       503  a part we need is down; trying again may help
"""

from __future__ import annotations

from typing import Any, ClassVar


class ParleyError(Exception):
    """An expected failure with a status, a stable code and one actionable sentence.

    Args:
        code: Stable machine-readable code in snake_case, e.g. `nonce_expired`.
        detail: One sentence a person can act on. Never contains secrets or chat text.
        extra: Further fields for the problem+json body (must be JSON-serialisable).
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem+json body."""
        return {
            "type": f"urn:parley:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }


class BadInput(ParleyError):
    """The caller sent something that cannot be used."""

    status = 400
    title = "Bad input"


class Unauthenticated(ParleyError):
    """No API key, or one that is not known."""

    status = 401
    title = "Not authenticated"


class Forbidden(ParleyError):
    """Known caller, but not allowed; or a token that was not issued by us."""

    status = 403
    title = "Not allowed"


class NotFound(ParleyError):
    """It does not exist, or it belongs to another organisation (the two look the same)."""

    status = 404
    title = "Not found"


class Conflict(ParleyError):
    """It was done already, or the present state does not allow it."""

    status = 409
    title = "Conflict"


class Gone(ParleyError):
    """It existed and has expired."""

    status = 410
    title = "Expired"


class TooLarge(ParleyError):
    """More bytes than the limit."""

    status = 413
    title = "Too large"


class Unprocessable(ParleyError):
    """Well-formed, but it cannot be done as stated."""

    status = 422
    title = "Cannot be done"


class RateLimited(ParleyError):
    """Over the tier's limit."""

    status = 429
    title = "Too many requests"


class Unavailable(ParleyError):
    """A part we need is down; trying again may help."""

    status = 503
    title = "Unavailable"
