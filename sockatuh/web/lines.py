"""The lines of one browser: which number each has in the room's stream, and what became of it.

A page names its lines by itself and 1, 2, 3 …, so that it can send one again until it is told that it was taken. Here
each gets the next number of the browser's stream, under which the library says it (docs/PROTOCOL.md §6). Whatever is
known is a sequence of records: the journal writes each to disk before the line is said, and `Lines.of` reads them back.
So a line that was taken before the gateway was killed is said again under its number, and is the same line.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from sockatuh import LineStream, UnansweredLine

STREAM_BYTES: Final = 8
PAGES: Final = 32
"""Pages whose numbers are remembered, those used last."""
ANSWERS: Final = 256
"""Answers that are remembered, the last ones."""
MOST_UNANSWERED: Final = 64
"""Lines that may have no answer from the room."""
Record: TypeAlias = list[Any]
"""A line of the journal, as JSON has it; its first element says what it is."""
ANOTHER_LOG: Final[tuple[str]] = ("another log",)
"""The record that the room's log was replaced or set back."""


class OutOfOrder(Exception):
    """A line was sent before the one before it; `next` is the number of that one."""

    def __init__(self, next_: int) -> None:
        super().__init__(f"the next is {next_}")
        self.next = next_


class NumberUsed(Exception):
    """A line was sent under a number that another line of the page has."""


class Taken(msgspec.Struct, frozen=True):
    """A line that was taken from a page; `seq` once it is stored, `error` if it never will be. `at`: ms since 1970.

    Of an answered line there is no text any longer, but a `digest` of it, "" if even that is forgotten.
    """

    page: str
    n: int
    text: str
    action: bool = False
    to: str = ""
    at: int = 0
    seq: int | None = None
    error: str | None = None
    digest: str = ""


def digest_of(text: str, action: bool, to: str) -> str:
    """Return what tells lines of different content apart."""
    return hashlib.blake2s(f"{to}\n{action:d}\n{text}".encode(), digest_size=8).hexdigest()


class Lines:
    """All lines of a browser. What changes is a record, which is written to disk and then applied."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.last = 0
        """The number of the last line in the stream."""
        self._unanswered: dict[int, Taken] = {}
        self._answered: OrderedDict[tuple[str, int], Taken] = OrderedDict()
        self._pages: OrderedDict[str, int] = OrderedDict()
        """The number of the last line of each page."""
        self._by_seq: OrderedDict[int, tuple[str, int]] = OrderedDict()

    # What is known.

    def next_of(self, page: str) -> int:
        """Return the number that the next line of a page has."""
        return self._pages.get(page, 0) + 1

    def find(self, page: str, n: int) -> Taken | None:
        """Return what is known of a line that was taken; without a text, only that it was answered long ago."""
        if n >= self.next_of(page):
            return None
        for line in self._unanswered.values():
            if (line.page, line.n) == (page, n):
                return line
        return self._answered.get((page, n), Taken(page, n, ""))

    def find_stored(self, seq: int) -> tuple[str, int] | None:
        """Return the page and the number of the line that is stored at `seq`, if it was one of these."""
        return self._by_seq.get(seq)

    def is_unanswered(self, page: str, n: int) -> bool:
        """Tell whether a line was taken and has no answer yet."""
        return any((line.page, line.n) == (page, n) for line in self._unanswered.values())

    @property
    def unanswered(self) -> list[Taken]:
        """The lines without an answer, oldest first."""
        return list(self._unanswered.values())

    @property
    def is_full(self) -> bool:
        """Whether so many lines have no answer that no other is taken."""
        return len(self._unanswered) >= MOST_UNANSWERED

    def after(self, number: int) -> Iterator[tuple[int, Taken]]:
        """Yield the lines without an answer that have a higher number."""
        yield from ((each, line) for each, line in self._unanswered.items() if each > number)

    def to_continue(self) -> LineStream:
        """Return the stream as the library continues it."""
        lines = (UnansweredLine(n, line.text, line.action, line.to) for n, line in self._unanswered.items())
        return LineStream(self.stream, self.last, tuple(lines))

    # What changes, once it is written.

    def taking(self, line: Taken) -> Record:
        """Return the record that takes the next line of a page, under the number `last` + 1."""
        return ["line", self.last + 1, line.page, line.n, line.text, line.action, line.to, line.at]

    def storing(self, number: int, seq: int) -> Record | None:
        """Return the record of a line that is stored; None: it is no line of these, or was answered before."""
        return ["stored", number, seq] if number in self._unanswered else None

    def refusing(self, number: int, error: str) -> Record | None:
        """Return the record of a line that will never be stored."""
        return ["refused", number, error] if number in self._unanswered else None

    def line_of(self, number: int) -> Taken | None:
        """Return the line without an answer that has a number in the stream."""
        return self._unanswered.get(number)

    # Records.

    def records(self) -> Iterator[Record]:
        """Yield what says all that is known, in as few records as that takes."""
        yield ["stream", self.stream.hex(), self.last]
        yield from (["page", page, n] for page, n in self._pages.items())
        for line in self._answered.values():
            yield ["answered", line.page, line.n, line.seq, line.error, line.digest]
        for number, line in self._unanswered.items():
            yield ["line", number, line.page, line.n, line.text, line.action, line.to, line.at]

    @classmethod
    def of(cls, records: Iterable[Record], stream: bytes) -> Lines:
        """Return what records say, without those that make no sense; `stream` is taken if none names one."""
        lines = cls(stream)
        for record in records:
            try:
                lines.apply(record)
            except (ValueError, TypeError, LookupError, AttributeError):
                continue
        return lines

    def apply(self, record: Record) -> None:
        """Apply a record; raises what a record that makes no sense happens to raise."""
        match record:
            case ["stream", str(stream), int(last)] if len(bytes.fromhex(stream)) == STREAM_BYTES and last >= 0:
                self.stream, self.last = bytes.fromhex(stream), last
            case ["line", int(number), str(page), int(n), str(text), bool(action), str(to), int(at)] if number > 0:
                self.last = max(self.last, number)
                self._unanswered[number] = Taken(page, n, text, action, to, at, digest=digest_of(text, action, to))
                self._note_page(page, n)
            case ["stored", int(number), int(seq)]:
                self._note_answer(replace(self._unanswered.pop(number), seq=seq))
            case ["refused", int(number), str(error)]:
                self._note_answer(replace(self._unanswered.pop(number), error=error))
            case ["page", str(page), int(n)]:
                self._note_page(page, n)
            case ["answered", str(page), int(n), int() | None as seq, str() | None as error, str(digest)]:
                self._note_answer(Taken(page, n, "", seq=seq, error=error, digest=digest))
            case ["another log"]:  # what was stored is at none of the places any longer
                self._by_seq.clear()
                self._answered = OrderedDict((key, replace(each, seq=None)) for key, each in self._answered.items())
            case _:
                pass

    def _note_page(self, page: str, n: int) -> None:
        self._pages[page] = max(n, self._pages.get(page, 0))
        self._pages.move_to_end(page)
        while len(self._pages) > PAGES:
            self._pages.popitem(last=False)

    def _note_answer(self, line: Taken) -> None:
        self._answered[line.page, line.n] = replace(line, text="")
        if line.seq is not None:
            self._by_seq[line.seq] = line.page, line.n
        while len(self._answered) > ANSWERS:
            _, oldest = self._answered.popitem(last=False)
            if oldest.seq is not None:
                self._by_seq.pop(oldest.seq, None)
