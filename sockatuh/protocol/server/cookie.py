"""Proof of address: cookies that the server can verify without having stored them (docs/PROTOCOL.md §3).

A cookie is a keyed hash over the address it was sent to. Its key changes every epoch (30 s), and the current and the
previous one are accepted, so a cookie lives for 30 to 60 s. Only *used* cookies are remembered, because each is good
for one handshake. They are kept by the epoch in which they were used: that set lives until the end of the next epoch,
and so outlives every cookie in it. When it is full, no cookie verifies until the next epoch: better to turn newcomers
away for a while than to let one cookie open two handshakes.
"""

from __future__ import annotations

import hashlib
import hmac

from sockatuh.protocol.constants import EPOCH_SECONDS


class _Epoch:
    """One epoch: its number, its secret, and the cookies used during it."""

    __slots__ = ("number", "secret", "used")

    def __init__(self, master: bytes, number: int) -> None:
        self.number = number
        # Signed, because the epoch before the very first one has a number too.
        self.secret = hashlib.blake2s(number.to_bytes(8, "little", signed=True), key=master).digest()
        self.used: set[bytes] = set()

    def cookie(self, packed_address: bytes, nonce: bytes) -> bytes:
        return hashlib.blake2s(packed_address + nonce, key=self.secret, digest_size=16).digest()


class CookieJar:
    """Makes, checks and uses up cookies; `master` is 32 random bytes, `max_used` bounds the cookies used in an epoch.

    `packed_address` is 18 bytes: the address, IPv4-mapped where it is IPv4, and the port, little-endian.
    """

    __slots__ = ("_current", "_master", "_max_used", "_previous")

    def __init__(self, master: bytes, max_used: int = 65_536) -> None:
        self._master = master
        self._max_used = max_used
        self._current = _Epoch(master, 0)
        self._previous = _Epoch(master, -1)

    def create(self, packed_address: bytes, nonce: bytes, now: float) -> tuple[int, bytes]:
        """Return the low byte of the epoch, and the cookie (16 bytes) for that address and nonce."""
        self._turn(now)
        return self._current.number & 0xFF, self._current.cookie(packed_address, nonce)

    def verify(self, packed_address: bytes, nonce: bytes, epoch: int, cookie: bytes, now: float) -> bool:
        """Tell whether a cookie was made here for this address and nonce, has not expired, and is unused."""
        self._turn(now)
        for candidate in (self._current, self._previous):
            if candidate.number & 0xFF == epoch:
                expected = candidate.cookie(packed_address, nonce)
                return hmac.compare_digest(expected, cookie) and self._is_unused(cookie)
        return False

    def consume(self, cookie: bytes, now: float) -> None:
        """Use up a cookie that has just verified."""
        self._turn(now)
        # Never refused: `verify` bounds the set, and a used cookie that is not in it would be valid again.
        self._current.used.add(cookie)

    def _is_unused(self, cookie: bytes) -> bool:
        used = self._current.used
        return len(used) < self._max_used and cookie not in used and cookie not in self._previous.used

    def _turn(self, now: float) -> None:
        number = int(now // EPOCH_SECONDS)
        current = self._current
        if number <= current.number:
            return
        self._previous = current if number == current.number + 1 else _Epoch(self._master, number - 1)
        self._current = _Epoch(self._master, number)
