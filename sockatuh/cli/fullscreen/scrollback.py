"""The log of the full screen: the newest blocks, and which of their rows the window shows.

A block is whatever stands together in the log: a message, a fold of joins, a heading, an answer to a command. It keeps
what it shows, and its rows only while they are looked at, at the width of that moment. So a resize costs what is
seen, however much is held, and nothing has to be wrapped in advance: the window is not a number of rows from the top
but a place, a block and one of its rows, which stays where it is whatever comes or is evicted.

The rows below the last block (own lines that wait for the server) are the tail; it is a block whose number is the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from sockatuh.cli.held_lines import HELD_SIZE, size_of
from sockatuh.cli.rendering import (
    LONGEST,
    TEXTS_FROM,
    Line,
    anchored_line,
    draw,
    draw_event,
    draw_shortened,
    faded,
)
from sockatuh.cli.rows import note_rows
from sockatuh.cli.wrapping import CUT, reach
from sockatuh.client.items import UNENCRYPTED, Came, EntryEvent, Renamed, Said, Went, Whispered
from sockatuh.client.mentions import mentions
from sockatuh.wording import client as phrases

from .joins import Fold

MOST: Final = 10_000
"""Blocks held."""
SPEAKER_FOR: Final = timedelta(minutes=10) // timedelta(milliseconds=1)
"""Milliseconds after their last line in which somebody's leave gets its own row."""
SPEAKERS: Final = 1_000
REMOVED: Final = "removed"
"""Why somebody left whom the admin has removed: everybody is to see that."""
IDLE_AFTER: Final = 30.0
"""Seconds without a key after which nobody is thought to be reading."""
RULE: Final = "─"

Draw = Callable[[int], list[Line]]
"""Makes the rows of a block for a number of columns."""


class Block(msgspec.Struct):
    """Something in the log; `size`: bytes of its texts; `rows` are those for `columns`, made when they are wanted.

    `quotes` are the seqs of the lines whose texts it shows, besides the entry `seq` that it is.
    """

    draw: Draw
    seq: int = 0
    fold: Fold | None = None
    size: int = 0
    quotes: frozenset[int] = frozenset()
    columns: int = 0
    rows: Sequence[Line] = ()

    def at(self, columns: int) -> Sequence[Line]:
        """Return the rows for a width."""
        if self.columns != columns:
            self.rows, self.columns = [anchored_line(row) for row in self.draw(columns)], columns
        return self.rows

    def forget(self) -> None:
        """Forget the rows: what they show has changed, or nobody looks at them."""
        self.rows, self.columns = (), 0


class Place(msgspec.Struct, frozen=True):
    """A row of the log: a block's number and the row's index in it."""

    block: int
    row: int


class Search(msgspec.Struct):
    """What was found: the numbers of blocks, newest first, and which of them is shown."""

    found: list[int]
    at: int = 0


