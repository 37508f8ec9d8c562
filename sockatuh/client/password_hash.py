"""The hash of a password, as the room's server has it (protocol/password_proof.py)."""

from __future__ import annotations

import functools

from sockatuh.protocol.password_proof import bcrypt_salt


@functools.lru_cache(maxsize=8)
def hash_password(password: bytes, salt: bytes, cost: int) -> bytes:
    """Return the 60 characters of bcrypt; at cost 12 that takes a quarter of a second, once in a process."""
    import bcrypt

    return bcrypt.hashpw(password, bcrypt_salt(salt, cost))
