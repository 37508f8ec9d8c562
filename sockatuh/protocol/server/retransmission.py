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

Almost every entry is shown to everybody. That is noted once for all sessions (`ShownToAll`), and each session notices
it when it is looked at, by an acknowledgement or a sweep: to note it at a thousand sessions, whose memory is cold by
then, took up to a sixth of what a message costs.
"""

from __future__ import annotations

import math
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


class ShownToAll(msgspec.Struct):
    """What all sessions were shown; each may have been shown more."""

    last: int = 0
    """The last such entry."""
    since: float = math.inf
    """When the first entry since the last complete sweep was shown; infinity if none was."""

    def show(self, seq: int, now: float) -> None:
        """Note that everybody was shown the entry `seq`."""
        self.last, self.since = seq, min(self.since, now)


class Retransmission(msgspec.Struct):
    """What one session has acknowledged of what it was shown, and since when we wait for its next ACK."""

    to_all: ShownToAll = msgspec.field(default_factory=ShownToAll)
    acked: int = 0
    state: RetransmissionState = RetransmissionState.UP_TO_DATE
    since: float = -math.inf
    """When the present wait began: at the last transition, even one to the same state."""
    _shown: int = 0
    """The last entry that this session was shown by itself."""

    @property
    def shown(self) -> int:
        """The last entry the session was shown."""
        return max(self._shown, self.to_all.last)

    @property
    def is_far_behind(self) -> bool:
        """Whether it lacks so much that nothing is pushed to it; it requests entries at its own pace."""
        return self.shown - self.acked > PUSH_WINDOW

    def begin(self, to_all: ShownToAll, start: int, head: int, now: float) -> None:
        """Begin with a client whose cursor is `start`; it asks by itself for everything up to `head`."""
        self.to_all, self.acked, self._shown = to_all, start, start
        if start < head:
            self._note(head, now)

    def show(self, seq: int, now: float) -> None:
        """Note that this session was shown the entry `seq`."""
        self.notice(now)
        self._note(seq, now)

    def _note(self, seq: int, now: float) -> None:
        self._shown = seq
        if self.state is RetransmissionState.UP_TO_DATE:
            self._enter(RetransmissionEvent.SHOWN, now)

    def notice(self, now: float) -> None:
        """Notice what all sessions were shown."""
        if self.state is RetransmissionState.UP_TO_DATE and self.acked < self.shown:
            self._enter(RetransmissionEvent.SHOWN, max(self.since, min(self.to_all.since, now)))

    def acknowledge(self, seq: int, now: float) -> bool:
        """Note that the session has everything up to `seq`; return whether it is still behind, but less than before."""
        if seq <= self.acked:
            return False
        self.notice(now)
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
