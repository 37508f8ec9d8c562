"""When one session is sent again what it has not acknowledged (docs/PROTOCOL.md §8).

A session acknowledges its cursor, now and then. It is *behind* while that is less than the last entry it was shown;
entries it is not shown do not count, because nothing is sent for them alone. Being behind is normal for a moment. When
the acknowledgement does not come in time, the session is sent what it lacks, once more after a longer wait, and from
then on only the head, so that a client that is back knows what to request.

    state         what is waited for                        when the wait is over
    UP_TO_DATE    nothing
    BEHIND        an acknowledgement of what it was shown   send what it lacks    → SENT_AGAIN
    SENT_AGAIN    the same, for longer                      send what it lacks    → SILENT
    SILENT        any sign                                  send HEAD             → SILENT

An acknowledgement that moves leads back to BEHIND, or to UP_TO_DATE, from everywhere.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

import msgspec

from sockatuh.protocol.constants import ACK_PATIENCE, PUSH_WINDOW, REPAIR_AFTER_MAX

WAITS_LONGEST: Final = 1.25 * ACK_PATIENCE
"""Seconds within which a client acknowledges, however long new entries keep coming."""


class RetransmissionState(IntEnum):
    """How far re-sending to a session has come."""

    UP_TO_DATE = auto()
    BEHIND = auto()
    SENT_AGAIN = auto()
    SILENT = auto()


class RetransmissionEvent(IntEnum):
    """What changes the state."""

    SHOWN = auto()
    """The session was shown an entry while up to date; being shown more while it is behind changes nothing."""
    MOVED = auto()
    """The session has acknowledged more than before, but not everything."""
    CAUGHT_UP = auto()
    """The session has acknowledged the last entry it was shown."""
    TIMED_OUT = auto()
    """No acknowledgement came in time."""


class Remedy(IntEnum):
    """What a session that is behind is sent."""

    ENTRIES = auto()
    HEAD = auto()


TRANSITIONS: Final[dict[tuple[RetransmissionState, RetransmissionEvent], RetransmissionState]] = {
    (RetransmissionState.UP_TO_DATE, RetransmissionEvent.SHOWN): RetransmissionState.BEHIND,
    (RetransmissionState.UP_TO_DATE, RetransmissionEvent.CAUGHT_UP): RetransmissionState.UP_TO_DATE,
    (RetransmissionState.BEHIND, RetransmissionEvent.MOVED): RetransmissionState.BEHIND,
    (RetransmissionState.BEHIND, RetransmissionEvent.CAUGHT_UP): RetransmissionState.UP_TO_DATE,
    (RetransmissionState.BEHIND, RetransmissionEvent.TIMED_OUT): RetransmissionState.SENT_AGAIN,
    (RetransmissionState.SENT_AGAIN, RetransmissionEvent.MOVED): RetransmissionState.BEHIND,
    (RetransmissionState.SENT_AGAIN, RetransmissionEvent.CAUGHT_UP): RetransmissionState.UP_TO_DATE,
    (RetransmissionState.SENT_AGAIN, RetransmissionEvent.TIMED_OUT): RetransmissionState.SILENT,
    (RetransmissionState.SILENT, RetransmissionEvent.MOVED): RetransmissionState.BEHIND,
    (RetransmissionState.SILENT, RetransmissionEvent.CAUGHT_UP): RetransmissionState.UP_TO_DATE,
    (RetransmissionState.SILENT, RetransmissionEvent.TIMED_OUT): RetransmissionState.SILENT,
}


class Retransmission(msgspec.Struct):
    """What one session has acknowledged of what it was shown, and since when we wait for its next ACK."""

    acked: int = 0
    shown: int = 0
    """The last entry the session was shown."""
    state: RetransmissionState = RetransmissionState.UP_TO_DATE
    since: float = 0.0
    """When the present wait began: at the last transition, even one to the same state."""

    @property
    def is_far_behind(self) -> bool:
        """Whether it lacks so much that nothing is pushed to it; it requests entries at its own pace."""
        return self.shown - self.acked > PUSH_WINDOW

    def begin(self, start: int, head: int, now: float) -> None:
        """Begin with a client whose cursor is `start`; it asks by itself for everything up to `head`."""
        self.acked = self.shown = start
        if start < head:
            self.show(head, now)

    def show(self, seq: int, now: float) -> bool:
        """Note that the session is shown the entry `seq`; return whether to push it, as it was not far behind."""
        is_near = self.shown - self.acked <= PUSH_WINDOW
        self.shown = seq
        if self.state is RetransmissionState.UP_TO_DATE:
            self._enter(RetransmissionEvent.SHOWN, now)
        return is_near

    def acknowledge(self, seq: int, now: float) -> bool:
        """Note that the session has everything up to `seq`; return whether it is still behind, but less than before."""
        if seq <= self.acked:
            return False
        self.acked = seq
        is_behind = seq < self.shown
        self._enter(RetransmissionEvent.MOVED if is_behind else RetransmissionEvent.CAUGHT_UP, now)
        return is_behind

    def due_at(self, delay: float, published_at: float) -> float:
        """Return when something is to be sent again to a session that is behind.

        `delay` is the time within which an acknowledgement comes when nothing is lost; `published_at` is the moment of
        the last push.
        """
        match self.state:
            case RetransmissionState.BEHIND if self.is_far_behind:  # a client acknowledges long before
                return self.since + delay
            case RetransmissionState.BEHIND:  # clients wait while more comes, but not for ever
                return min(max(self.since, published_at), self.since + WAITS_LONGEST) + delay
            case RetransmissionState.SENT_AGAIN:
                return self.since + max(delay, min(2 * delay, REPAIR_AFTER_MAX))
            case _:
                return self.since + max(delay, REPAIR_AFTER_MAX)

    def time_out(self, now: float) -> Remedy:
        """Return what is to be sent now that no acknowledgement came in time."""
        remedy = Remedy.HEAD if self.state is RetransmissionState.SILENT or self.is_far_behind else Remedy.ENTRIES
        self._enter(RetransmissionEvent.TIMED_OUT, now)
        return remedy

    def _enter(self, event: RetransmissionEvent, now: float) -> None:
        """Change the state; the one place that does. With each change a wait begins."""
        self.state, self.since = TRANSITIONS[self.state, event], now
