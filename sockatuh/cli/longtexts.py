"""Texts that were too long to be shown whole, kept for whoever wants to see the rest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sockatuh.protocol.messages import Entry

MOST_KEPT: Final = 1_048_576
"""Bytes of texts: the newest 64 of the longest."""
ENTRIES_KEPT: Final = 1_024
"""Entries, for those whose texts are hardly more than many lines."""


class LongTexts:
    """Entries by their seq; beyond `most` bytes of text, or ENTRIES_KEPT, the oldest are evicted."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._most, self._size = most, 0

    def keep(self, entry: Entry) -> None:
        """Keep an entry, in place of one that had its seq."""
        self._drop(entry.seq)
        self._entries[entry.seq] = entry
        self._size += _size_of(entry)
        while self._size > self._most or len(self._entries) > ENTRIES_KEPT:
            self._drop(next(iter(self._entries)))

    def find(self, seq: int) -> Entry | None:
        """Return the entry, None if it was not kept, or is no longer."""
        return self._entries.get(seq)

    def _drop(self, seq: int) -> None:
        if entry := self._entries.pop(seq, None):
            self._size -= _size_of(entry)


def _size_of(entry: Entry) -> int:
    return len(entry.text.encode("utf-8", "replace"))
