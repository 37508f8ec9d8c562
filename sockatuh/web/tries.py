"""Counts what each address tries before it is in: names it asks about, and wrong passwords.

The room counts too, but by the address that the gateway comes from. Where that is one address for all browsers, because
the room is on another machine, these counters alone keep one guesser from using up everybody's tries.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

PLACES: Final = 4_096
"""The most addresses that are remembered; the one that tried least recently is forgotten first."""


class Tries:
    """Tries of each place: `burst` at once, and one more every `interval` seconds."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst, self._interval = burst, interval
        self._free_at: OrderedDict[str, float] = OrderedDict()
        """When each place would have used up nothing."""

    def wait(self, place: str, now: float) -> float:
        """Return in how many seconds a place may try, 0.0 for at once."""
        ahead = self._free_at.get(place, now) - now - (self._burst - 1) * self._interval
        return max(0.0, ahead)

    def put_off(self, place: str, seconds: float, now: float) -> None:
        """Note that the room would make a place wait for so long: it is told so at once, and not after the wait."""
        self._set(place, now + seconds + (self._burst - 1) * self._interval)

    def count(self, place: str, now: float) -> None:
        """Count a try."""
        self._set(place, max(now, self._free_at.get(place, now)) + self._interval)

    def _set(self, place: str, free_at: float) -> None:
        self._free_at[place] = max(free_at, self._free_at.get(place, free_at))
        self._free_at.move_to_end(place)
        if len(self._free_at) > PLACES:
            self._free_at.popitem(last=False)
