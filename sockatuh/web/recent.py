"""The last entries that a browser's member was shown: what a tab begins with, and what one that comes back has missed.

They are kept in memory, bounded; what is older is in the room's log.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

from sockatuh.client.items import EntryEvent, Gap, Said, Whispered

ENTRIES: Final = 256
SIZE: Final = 131_072
"""Characters of their texts, at most."""

Shown: TypeAlias = EntryEvent | Gap


def seq_of(shown: Shown) -> int:
    """Return the seq through which somebody has read who was shown this.

    A gap tells how many of a stretch are no longer kept, and those of the stretch that are kept come after it.
    """
    return shown.after if isinstance(shown, Gap) else shown.seq


def end_of(shown: Shown) -> int:
    """Return the seq through which this tells anything."""
    return shown.through if isinstance(shown, Gap) else shown.seq


class Recent:
    """All entries after `floor`, oldest first."""

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor
        self._entries: deque[Shown] = deque()
        self._size = 0

    @property
    def newest(self) -> int:
        """The seq of the last entry."""
        return seq_of(self._entries[-1]) if self._entries else self.floor

    def add(self, shown: Shown) -> None:
        """Add an entry, and forget the oldest as needed."""
        self._entries.append(shown)
        self._size += _size_of(shown)
        while len(self._entries) > ENTRIES or self._size > SIZE:
            oldest = self._entries.popleft()
            self._size -= _size_of(oldest)
            self.floor = seq_of(oldest)

    def after(self, seq: int) -> list[Shown]:
        """Return the entries after a seq, as far as they are kept."""
        return [shown for shown in self._entries if end_of(shown) > seq]

    def strike(self, line: int) -> None:
        """Forget the text of a line that was struck: whoever comes later is not shown it."""
        kept = [shown for shown in self._entries if not (isinstance(shown, Said | Whispered) and shown.seq == line)]
        self._entries = deque(kept)
        self._size = sum(map(_size_of, kept))


def _size_of(shown: Shown) -> int:
    return len(shown.text) if isinstance(shown, Said | Whispered) else 0
