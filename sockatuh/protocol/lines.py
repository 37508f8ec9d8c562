"""Lines from a client to the log: numbered, in order, each exactly once (docs/PROTOCOL.md §6).

The client's `LineSender` cuts a text into SAY datagrams and repeats them until the line is stored or refused.
The server's `LineReceiver` puts parts together and gives lines out strictly in order of number. Neither ever
gives up: a line that is neither stored nor refused stays in the sender, over any number of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .clamps import LINE_SECONDS
from .constants import LINE_WINDOW, LINES_IN_FLIGHT, MAX_PARTS, MAX_PIECE, RETRY_AFTER, ROWS_PER_LINE
from .messages import Progress, Say, Stored, Unsaid
from .peer_events import LineRefused, LineStored

LINE_COST = 512
PART_COST = 64
"""Bytes that a line, and each part of it, takes in memory beside what was said."""
PROGRESS_RESEND_AFTER = 0.05
"""Seconds in which a second PROGRESS for the same hole re-sends nothing: it crossed our answer to the first."""


@dataclass(slots=True)
class _Assembly:
    """A line of which some parts may be missing."""

    action: bool
    parts: list[bytes | None]
    missing: int
    begun_at: float

    @property
    def held_bytes(self) -> int:
        """About what it takes in memory."""
        return LINE_COST + sum(len(part) + PART_COST for part in self.parts if part is not None)


class LineReceiver:
    """The server's side: holds early parts, bounded, and gives out whole lines in order."""

    def __init__(self) -> None:
        self.next = 0
        """The number of the next line to give out; 0 before the first SAY."""
        self.held_bytes = 0
        """About what is held takes in memory."""
        self.asks_again = False
        """Whether parts of the next line that the client was told to be here were dropped."""
        self._waiting: dict[int, _Assembly] = {}
        self._held = 0

    def receive(self, say: Say, now: float) -> None:
        """Take one part, unless it is of no use: given out already, too far ahead, or malformed.

        Even then it may make the next line ready: `oldest` tells which lines were answered in an earlier session.
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
        line.parts[say.index] = say.piece
        line.missing -= 1
        self._held += 1
        self.held_bytes += len(say.piece) + PART_COST

    def ready(self) -> bool:
        """Tell whether the next line is whole."""
        line = self._waiting.get(self.next)
        return line is not None and line.missing == 0

    @property
    def cost(self) -> float:
        """As how many lines the next one counts: its parts, or a fortieth of its rows; only when `ready`."""
        parts = [part for part in self._waiting[self.next].parts if part is not None]
        rows = 1 + sum(part.count(b"\n") + part.count(b"\r") - part.count(b"\r\n") for part in parts)
        return max(len(parts), rows / ROWS_PER_LINE)

    def holds_parts(self) -> bool:
        """Tell whether something waits for what has not come."""
        return self._held > 0

    def take(self) -> tuple[int, bool, bytes]:
        """Return (number, action, bytes) of the next line; only when `ready`."""
        number = self.next
        line = self._forget(number)
        self.next, self.asks_again = number + 1, False
        return number, line.action, b"".join(part for part in line.parts if part is not None)

    def progress(self, wait_ms: int = 0, reason: int = 0) -> Progress:
        """Say what is there of the next line, and why it waits."""
        number = self.next
        line = self._waiting.get(number)
        have = sum(1 << index for index, part in enumerate(line.parts) if part is not None) if line else 0
        return Progress(number, number, have, wait_ms, reason)

    def _begin_at(self, oldest: int) -> None:
        """Forget everything below `oldest`: the client has an answer for it."""
        for number in [number for number in self._waiting if number < oldest]:
            self._forget(number)
        self.next, self.asks_again = oldest, False

    def drop(self, number: int) -> None:
        """Drop what is there of a line: the client is to send it again."""
        if number in self._waiting:
            self._forget(number)
            self.asks_again = self.asks_again or number == self.next

    def drop_last(self) -> None:
        """Drop what is there of the line that comes last."""
        self.drop(max(self._waiting))

    def drop_all(self) -> None:
        """Drop everything that waits."""
        for number in list(self._waiting):
            self.drop(number)

    def expire(self, before: float) -> bool:
        """Drop lines that began before a moment, if the client makes them wait; tell whether there were any."""
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


@dataclass(slots=True)
class _Line:
    """A line on its way: its SAY parts not yet known to be there, and when to send them again."""

    action: bool
    pieces: list[bytes]
    lacking: set[int]
    tries: int = 0
    due_at: float = 0.0
    sent_at: float = field(default=-1.0)


class LineSender:
    """The client's side: what was said and has no answer yet."""

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, number: int) -> bool:
        return number in self._lines

    def add(self, text: bytes, action: bool) -> int:
        """Number a line; it goes out with the next `due`."""
        self._last += 1
        pieces = [text[at : at + MAX_PIECE] for at in range(0, len(text), MAX_PIECE)] or [b""]
        self._lines[self._last] = _Line(action, pieces, set(range(len(pieces))))
        return self._last

    def settle(self, number: int) -> bool:
        """Forget an answered line; False if it was answered before."""
        return self._lines.pop(number, None) is not None

    def take_answer(self, answer: Stored | Unsaid) -> Iterator[LineStored | LineRefused]:
        """Settle the lines that were answered, and yield what is to be reported."""
        match answer:
            case Stored(pairs):
                yield from (LineStored(number, seq) for number, seq in pairs if self.settle(number))
            case Unsaid(number, code) if self.settle(number):
                yield LineRefused(number, code)
            case _:
                pass

    def restart(self) -> None:
        """A new session: nothing is known to be at the server."""
        for line in self._lines.values():
            line.lacking = set(range(len(line.pieces)))
            line.tries, line.due_at, line.sent_at = 0, 0.0, -1.0

    def heed(self, progress: Progress, now: float) -> int:
        """Mark what the server has; make due at once what it waits for, or later if it is asked to wait.

        Return how many datagrams have become due.
        """
        wait, hurried = LINE_SECONDS(progress.wait_ms / 1000), 0
        for number, line in self._lines.items():
            if progress.wait_ms and line.tries:
                line.due_at = max(line.due_at, now + wait + RETRY_AFTER[1])
            elif number == progress.number:
                lacking = {i for i in range(len(line.pieces)) if not progress.have >> i & 1}
                line.lacking = lacking or set(range(len(line.pieces)))
                if lacking and line.tries and now - line.sent_at >= PROGRESS_RESEND_AFTER:
                    line.due_at = now
                    hurried = len(line.lacking)
        return hurried

    def due(self, now: float, jitter: float) -> Iterator[Say]:
        """Yield what is to be sent now, within the window; `jitter` (0.8–1.2) spreads the next try."""
        oldest = next(iter(self._lines), 0)
        for number, line in self._in_flight():
            if line.due_at <= now:
                line.due_at = now + RETRY_AFTER[min(line.tries, len(RETRY_AFTER) - 1)] * jitter
                line.tries += 1
                line.sent_at = now
                for index in sorted(line.lacking):
                    yield Say(number, oldest, line.action, index, len(line.pieces), line.pieces[index])

    def next_due(self) -> float | None:
        """Return when `due` has something, or None; 0 for at once."""
        return min((line.due_at for _, line in self._in_flight()), default=None)

    def _in_flight(self) -> Iterator[tuple[int, _Line]]:
        """Yield the lines that may be under way now.

        None is so far ahead of an unanswered one that the server may have forgotten the answer to that by now.
        """
        oldest, room = next(iter(self._lines), 0), LINES_IN_FLIGHT
        for number, line in self._lines.items():
            room -= len(line.lacking)
            if room < 0 or number >= oldest + LINE_WINDOW:
                return
            yield number, line

    def retried(self) -> bool:
        """Tell whether some line was sent more than once: is the server still there?"""
        return any(line.tries > 1 for line in self._lines.values())
