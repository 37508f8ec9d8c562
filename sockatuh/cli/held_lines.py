"""Holds the newest entries of the log that a screen has shown, for the commands that look back at them."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeVar

from sockatuh.client.items import EntryEvent, Said, Whispered

from .folding import fold_letters
from .links import links_in

T = TypeVar("T")

HELD: Final = 10_000
"""The most entries held."""
HELD_SIZE: Final = 8_388_608
"""The most bytes of memory that texts and names held may take, however long they are."""


class HeldLines:
    """Entries by seq, in the order in which they came; the oldest are evicted."""

    def __init__(self, most: int = HELD, most_bytes: int = HELD_SIZE) -> None:
        self._entries: OrderedDict[int, EntryEvent] = OrderedDict()
        self._most, self._most_bytes, self._size = most, most_bytes, 0

    def add(self, item: EntryEvent) -> None:
        """Hold an entry as the newest, in place of one with its seq: a log that was set back gives a seq again."""
        self._drop(item.seq)
        self._entries[item.seq] = item
        self._size += size_of(item)
        while len(self._entries) > self._most or self._size > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def take_off(self, seq: int) -> None:
        """Hold an entry no longer: its text was removed from the room."""
        self._drop(seq)

    def find(self, seq: int) -> EntryEvent | None:
        """Return the entry with a seq, None if it is not held."""
        return self._entries.get(seq)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[EntryEvent]:
        """Yield the entries, oldest first."""
        return iter(self._entries.values())

    @property
    def lines(self) -> int:
        """How many of the entries were said, by whomever."""
        return sum(isinstance(each, Said | Whispered) for each in self)

    def newest(self, count: int) -> list[EntryEvent]:
        """Return the newest entries, at most `count`, oldest first."""
        return _first(reversed(self._entries.values()), count)

    def search(self, text: str) -> list[int]:
        """Return the seqs of the lines whose author or text contains a text, newest first; see `fold_letters`."""
        wanted = fold_letters(text)
        return [
            said.seq
            for said in self._newest_lines()
            if wanted in fold_letters(said.text) or wanted in fold_letters(said.name)
        ]

    def texts(self, count: int) -> list[str]:
        """Return the texts of the newest lines, at most `count`, oldest first."""
        return _first((said.text for said in self._newest_lines()), count)

    def links(self, count: int) -> dict[str, int]:
        """Return the newest links with their entries' seqs, at most `count`, oldest first; each where it came last.

        They are clean.
        """
        found: dict[str, int] = {}
        for said in self._newest_lines():
            for link in reversed(list(links_in(said.text))):
                found.setdefault(link, said.seq)
            if len(found) >= count:
                break
        return dict(list(found.items())[:count][::-1])

    def _newest_lines(self) -> Iterator[Said | Whispered]:
        return (each for each in reversed(self._entries.values()) if isinstance(each, Said | Whispered))

    def _drop(self, seq: int) -> None:
        if (item := self._entries.pop(seq, None)) is not None:
            self._size -= size_of(item)


def _first(newest_first: Iterator[T], count: int) -> list[T]:
    return list(islice(newest_first, count))[::-1]


def size_of(item: EntryEvent) -> int:
    """Return about how many bytes of memory an entry's name and text take."""
    return sys.getsizeof(item.name) + (sys.getsizeof(item.text) if isinstance(item, Said | Whispered) else 0)
