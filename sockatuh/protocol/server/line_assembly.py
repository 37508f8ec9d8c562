"""Assemble lines from their parts, and release them in order, each exactly once (docs/PROTOCOL.md §6)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sockatuh.protocol.constants import LINE_WINDOW, MAX_PARTS, MAX_PIECE, ROWS_PER_LINE
from sockatuh.protocol.messages import Progress, Say

LINE_COST = 512
PART_COST = 64
"""Bytes of memory that a line, and each part of it, takes besides its text."""
NAME_COST = 4
"""Bytes of memory of each character of an addressee's name, at most."""


class _Assembly(msgspec.Struct):
    """A line of which some parts may be missing."""

    action: bool
    parts: list[bytes | None]
    missing: int
    begun_at: float
    to: str = ""
    held_bytes: int = LINE_COST
    """About how many bytes of memory it takes."""


class Line(NamedTuple):
    """A whole line: `to` names the addressee of a private one, "" for everybody."""

    number: int
    action: bool
    text: bytes
    to: str


class LineReceiver:
    """Keeps the parts of one session's lines, bounded, until their line is complete and the next in order."""

    def __init__(self) -> None:
        self.next = 0
        """The number of the next line to release; 0 before the first SAY."""
        self.held_bytes = 0
        """About how many bytes of memory the parts take."""
        self.asks_again = False
        """Whether parts of the next line were dropped after a PROGRESS had reported them as received."""
        self._waiting: dict[int, _Assembly] = {}
        self._held = 0

    def receive(self, say: Say, now: float) -> None:
        """Take one part, unless its line was released already or is too far ahead, or it is malformed.

        Even a part that is ignored may make the next line ready: `oldest` says which lines earlier sessions answered.
        """
        if not 0 < say.oldest <= say.number or not 0 < say.count <= MAX_PARTS or say.index >= say.count:
            return
        if self.next < say.oldest:
            self._begin_at(say.oldest)
        if not self.next <= say.number < self.next + LINE_WINDOW or len(say.piece) > MAX_PIECE:
            return
        if self._held >= LINE_WINDOW and say.number != self.next:
            return
        line = self._waiting.get(say.number)
        if line is None:
            line = self._waiting[say.number] = _Assembly(say.action, [None] * say.count, say.count, now)
            self.held_bytes += LINE_COST
        if len(line.parts) != say.count or line.parts[say.index] is not None:
            return
        size = len(say.piece) + PART_COST
        if say.index == 0:
            line.to = say.to
            size += NAME_COST * len(say.to)
        line.parts[say.index] = say.piece
        line.missing -= 1
        line.held_bytes += size
        self._held += 1
        self.held_bytes += size

    def ready(self) -> bool:
        """Tell whether the next line is complete."""
        line = self._waiting.get(self.next)
        return line is not None and line.missing == 0

    @property
    def cost(self) -> float:
        """How many lines the next line, which has to be `ready`, counts as: one per part, or per 40 rows if more."""
        parts, rows = self._waiting[self.next].parts, 1
        for part in filter(None, parts):
            rows += part.count(b"\n") + part.count(b"\r") - part.count(b"\r\n")
        return max(len(parts), rows / ROWS_PER_LINE)

    def holds_parts(self) -> bool:
        """Tell whether parts are kept, of a line that is incomplete or not next."""
        return self._held > 0

    def take(self) -> Line:
        """Remove and return the next line, which has to be `ready`."""
        number = self.next
        line = self._forget(number)
        self.next, self.asks_again = number + 1, False
        return Line(number, line.action, b"".join(filter(None, line.parts)), line.to)

    def progress(self, wait_ms: int = 0, reason: int = 0) -> Progress:
        """Return a PROGRESS: which parts of the next line are here, and why it waits."""
        number = self.next
        line = self._waiting.get(number)
        have = sum(1 << index for index, part in enumerate(line.parts) if part is not None) if line else 0
        return Progress(number, number, have, wait_ms, reason)

    def _begin_at(self, oldest: int) -> None:
        """Forget every line before `oldest`: the client has answers to them."""
        for number in [number for number in self._waiting if number < oldest]:
            self._forget(number)
        self.next, self.asks_again = oldest, False

    def drop(self, number: int) -> None:
        """Drop the parts of a line, which the client then has to send again."""
        if number in self._waiting:
            self._forget(number)
            self.asks_again = self.asks_again or number == self.next

    def drop_last(self) -> None:
        """Drop the parts of the last line."""
        self.drop(max(self._waiting))

    def drop_all(self) -> None:
        """Drop all parts."""
        for number in list(self._waiting):
            self.drop(number)

    def expire(self, before: float) -> bool:
        """Drop lines whose first part came before a moment, unless the server delays them; return whether any did."""
        if self.ready():
            return False
        old = [number for number, line in self._waiting.items() if line.begun_at < before]
        for number in old:
            self.drop(number)
        return bool(old)

    def _forget(self, number: int) -> _Assembly:
        line = self._waiting.pop(number)
        self._held -= len(line.parts) - line.missing
        self.held_bytes -= line.held_bytes
        return line
