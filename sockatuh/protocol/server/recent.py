"""The newest entries, kept in memory to be sent again (docs/PROTOCOL.md §8)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

from .packing import NOBODY, Logged, unshown

EVICTED = Logged(0, b"")
"""Stands in the list where an entry was evicted, until the list is shortened."""


class Recent:
    """The newest entries, bounded in number and bytes: everything kept in (after, head].

    A run of entries that are shown to nobody takes one place, so that a thousand unshown joins evict no message.
    """

    def __init__(self, head: int, max_entries: int, max_bytes: int) -> None:
        self.head = head
        self.after = head
        self._entries: list[Logged] = []
        self._begin = 0
        self._bytes = 0
        self._max_entries, self._max_bytes = max_entries, max_bytes

    def replace_bounds(self, max_entries: int, max_bytes: int) -> None:
        """Keep more or fewer from the next entries on."""
        self._max_entries, self._max_bytes = max_entries, max_bytes

    def extend(self, entries: Sequence[Logged]) -> None:
        """Append what was committed, forget the lines that it strikes, and evict the oldest as needed."""
        for entry in entries:
            self._append(entry)
            if entry.strikes:
                self._strike(entry.strikes)
        if entries:
            self.head = entries[-1].last
        while len(self._entries) - self._begin > self._max_entries or self._bytes > self._max_bytes:
            evicted = self._entries[self._begin]
            self.after = evicted.last
            self._bytes -= len(evicted.encoding)
            self._entries[self._begin] = EVICTED
            self._begin += 1
        if self._begin > len(self._entries) // 2:  # shortened rarely, many places at a time
            del self._entries[: self._begin]
            self._begin = 0

    def _append(self, entry: Logged) -> None:
        if entry.shown_to == NOBODY:
            before = self._entries[-1] if len(self._entries) > self._begin else EVICTED
            if before.shown_to == NOBODY and before.last + 1 == entry.seq:
                self._entries[-1] = unshown(before.seq, before.run + entry.run)
            else:
                self._entries.append(unshown(entry.seq, entry.run))
            return
        # A buffer that msgspec has encoded into is half as long again; a copy is not.
        self._entries.append(Logged(entry.seq, bytes(memoryview(entry.encoding)), entry.shown_to))
        self._bytes += len(entry.encoding)

    def _strike(self, seq: int) -> None:
        at = bisect_left(self._entries, seq, lo=self._begin, key=_last)
        if at < len(self._entries) and self._entries[at].seq == seq and self._entries[at].is_shown:
            self._bytes -= len(self._entries[at].encoding)
            self._entries[at] = unshown(seq)

    def load(self, after: int, entries: Sequence[Logged]) -> None:
        """Start with the entries of the log after `after`."""
        head, self.after = self.head, after
        self.extend(entries)
        self.head = head

    def since(self, after: int, through: int, max_bytes: int) -> tuple[int, list[Logged]] | None:
        """Return (through, entries): all kept in (after, through], or those of a shorter stretch of about `max_bytes`.

        None when `after` lies before what is kept.
        """
        if after < self.after:
            return None
        found: list[Logged] = []
        size = 0
        for at in range(bisect_right(self._entries, after, lo=self._begin, key=_last), len(self._entries)):
            entry = self._entries[at]
            if entry.seq > through:
                break
            if size > max_bytes:
                return found[-1].last, found
            if entry.run > 1:
                first, last = max(entry.seq, after + 1), min(entry.last, through)
                entry = unshown(first, last - first + 1)
            found.append(entry)
            size += len(entry.encoding)
        return through, found


_last = attrgetter("last")