class Scrollback(msgspec.Struct):
    """The blocks, and the part of them that is shown. `bottom` is the last row of the window; None: it follows."""

    most: int = MOST
    most_bytes: int = HELD_SIZE
    bottom: Place | None = None
    marker: int | None = None
    """The block above which `new` stands: the first that came while nobody was thought to be reading."""
    search: Search | None = None
    unseen: int = 0
    """How many lines have come below the window since it stopped following."""
    _blocks: deque[Block] = msgspec.field(default_factory=deque)
    _first: int = 0
    _size: int = 0
    _tail: Sequence[Line] = ()
    _by_seq: dict[int, int] = msgspec.field(default_factory=dict)
    _mentions: deque[int] = msgspec.field(default_factory=deque)
    _spoke: dict[str, int] = msgspec.field(default_factory=dict)
    _wrapped: set[int] = msgspec.field(default_factory=set)
    _looked_at: set[int] = msgspec.field(default_factory=set)
    """The blocks whose rows are kept, and those that were wanted since the window was made last."""

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def end(self) -> int:
        """The number of the next block."""
        return self._first + len(self._blocks)

    # What comes.

    def add_entry(
        self, entry: EntryEvent, me: str, *, is_mine: bool = False, is_unread: bool = False, was_read: bool = False
    ) -> None:
        """Add an entry of the log.

        `is_mine`: the person called `me` said it; `is_unread`: it came while nobody was thought to be reading;
        `was_read`: it was shown in an earlier chat.
        """
        match entry:
            case Said() | Whispered():
                if not (isinstance(entry, Said) and entry.official):
                    self._hear(entry.name, entry.at)
                if is_unread and not is_mine and self.marker is None:
                    self.marker = self.end
                if not is_mine and (isinstance(entry, Whispered) or mentions(entry, me)):
                    self._mentions.append(self.end)
            case Renamed():
                if entry.name in self._spoke:
                    self._hear(entry.new, self._spoke.pop(entry.name))
            case Came() | Went() if self._folds(entry):
                self._fold(entry, me)
                return
            case _:
                pass
        block = Block(lambda columns: _draw(entry, me, columns, was_read=was_read), entry.seq, size=size_of(entry))
        self._append(block, counts=True)

    def add_lines(self, draw: Draw, quotes: frozenset[int] = frozenset()) -> None:
        """Add what is no entry of the log: a heading, a notice, the answer to a command.

        `quotes` are the seqs of the lines whose texts it shows.
        """
        self._append(Block(draw, quotes=quotes))

    def take_off(self, seq: int) -> None:
        """Show the entry `seq` no longer, nor what quotes it.

        Of what a search has found, the next older one takes its place.
        """
        gone = {
            number
            for number, block in enumerate(self._blocks, self._first)
            if seq in block.quotes or (block.seq == seq and block.fold is None)
        }
        for number in gone:
            block = self._blocks[number - self._first]
            self._size -= block.size
            self._blocks[number - self._first] = Block(_nothing)
            if self.bottom is not None and block.seq and number > self.bottom.block:
                self.unseen = max(0, self.unseen - 1)
        self._by_seq.pop(seq, None)
        self._mentions = deque(number for number in self._mentions if number not in gone)
        if self.search is not None and not gone.isdisjoint(self.search.found):
            before = sum(number not in gone for number in self.search.found[: self.search.at])
            found = [number for number in self.search.found if number not in gone]
            self.search = Search(found, min(before, len(found) - 1)) if found else None

    def add_note(self, sentence: str) -> None:
        """Add a notice of the program."""
        self.add_lines(lambda columns: [(("class:note", row),) for row in note_rows(sentence, columns)])

    def show_tail(self, rows: Sequence[Line]) -> None:
        """Show rows below the last block."""
        self._tail = rows

    def _append(self, block: Block, *, counts: bool = False) -> None:
        if block.seq:
            self._by_seq[block.seq] = self.end
        self._blocks.append(block)
        self._size += block.size
        if counts and self.bottom is not None:
            self.unseen += 1
        while len(self._blocks) > self.most or self._size > self.most_bytes:
            evicted = self._blocks.popleft()
            self._size -= evicted.size
            if self._by_seq.get(evicted.seq) == self._first:
                del self._by_seq[evicted.seq]
            self._first += 1
        if self.marker is not None:
            self.marker = max(self.marker, self._first)
        while self._mentions and self._mentions[0] < self._first:
            self._mentions.popleft()

    def _folds(self, event: Came | Went) -> bool:
        """Tell whether an event belongs to a fold rather than to its own row."""
        if isinstance(event, Came):
            return event.dialect != UNENCRYPTED  # which is followed by a warning
        if event.reason == REMOVED:
            return False
        spoke = self._spoke.get(event.name)
        return spoke is None or event.at - spoke > SPEAKER_FOR

    def _fold(self, event: Came | Went, me: str) -> None:
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.fold is not None and not last.fold.is_full:
            last.fold.add(event)
            last.forget()
            return
        fold = Fold(event)

        def draw_fold(columns: int) -> list[Line]:
            return _cut(draw(fold.only, me, columns) if fold.only else draw_event(fold.at, fold.sentence, columns))

        self._append(Block(draw_fold, event.seq, fold))

    def _hear(self, name: str, at: int) -> None:
        self._spoke.pop(name, None)
        self._spoke[name] = at
        if len(self._spoke) > SPEAKERS:
            del self._spoke[next(iter(self._spoke))]

    # What is seen.

    def window(self, columns: int, height: int) -> list[Line]:
        """Return the rows that are shown, at most `height`."""
        self._settle(columns, height)
        rows = self._rows_up_to(self.bottom or self._last(columns), columns, height)
        self._forget_rows()
        return rows

    def newest(self, columns: int, height: int) -> list[Line]:
        """Return the last rows of the log without the tail, wherever the window stands."""
        return self._rows_up_to(self._end_of(self.end - 1, columns), columns, height)

    def scroll(self, rows: int, columns: int, height: int) -> None:
        """Move the window down by a number of rows, or up if it is negative."""
        bottom = self.bottom or self._last(columns)
        if bottom is None:
            return
        if rows < 0:
            # The window stays full: its bottom goes no higher than it is when the oldest row stands on top.
            highest = self._highest(columns, height)
            self._stand_at(max(self._moved(bottom, rows, columns), highest, key=_order), columns)
        else:
            self._stand_at(self._moved(bottom, rows, columns), columns)

    def to_oldest(self, columns: int, height: int) -> None:
        """Show the oldest row on top."""
        self._stand_at(self._highest(columns, height), columns)

    def to_newest(self) -> None:
        """Show the newest row, and follow from now on."""
        self.bottom, self.unseen, self.search = None, 0, None

    def read_last(self, columns: int, height: int) -> None:
        """Show the last block from its first row on, if it is higher than the window, and the window follows."""
        last = self.end - 1
        if self.bottom is None and last >= self._first and len(self._rows_of(last, columns)) > height:
            self._stand_at(self._moved(Place(last, 0), height - 1, columns), columns)

    def centre(self, block: int, columns: int, height: int) -> None:
        """Show a block in the middle of the window."""
        if not self._first <= block < self.end:
            return
        bottom = self._moved(Place(block, 0), height // 2, columns)
        self._stand_at(max(bottom, self._highest(columns, height), key=_order), columns)

    def to_marker(self, columns: int, height: int) -> bool:
        """Show what came first while nobody read; False if nothing did."""
        if self.marker is None or self.marker < self._first:
            return False
        self.centre(self.marker, columns, height)
        return True

    def to_mention(self, columns: int, height: int) -> bool:
        """Show the newest mention or private line, or the one before that which is shown; False if there is none."""
        found = self.search.found if self.search and self.search.found == [*reversed(self._mentions)] else None
        if found is not None and self.search is not None and self.search.at + 1 < len(found):
            return self.to_older_hit(columns, height)
        return self._begin([*reversed(self._mentions)], columns, height)

    # Searching.

    def find(self, seqs: Sequence[int], columns: int, height: int) -> bool:
        """Show the first of the entries with these seqs, newest first; False if none of them is held."""
        blocks = [self._by_seq[seq] for seq in seqs if seq in self._by_seq]
        return self._begin(blocks, columns, height)

    def to_older_hit(self, columns: int, height: int) -> bool:
        """Show the next older of what was found; False if this is the oldest."""
        if self.search is None or self.search.at + 1 >= len(self.search.found):
            return False
        self.search.at += 1
        self.centre(self.search.found[self.search.at], columns, height)
        return True

    @property
    def hit(self) -> int | None:
        """The number of the block that was found and is shown."""
        return self.search.found[self.search.at] if self.search is not None else None

    def _begin(self, blocks: list[int], columns: int, height: int) -> bool:
        if not blocks:
            return False
        self.search = Search(blocks)
        self.centre(blocks[0], columns, height)
        return True

    # Places.

    def _settle(self, columns: int, height: int) -> None:
        """Put the window back into the log: blocks were evicted, or have fewer rows at this width."""
        if self.bottom is not None:
            rows = self._rows_of(max(self.bottom.block, self._first), columns)
            inside = Place(max(self.bottom.block, self._first), max(0, min(self.bottom.row, len(rows) - 1)))
            self._stand_at(max(inside, self._highest(columns, height), key=_order), columns)

    def _stand_at(self, bottom: Place, columns: int) -> None:
        last = self._last(columns)
        if last is None or _order(bottom) >= _order(last):
            self.bottom, self.unseen = None, 0
        else:
            self.bottom = bottom
            self.unseen = min(self.unseen, self.end - 1 - bottom.block)

    def _rows_of(self, number: int, columns: int) -> Sequence[Line]:
        if number == self.end:
            return self._tail
        self._looked_at.add(number)
        rows = self._blocks[number - self._first].at(columns)
        if number == self.hit:
            rows = [tuple((f"{style} class:found".lstrip(), text) for style, text in row) for row in rows]
        return [marker_row(columns), *rows] if number == self.marker else rows

    def _rows_up_to(self, place: Place | None, columns: int, height: int) -> list[Line]:
        """Return a place's row below those above it, `height` in all."""
        rows: list[Line] = []
        while place is not None and len(rows) < height:
            part = self._rows_of(place.block, columns)[: place.row + 1]
            rows[:0] = part[-(height - len(rows)) :]
            place = self._end_of(place.block - 1, columns) if len(rows) < height else None
        return rows

    def _forget_rows(self) -> None:
        """Drop the rows of blocks that have not been looked at since the last time."""
        for number in self._wrapped - self._looked_at:
            if self._first <= number < self.end:
                self._blocks[number - self._first].forget()
        self._wrapped, self._looked_at = self._looked_at, set()

    def _end_of(self, number: int, columns: int) -> Place | None:
        """Return the last row of a block, or of the one before it if it has none; None above the oldest."""
        while number >= self._first:
            if rows := self._rows_of(number, columns):
                return Place(number, len(rows) - 1)
            number -= 1
        return None

    def _last(self, columns: int) -> Place | None:
        return self._end_of(self.end, columns)

    def _highest(self, columns: int, height: int) -> Place:
        """Return where the window's bottom is when the oldest row stands on top."""
        return self._moved(Place(self._first, 0), height - 1, columns)

    def _moved(self, place: Place, by: int, columns: int) -> Place:
        """Return the place a number of rows below, or above if it is negative, within the log."""
        number, row = place.block, place.row + by
        while row < 0 and number > self._first:
            number -= 1
            row += len(self._rows_of(number, columns))
        while number < self.end and row >= (size := len(self._rows_of(number, columns))):
            row -= size
            number += 1
        if number == self.end and row >= len(self._tail):
            return self._last(columns) or Place(self._first, 0)
        return Place(number, max(0, row))


def marker_row(columns: int) -> Line:
    """Return the row above what is new."""
    label = f"{RULE} {phrases.NEW} "
    return (("class:heading", label + RULE * max(0, columns - reach(phrases.NEW) - 3)),)


def _order(place: Place) -> tuple[int, int]:
    return place.block, place.row


def _nothing(_: int) -> list[Line]:
    """Draw a block that was taken off: the numbers of the others stay as they are."""
    return []


def _draw(entry: EntryEvent, me: str, columns: int, *, was_read: bool) -> list[Line]:
    is_said = isinstance(entry, Said | Whispered)
    rows = draw_shortened(entry, me, columns) if is_said else _cut(draw(entry, me, columns))
    return faded(rows) if was_read else rows


def _cut(rows: list[Line]) -> list[Line]:
    """Return the first rows of an event, which has more only if a server sends names that nobody may have."""
    return rows if len(rows) <= LONGEST else [*rows[: LONGEST - 1], (("class:event", " " * TEXTS_FROM + CUT),)]
