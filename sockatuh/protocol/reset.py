"""The token by which a client believes that the server has forgotten its session (docs/PROTOCOL.md §7)."""

from __future__ import annotations

import hashlib


def reset_token(reset_key: bytes, cid: int) -> bytes:
    """Return the token (16 bytes) of a connection id; `reset_key` has at most 32 bytes and outlives the process."""
    return hashlib.blake2s(cid.to_bytes(7, "little"), key=reset_key, digest_size=16).digest()
