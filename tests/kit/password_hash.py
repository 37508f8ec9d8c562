"""A stand-in for bcrypt that takes no time: the cores only see that both sides come to the same hash."""

from __future__ import annotations

import hashlib
from typing import Final

from sockatuh.protocol.client.events import HashWanted
from sockatuh.protocol.constants import BCRYPT_COSTS
from sockatuh.protocol.password_proof import bcrypt_salt

SALT: Final = b"a salt in tests."
OTHER_SALT: Final = b"another salt, 16"
COST: Final = BCRYPT_COSTS[0]


def quick_hash(password: str | bytes, salt: bytes = SALT, cost: int = COST) -> str:
    """Return 60 characters in the form of a bcrypt hash."""
    encoded = password.encode() if isinstance(password, str) else password
    digest = hashlib.sha256(salt + encoded).hexdigest()[:30]
    return f"{bcrypt_salt(salt, cost).decode()}{digest}."


def answer(wanted: HashWanted) -> bytes:
    """Return the hash that a peer wants."""
    return quick_hash(wanted.password, wanted.salt, wanted.cost).encode()
