"""What a client has said and has no answer to yet (docs/PROTOCOL.md §6).

A text is cut into SAY datagrams, which are repeated until the line is stored or refused, over any number of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sockatuh.protocol.constants import LINE_WINDOW, LINES_IN_FLIGHT, MAX_PIECE, RETRY_AFTER
from sockatuh.protocol.messages import Progress, Say, Stored, Unsaid

from .clamps import LINE_SECONDS
from .events import LineRefused, LineStored

PROGRESS_RESEND_AFTER = 0.05
"""Seconds in which a second PROGRESS for the same hole re-sends nothing: it crossed our answer to the first."""


@dataclass(slots=True)
class _Line:
    """A line on its way: its SAY parts not yet known to be there, and when to send them again."""

    action: bool
    pieces: list[bytes]
    lacking: set[int]
    tries: int = 0
    due_at: float = 0.0
    sent_at: float = field(default=-1.0)


class Outbox:
    """The lines of one client, oldest first."""

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
