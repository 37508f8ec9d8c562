"""RESET: proof to a client that the server no longer has its session (docs/PROTOCOL.md §7)."""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.protocol.constants import RESET
from sockatuh.protocol.datagrams import reset_token

from .limits import Limits
from .rate_limit import SketchLimiter, TokenBucket, place_of


class Resets:
    """Makes RESETs and limits how many strangers get one. Nothing is kept for a stranger but counters."""

    def __init__(self, reset_key: bytes, limits: Limits, random: Callable[[int], bytes]) -> None:
        self._reset_key = reset_key
        self._rate = TokenBucket(limits.resets_per_second, limits.resets_per_second)
        self._address_rate = SketchLimiter(random(32), _per_address(limits))

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on."""
        self._rate.replace_rate(limits.resets_per_second, limits.resets_per_second)
        self._address_rate.replace_limit(_per_address(limits))

    def datagram(self, cid: int) -> bytes:
        """Return the RESET of a connection id."""
        return bytes([RESET]) + cid.to_bytes(7, "little") + reset_token(self._reset_key, cid)

    def admit(self, packed: bytes, now: float) -> bool:
        """Tell whether a stranger at this packed address may be answered, and count the answer if so."""
        # The common rate first: in a flood it is used up, and it is the cheapest to check.
        return not self._rate.delay(now) and self._address_rate.allow(place_of(packed), now) and self._rate.take(now)


def _per_address(limits: Limits) -> int:
    return max(1, int(limits.resets_per_address))
