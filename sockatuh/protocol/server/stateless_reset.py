"""How a client is told, so that it believes it, that the server has forgotten its session (docs/PROTOCOL.md §7)."""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.protocol.constants import RESET
from sockatuh.protocol.datagrams import reset_token

from .limits import Limits
from .rate_limit import SketchLimiter, TokenBucket, place_of


class Resets:
    """Makes RESETs, and says how many strangers get one: nothing is kept for them, they are only counted."""

    def __init__(self, reset_key: bytes, limits: Limits, random: Callable[[int], bytes]) -> None:
        self._reset_key = reset_key
        self._rate = TokenBucket(limits.resets_per_second, limits.resets_per_second)
        self._address_rate = SketchLimiter(random(32), _per_address(limits))

    def replace_limits(self, limits: Limits) -> None:
        """Hold strangers to other limits from now on."""
        self._rate.replace_rate(limits.resets_per_second, limits.resets_per_second)
        self._address_rate.replace_limit(_per_address(limits))

    def datagram(self, cid: int) -> bytes:
        """Return the RESET of a connection id."""
        return bytes([RESET]) + cid.to_bytes(7, "little") + reset_token(self._reset_key, cid)

    def admit(self, packed: bytes, now: float) -> bool:
        """Tell whether a stranger at this packed address may be answered."""
        # The rate of all first: in a flood it is used up, and asking it costs least.
        return not self._rate.wait(now) and self._address_rate.allow(place_of(packed), now) and self._rate.take(now)


def _per_address(limits: Limits) -> int:
    return max(1, int(limits.resets_per_address))
