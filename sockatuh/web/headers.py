"""The headers that every answer has, also one that the library has to give by itself."""

from __future__ import annotations

from typing import Final

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
OPENER: Final = "cross-origin-opener-policy"


def headers_for(*, is_encrypted: bool) -> list[tuple[str, str]]:
    """Return the names, in lower case, and the values; browsers heed one over TLS only, and complain elsewhere."""
    return [(name, value) for name, value in HEADERS.items() if is_encrypted or name != OPENER]
