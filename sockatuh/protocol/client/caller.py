"""The client's calls: one under way at a time, repeated until it is answered (docs/PROTOCOL.md §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sockatuh.protocol.messages import Answer, AnswerBody, Call, CallBody, Leave

CALL_RETRY_AFTER: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Seconds: one small datagram, for which a person waits."""
LEAVE_RETRY_AFTER: Final = (0.2, 0.2, 0.2)
"""Seconds: nobody waits long for a goodbye."""


@dataclass(slots=True)
class _PendingCall:
    message: Call
    tries: int
    due_at: float


class Caller:
    """Numbers the calls of one session; a new call takes the place of one under way."""

    def __init__(self) -> None:
        self._number = 0
        self._pending: _PendingCall | None = None

    def ask(self, body: CallBody, at: float) -> None:
        """Make a call; it goes out with the first `due` at or after `at`."""
        self._number += 1
        self._pending = _PendingCall(Call(self._number, body), 0, at)

    def get_timer(self) -> float | None:
        """Return when `due` has something."""
        return self._pending.due_at if self._pending else None

    def due(self, now: float, jitter: float) -> Call | None:
        """Return the call that is to be sent (again) now."""
        pending = self._pending
        if pending is None or pending.due_at > now or self.is_given_up(now):
            return None
        schedule = LEAVE_RETRY_AFTER if self.is_leaving else CALL_RETRY_AFTER
        pending.due_at = now + schedule[min(pending.tries, len(schedule) - 1)] * jitter
        pending.tries += 1
        return pending.message

    def hurry(self, now: float) -> None:
        """Make the call under way, if it was made before, again at once: the server is heard again."""
        if self._pending is not None and self._pending.tries:
            self._pending.tries, self._pending.due_at = 0, now

    @property
    def is_leaving(self) -> bool:
        """Tell whether the call under way is the goodbye."""
        return self._pending is not None and isinstance(self._pending.message.body, Leave)

    def is_given_up(self, now: float) -> bool:
        """Tell whether a goodbye has been said often enough."""
        pending = self._pending
        return (
            pending is not None
            and self.is_leaving
            and pending.tries >= len(LEAVE_RETRY_AFTER)
            and pending.due_at <= now
        )

    def retried(self) -> bool:
        """Tell whether a call was sent more than once: is the server still there?"""
        return self._pending is not None and self._pending.tries > 1

    def take_answer(self, answer: Answer) -> tuple[CallBody, AnswerBody] | None:
        """Return (what was asked, what was answered), or None if nobody waits for it."""
        pending = self._pending
        if pending is None or pending.message.number != answer.number:
            return None
        self._pending = None
        return pending.message.body, answer.body
