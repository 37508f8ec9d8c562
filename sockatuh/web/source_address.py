"""Gives each browser's address an address of this machine, from which the gateway connects to the room for it.

The room counts guesses, handshakes and sessions by address (docs/PROTOCOL.md §10). If everybody who comes by the
gateway came from 127.0.0.1, one who guesses passwords would lock out all of them. Linux sends from any address in
127.0.0.0/8, so a browser's address stands for one of those, always the same: of IPv6 the /64, in which a machine
chooses its addresses freely. The hash has a key, so that nobody can look for an address that collides with another's.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Final

from sockatuh.seats import place_of_text

KEY_BYTES: Final = 32
_FIRST: Final = 1 << 8
"""The lowest host part that is used: 127.0.0.x belongs to the machine's own programs."""
_LAST: Final = (1 << 24) - 2
"""The highest one: 127.255.255.255 is a broadcast address."""


def place_of(address: str) -> str:
    """Return what counts as one machine: an IPv4 address, or the /64 of an IPv6 one; "" for what is no address."""
    return place_of_text(f"[{address}]" if ":" in address else address)


def source_of(address: str, key: bytes) -> str:
    """Return the loopback address that stands for a browser's address; `key` has 32 bytes."""
    digest = hashlib.blake2s(place_of(address).encode(), key=key, digest_size=8).digest()
    host = _FIRST + int.from_bytes(digest) % (_LAST - _FIRST + 1)
    return str(ipaddress.IPv4Address((127 << 24) + host))
