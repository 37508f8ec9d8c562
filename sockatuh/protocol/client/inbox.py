"""A client's cursor in the log: which entries have arrived, and which are missing (docs/PROTOCOL.md §8).

The cursor is the last seq up to which everything is known. A datagram that begins at or before the cursor moves it; one
that begins after a hole is kept, bounded in number and memory, until the hole is filled. That is all there is to loss,
reordering, duplication, sleep and catching up.

Entries that are not shown to this client still have numbers. The cursor moves past them, and nothing is reported:
only what is no longer kept is a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import MAX_PARTS, RECEIVE_WINDOW
from sockatuh.protocol.messages import (
    Entries,
    Entry,
    EntryPart,
    Item,
    Unshown,
    decode_entry_untrusted,
    decode_item_untrusted,
)

MAX_HOLES: Final = 32
"""Holes named in one request, which has to fit a datagram."""
SMALL_GAP: Final = 512
"""Two holes with fewer bytes between them are requested as one: one datagram is lost less often than two."""
ENTRY_OVERHEAD: Final = 40
"""About how many bytes an entry takes besides its text."""
EARLY_BYTES: Final = 4_194_304
"""Bytes of memory for what arrives after a hole; the rest is dropped, and requested when the hole is filled."""
ENTRY_MEMORY: Final = 512
"""About how many bytes of memory an entry takes besides its text."""


class Gone(msgspec.Struct, frozen=True):
    """In (after, through] the server no longer keeps `count` entries."""

    after: int
    through: int
    count: int


class Inbox:
    """Sorts entries by seq; `take` returns them in order, each once."""

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.head = cursor
        self.shown = 0
        """How many entries were shown to this client so far."""
        self._ready: list[Entry | Gone] = []
        self._early: dict[int, Item | None] = {}
        """What arrived after a hole, by seq: an Unshown at each seq of its run, None where the server keeps nothing."""
        self._parts: dict[int, list[bytes | None]] = {}
        self._held = 0
        """Bytes of memory that `_early` and `_parts` take."""

    def receive(self, message: Entries | EntryPart) -> None:
        """Process what the server sent; ProtocolError if an entry in it does not decode or is out of place."""
        if isinstance(message, EntryPart):
            self._receive_part(message)
            return
        items = [decode_item_untrusted(item) for item in message.items]
        covered = message.after
        for item in items:
            if item.seq <= covered:
                raise ProtocolError("entries out of place")
            covered = _last(item)
        if covered > message.through:
            raise ProtocolError("entries out of place")
        self._place(message.after, message.through, items)

    def _receive_part(self, part: EntryPart) -> None:
        if part.seq <= self.cursor or part.seq in self._early or part.seq > self.cursor + RECEIVE_WINDOW:
            self.head = max(self.head, part.seq)
            return
        if not 0 < part.count <= MAX_PARTS or part.index >= part.count:
            raise ProtocolError("part out of place")
        self.head = max(self.head, part.seq)
        pieces = self._parts.get(part.seq, [None] * part.count)
        if len(pieces) != part.count:
            raise ProtocolError("part of another cut")
        if pieces[part.index] is not None or not self._has_memory_for(part.seq, len(part.piece)):
            return
        self._parts[part.seq] = pieces
        pieces[part.index] = part.piece
        self._held += len(part.piece)
        if None not in pieces:
            self._forget_parts(part.seq)
            entry = decode_entry_untrusted(b"".join(piece for piece in pieces if piece is not None))
            if entry.seq != part.seq:
                raise ProtocolError("entry out of place")
            self._place(part.seq - 1, part.seq, [entry])

    def _place(self, after: int, through: int, items: Sequence[Item]) -> None:
        self.head = max(self.head, through)
        if through <= self.cursor:
            return
        if after <= self.cursor:
            self._advance(through, items)
            self._join_early()
        elif through <= self.cursor + RECEIVE_WINDOW:
            new = {
                seq: item for item in items for seq in range(item.seq, _last(item) + 1) if self._early.get(seq) is None
            }
            size = sum(map(_memory_of, new.values()))
            if self._has_memory_for(after + 1, size):
                self._held += size
                self._early |= {seq: new.get(seq, self._early.get(seq)) for seq in range(after + 1, through + 1)}

    def _has_memory_for(self, seq: int, size: int) -> bool:
        """Tell whether `size` more bytes may be kept; the entry after the cursor always may, so that it moves."""
        return self._held + size <= EARLY_BYTES or seq == self.cursor + 1

    def _advance(self, through: int, items: Sequence[Item]) -> None:
        """Move the cursor; make ready the entries it passes, and before them how many are gone."""
        entries = [item for item in items if isinstance(item, Entry) and item.seq > self.cursor]
        unshown = sum(max(0, item.last - max(item.seq - 1, self.cursor)) for item in items if isinstance(item, Unshown))
        gone = through - self.cursor - len(entries) - unshown
        if gone:
            self._ready.append(Gone(self.cursor, through, gone))
        self._ready += entries
        self.shown += len(entries)
        self.cursor = through

    def _join_early(self) -> None:
        """Move the cursor over what arrived early, and forget what is behind it."""
        while self.cursor + 1 in self._early:
            item = self._forget_early(self.cursor + 1)
            if isinstance(item, Unshown):
                self.cursor += 1
            else:
                self._advance(self.cursor + 1, [item] if item else [])
        for seq in [seq for seq in self._early if seq <= self.cursor]:
            self._forget_early(seq)
        for seq in [seq for seq in self._parts if seq <= self.cursor]:
            self._forget_parts(seq)

    def _forget_early(self, seq: int) -> Item | None:
        item = self._early.pop(seq)
        self._held -= _memory_of(item) if item else 0
        return item

    def _forget_parts(self, seq: int) -> None:
        self._held -= sum(len(piece) for piece in self._parts.pop(seq) if piece is not None)

    def take(self) -> list[Entry | Gone]:
        """Remove and return what is ready, in order."""
        ready, self._ready = self._ready, []
        return ready

    @property
    def kept(self) -> int:
        """How many entries, and parts of entries, wait for a hole to be filled."""
        return len(self._early) + sum(len(pieces) - pieces.count(None) for pieces in self._parts.values())

    def has_holes(self) -> bool:
        """Tell whether anything is missing."""
        return self.head > self.cursor

    def holes(self) -> list[tuple[int, int]]:
        """Return the first stretches (after, through] that are missing, ascending and bounded.

        What lies between two is counted as missing with them if it is so little that it fits their datagram.
        """
        holes: list[tuple[int, int]] = []
        after, between = self.cursor, 0
        for seq in [*sorted(self._early), self.head + 1]:
            if seq - 1 > after:
                if holes and between <= SMALL_GAP:
                    holes[-1] = holes[-1][0], seq - 1
                elif len(holes) == MAX_HOLES:
                    break
                else:
                    holes.append((after, seq - 1))
                between = 0
            item = self._early.get(seq)
            between += ENTRY_OVERHEAD + len(item.text) if isinstance(item, Entry) else 0
            after = seq
        return holes

    def notice_head(self, seq: int) -> None:
        """Note that the log reaches `seq`."""
        self.head = max(self.head, seq)

    def restart(self, start: int, head: int) -> None:
        """Start again, in another log or further on; discard what arrived early."""
        self.cursor, self.head = start, head
        self._early.clear()
        self._parts.clear()
        self._held = 0


def _last(item: Item) -> int:
    return item.last if isinstance(item, Unshown) else item.seq


def _memory_of(item: Item) -> int:
    """Return about how much memory an item takes; one character beyond the BMP makes a whole text four bytes wide."""
    return ENTRY_MEMORY + item.text.__sizeof__() if isinstance(item, Entry) else 0
