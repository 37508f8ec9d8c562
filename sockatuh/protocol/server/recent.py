"""The newest entries, kept in memory to be sent again (docs/PROTOCOL.md §8)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from .packing import Encoded

FORGOTTEN: Encoded = (0, b"")
"""What stands where an entry stood that is not kept any more."""


class Recent:
    """The newest entries, bounded in number and bytes: everything kept in (after, head]."""

    def __init__(self, head: int, max_entries: int, max_bytes: int) -> None:
        self.head = head
        self.after = head
        self._entries: list[Encoded] = []
        self._begin = 0
        self._bytes = 0
        self._max_entries, self._max_bytes = max_entries, max_bytes

    def replace_bounds(self, max_entries: int, max_bytes: int) -> None:
        """Keep more or fewer from the next entries on."""
        self._max_entries, self._max_bytes = max_entries, max_bytes

    def extend(self, entries: Sequence[Encoded], head: int) -> None:
        """Append what was committed up to `head`, forgetting the oldest as needed."""
        self.head = head
        # What msgspec has encoded holds half as much memory again, and a copy does not.
        self._entries += [(seq, bytes(memoryview(encoding))) for seq, encoding in entries]
        self._bytes += sum(len(encoding) for _, encoding in entries)
        while len(self._entries) - self._begin > self._max_entries or self._bytes > self._max_bytes:
            self.after, encoding = self._entries[self._begin]
            self._bytes -= len(encoding)
            self._entries[self._begin] = FORGOTTEN
            self._begin += 1
        if self._begin > len(self._entries) // 2:  # the places of what was forgotten go many at a time
            del self._entries[: self._begin]
            self._begin = 0

    def load(self, after: int, entries: Sequence[Encoded]) -> None:
        """Begin with what the log has after `after`."""
        self.after = after
        self.extend(entries, self.head)

    def since(self, after: int, through: int, max_bytes: int) -> tuple[int, list[Encoded]] | None:
        """Return (through, entries): all kept in (after, through], or those of a shorter stretch of about `max_bytes`.

        None when they go back too far.
        """
        if after < self.after:
            return None
        found: list[Encoded] = []
        size = 0
        for at in range(bisect_right(self._entries, after, lo=self._begin, key=_seq), len(self._entries)):
            entry = self._entries[at]
            if entry[0] > through:
                break
            if size > max_bytes:
                return found[-1][0], found
            found.append(entry)
            size += len(entry[1])
        return through, found


def _seq(entry: Encoded) -> int:
    return entry[0]
