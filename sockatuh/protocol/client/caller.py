"""The client's calls: one at a time, repeated until it is answered (docs/PROTOCOL.md §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from sockatuh.protocol.datagrams import jitter
from sockatuh.protocol.messages import Answer, AnswerBody, Call, CallBody, Leave, UnknownCall
from sockatuh.protocol.timers import TimerTable

from .timers import ClientTimer

CALL_RETRY_AFTER: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Seconds: a call is one small datagram, and a person waits for the answer."""
LEAVE_RETRY_AFTER: Final = (0.2, 0.2, 0.2)
"""Seconds: nobody waits long for the answer to LEAVE."""


class _PendingCall(msgspec.Struct):
    message: Call
    tries: int = 0


class Caller:
    """Numbers the calls of one session; a new call replaces one that has no answer yet."""

    def __init__(self, random: Callable[[int], bytes], timers: TimerTable[ClientTimer]) -> None:
        self._random, self._timers = random, timers
        self._number = 0
        self._pending: _PendingCall | None = None

    def ask(self, body: CallBody, at: float) -> None:
        """Make a call at a time (monotonic seconds)."""
        self._number += 1
        self._pending = _PendingCall(Call(self._number, body))
        self._timers.set(ClientTimer.CALL, at)

    def handle_timer(self, now: float) -> Call | None:
        """Return the call that is to be sent (again); None if LEAVE was sent often enough."""
        pending = self._pending
        schedule = LEAVE_RETRY_AFTER if self.is_leaving else CALL_RETRY_AFTER
        if pending is None or (self.is_leaving and pending.tries == len(schedule)):
            return None
        wait = schedule[min(pending.tries, len(schedule) - 1)]
        self._timers.set(ClientTimer.CALL, now + wait * jitter(self._random, 0.2))
        pending.tries += 1
        return pending.message

    def drop(self) -> None:
        """Forget the call that has no answer; one that comes all the same answers nothing."""
        self._pending = None
        self._timers.stop(ClientTimer.CALL)

    def hurry(self, now: float) -> None:
        """Repeat a call that was sent before at once: contact was in doubt and is back."""
        if self._pending is not None and self._pending.tries:
            self._pending.tries = 0
            self._timers.set(ClientTimer.CALL, now)

    @property
    def is_idle(self) -> bool:
        """Tell whether no call is under way."""
        return self._pending is None

    @property
    def is_leaving(self) -> bool:
        """Tell whether LEAVE has no answer yet."""
        return self._pending is not None and isinstance(self._pending.message.body, Leave)

    @property
    def is_repeating(self) -> bool:
        """Tell whether a call was sent more than once, which makes it doubtful that the server is still there."""
        return self._pending is not None and self._pending.tries > 1

    def take_answer(self, answer: Answer) -> tuple[CallBody | UnknownCall, AnswerBody] | None:
        """Return (what was asked, what was answered), or None if this answers no open call."""
        pending = self._pending
        if pending is None or pending.message.number != answer.number:
            return None
        self.drop()
        return pending.message.body, answer.body
