"""The cookie by which a browser is known again: what it holds, how it is read, and what is kept of it.

The gateway keeps a hash of it only, so who can read the gateway's directory still cannot pose as a browser.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

TOKEN_BYTES: Final = 32
KEPT_FOR: Final = 90 * 24 * 3600
"""Seconds after which a browser that was not used is forgotten, here and there."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PREFIX: Final = "__Host-"
"""Browsers take a cookie of such a name only over TLS, from the host itself and for all its paths: no other server on
this machine, which shares its cookies whatever its port, can set one over plain HTTP."""


def cookie_name(*, secure: bool) -> str:
    """Return the cookie's name."""
    return f"{_PREFIX if secure else ''}sockatuh"


def make_token(random: bytes) -> str:
    """Return a token made of 32 random bytes."""
    return base64.urlsafe_b64encode(random).decode().rstrip("=")


def find_token_untrusted(header: str, *, secure: bool) -> str | None:
    """Return the token in a Cookie header, None if there is none; the first one if there are several."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie_name(secure=secure) and _TOKEN.fullmatch(value):
            return value
    return None


def hash_of(token: str) -> str:
    """Return the hash of a token, by which its browser is filed: 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def set_cookie(token: str, *, secure: bool) -> str:
    """Return the Set-Cookie header that has a browser keep a token."""
    attributes = f"Path=/; Max-Age={KEPT_FOR}; HttpOnly; SameSite=Strict"
    return f"{cookie_name(secure=secure)}={token}; {attributes}" + ("; Secure" if secure else "")


def delete_cookie(*, secure: bool) -> str:
    """Return the Set-Cookie header that has a browser forget its token."""
    return f"{cookie_name(secure=secure)}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict" + (
        "; Secure" if secure else ""
    )
