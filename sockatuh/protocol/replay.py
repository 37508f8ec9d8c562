"""The replay window: which counters of a channel have been seen (docs/PROTOCOL.md §4; as in RFC 6479)."""

from __future__ import annotations

from functools import cache

from .constants import REPLAY_WINDOW


@cache
def _mask(size: int) -> int:
    return (1 << size) - 1


class ReplayWindow:
    """The highest marked counter, and which of the `size` counters up to it are marked; older ones count as seen.

    `highest` is -1 at first.
    """

    __slots__ = ("_seen", "_size", "highest")

    def __init__(self, size: int = REPLAY_WINDOW) -> None:
        self._size = size
        self.highest = -1
        # Bit n stands for the counter `highest - n`.
        self._seen = 0

    def is_fresh(self, counter: int) -> bool:
        """Tell whether `counter` may still be accepted."""
        age = self.highest - counter
        return age < 0 or (age < self._size and not self._seen >> age & 1)

    def mark(self, counter: int) -> None:
        """Mark `counter` as seen; call it only for an authentic datagram."""
        age = self.highest - counter
        if age < 0:
            # The sender chooses the counter: a jump beyond the window resets it, as the shift would be that long.
            self._seen = (self._seen << -age | 1) & _mask(self._size) if -age < self._size else 1
            self.highest = counter
        elif age < self._size:
            self._seen |= 1 << age
