"""The lines a client has said that have no answer yet (docs/PROTOCOL.md §6).

A text is cut into SAY datagrams, which are repeated until the line is stored or refused, over any number of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from sockatuh.protocol.constants import LINE_WINDOW, LINES_IN_FLIGHT, MAX_PIECE, RETRY_AFTER
from sockatuh.protocol.datagrams import jitter
from sockatuh.protocol.messages import Progress, Say, Stored, Unsaid
from sockatuh.protocol.timers import TimerTable

from .bounds import LINE_SECONDS, MAX_DETAIL, ORDER_SECONDS, code_untrusted
from .events import LineRefused, LineStored
from .timers import ClientTimer

PROGRESS_RESEND_AFTER: Final = 0.05
"""Seconds in which a second PROGRESS about the same line repeats nothing: it crossed our answer to the first."""


class _Line(msgspec.Struct):
    """A line without an answer; `missing` are the indexes of the parts that the server is not known to have."""

    action: bool
    to: str
    pieces: list[bytes]
    missing: set[int]
    tries: int = 0
    due_at: float = 0.0
    sent_at: float = 0.0


class Outbox:
    """The unanswered lines of one client, oldest first."""

    def __init__(self, random: Callable[[int], bytes], timers: TimerTable[ClientTimer], last: int = 0) -> None:
        """`last` is the number of the last line that was said in this stream, before this client began."""
        self._random, self._timers = random, timers
        self._lines: dict[int, _Line] = {}
        self._last = last

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, number: int) -> bool:
        return number in self._lines

    def add(self, text: bytes, action: bool, to: str = "") -> int:
        """Add a line, due at once, and return its number; `to` is the addressee of a private one."""
        self._last += 1
        self.add_again(self._last, text, action, to)
        return self._last

    def add_again(self, number: int, text: bytes, action: bool, to: str = "") -> None:
        """Add a line under the number that an earlier client of this stream gave it; call it in ascending order."""
        pieces = _cut(text, MAX_PIECE - len(to.encode()))
        self._lines[number] = _Line(action, to, pieces, set(range(len(pieces))))
        self._last = max(self._last, number)
        self._set_timer()

    def remove(self, number: int) -> bool:
        """Remove a line that was answered; False if it was answered before."""
        found = self._lines.pop(number, None) is not None
        self._set_timer()
        return found

    def take_answer(self, answer: Stored | Unsaid) -> Iterator[LineStored | LineRefused]:
        """Remove the lines that were answered, and yield what is to be reported."""
        match answer:
            case Stored(pairs):
                yield from (LineStored(number, seq) for number, seq in pairs if self.remove(number))
            case Unsaid(number, code, wait_ms, detail) if self.remove(number):
                yield LineRefused(number, code_untrusted(code), ORDER_SECONDS(wait_ms / 1000), detail[:MAX_DETAIL])
            case _:
                pass

    def restart(self) -> None:
        """Make every line due at once, whole: the session is new, or what was sent may be lost."""
        for line in self._lines.values():
            line.missing = set(range(len(line.pieces)))
            line.tries, line.due_at = 0, 0.0
        self._set_timer()

    def take_progress(self, progress: Progress, now: float) -> int:
        """Note which parts the server has; make those it lacks due at once, or later if it asks to wait.

        Return how many datagrams have become due.
        """
        wait, hurried = LINE_SECONDS(progress.wait_ms / 1000), 0
        for number, line in self._lines.items():
            if progress.wait_ms and line.tries:
                line.due_at = max(line.due_at, now + wait + RETRY_AFTER[1])
            elif number == progress.number:
                missing = {i for i in range(len(line.pieces)) if not progress.have >> i & 1}
                line.missing = missing or set(range(len(line.pieces)))
                if missing and line.tries and now - line.sent_at >= PROGRESS_RESEND_AFTER:
                    line.due_at = now
                    hurried = len(line.missing)
        self._set_timer()
        return hurried

    def handle_timer(self, now: float) -> list[Say]:
        """Return what is to be sent now, within the window."""
        oldest = next(iter(self._lines), 0)
        says: list[Say] = []
        for number, line in self._in_flight():
            if line.due_at <= now:
                wait = RETRY_AFTER[min(line.tries, len(RETRY_AFTER) - 1)]
                line.due_at = now + wait * jitter(self._random, 0.2)
                line.tries += 1
                line.sent_at = now
                pieces = line.pieces
                says += [
                    Say(number, oldest, line.action, index, len(pieces), pieces[index], "" if index else line.to)
                    for index in sorted(line.missing)
                ]
        self._set_timer()
        return says

    @property
    def is_repeating(self) -> bool:
        """Tell whether a line was sent more than once, which makes it doubtful that the server is still there."""
        return any(line.tries > 1 for line in self._lines.values())

    def _in_flight(self) -> Iterator[tuple[int, _Line]]:
        """Yield the lines that may be in flight now.

        All are within LINE_WINDOW of the oldest unanswered one, so the server still has its answer to that.
        """
        oldest, room = next(iter(self._lines), 0), LINES_IN_FLIGHT
        for number, line in self._lines.items():
            room -= len(line.missing)
            if room < 0 or number >= oldest + LINE_WINDOW:
                return
            yield number, line

    def _set_timer(self) -> None:
        self._timers.set(ClientTimer.LINES, min((line.due_at for _, line in self._in_flight()), default=None))


def _cut(text: bytes, first: int) -> list[bytes]:
    """Cut a text into pieces: the first of at most `first` bytes, as the addressee travels with it, then MAX_PIECE."""
    return [text[:first], *(text[at : at + MAX_PIECE] for at in range(first, len(text), MAX_PIECE))]
