"""Which lines the log has stored lately, by their ids, so that one that is said again is answered as it was stored.

A client repeats a line, in other sessions too, until it is answered. What has happened since, such as a mute, or that
nobody has the addressee's name any more, decides about new lines only: UNSAID says that a line will never be stored.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sockatuh.room.entries import Message, Whispered
from sockatuh.room.log import Row

CAPACITY: Final = 8_192
"""Lines that are remembered; many more than are said while one client is without contact."""


class StoredLines:
    """The seqs of the newest lines; `capacity` of them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seqs: OrderedDict[bytes, int] = OrderedDict()
        """Its oldest key goes at once; the first one of a dict is looked for behind all that were deleted."""

    def __len__(self) -> int:
        return len(self._seqs)

    def note(self, row: Row) -> None:
        """Remember an entry of the log, if it is a line."""
        if isinstance(row.body, Message | Whispered):
            self._seqs[row.id] = row.seq
            if len(self._seqs) > self._capacity:
                self._seqs.popitem(last=False)

    def find(self, line: bytes) -> int | None:
        """Return the seq of a line that is remembered."""
        return self._seqs.get(line)
