"""How a client follows the log: it receives entries, acknowledges them, requests missing ones (docs/PROTOCOL.md §8)."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import (
    ACK_ENTRIES,
    ACK_PATIENCE,
    GET_RETRY_MAX,
    GET_RETRY_MIN,
    MARK_SIZE,
    REORDER_DELAY,
)
from sockatuh.protocol.datagrams import jitter, line_id
from sockatuh.protocol.messages import CLAIMED, JOINED, LEFT, RENAMED, Ack, Entries, EntryPart, Get, Welcome

from .events import CaughtUp, EntriesGone, EntryArrived
from .inbox import Gone, Inbox

MARKS_KEPT: Final = 1024
"""Lines of ours remembered until their entries arrive; more than can be in flight."""
ANSWERS_TIMED: Final = 8
"""Response times remembered: enough for one of them to be that of a first request, whatever gets lost."""
ANSWER_GUESS: Final = 0.05
"""Seconds that an answer is assumed to take before any was timed."""
SAID_BY_NOBODY: Final = frozenset({JOINED, LEFT, CLAIMED, RENAMED})
"""Kinds of entries that are nobody's line, whatever mark they have."""
GET_BACKOFF: Final = 1.25
"""Each repeated request waits longer for its answer by this factor."""


class CatchUp:
    """Turns received entries into events in the order of the log, and returns the ACKs and GETs to send."""

    def __init__(self, client_key: bytes, stream: bytes, random: Callable[[int], bytes], cursor: int) -> None:
        self.inbox = Inbox(cursor)
        self.ack_seconds = 0.1
        self._client_key, self._stream, self._random = client_key, stream, random
        self._marks: OrderedDict[bytes, int] = OrderedDict()
        self._acked = cursor
        self._shown_at_ack = 0
        self._ack_at: float | None = None
        self._ack_by = 0.0
        self._ack_delay = 0.0
        self._get_at: float | None = None
        self._get_tries = 0
        self._asked_at: float | None = None
        self._answered_in = deque([ANSWER_GUESS], maxlen=ANSWERS_TIMED)
        self._catching_up_to: int | None = None
        self._is_paused = False

    def pause(self) -> None:
        """Ignore entries for now; the server keeps them, and soon stops pushing to a client that acknowledges none."""
        self._is_paused, self._get_at = True, None

    def resume(self, now: float) -> None:
        """Accept entries again, and request those that came meanwhile at once."""
        self._is_paused = False
        self._get_tries, self._asked_at = 0, None
        self._get_at = now if self.inbox.has_holes() else None

    def expect(self, number: int) -> None:
        """Remember that line `number` is ours."""
        self._marks[line_id(self._client_key, self._stream, number)[:MARK_SIZE]] = number
        if len(self._marks) > MARKS_KEPT:
            self._marks.popitem(last=False)

    def place(self, welcome: Welcome, log_id: bytes | None, *, begins: bool) -> bool:
        """Start where WELCOME says; return whether history was set back since we read `log_id` (None: nothing)."""
        # In a log that we have read, a server never begins before our cursor.
        rewound = log_id not in (None, welcome.log_id) or welcome.start < self.inbox.cursor
        if rewound or begins:
            self.inbox.restart(welcome.start, welcome.head)
        elif welcome.start > self.inbox.cursor:
            self.inbox.receive(Entries(self.inbox.cursor, welcome.start, False, ()))
        return rewound

    def stretch(self, head: int, earlier: int, newest: int | None) -> None:
        """Read `earlier` entries before the cursor too; or, if more than `newest` follow it, only those."""
        cursor = self.inbox.cursor
        begins = max(0, cursor - earlier) if newest is None or head - cursor <= newest else head - newest
        if begins != cursor:
            self.inbox.restart(begins, head)

    def begin(self, head: int, now: float) -> None:
        """Begin a session; the log ends at `head`."""
        self.inbox.notice_head(head)
        self._note_acked()
        self._catching_up_to = head
        self._ack_at, self._get_tries, self._asked_at = None, 0, None
        self._get_at = now if self.inbox.has_holes() and not self._is_paused else None

    def notice_head(self, head: int, now: float, *, again: bool) -> None:
        """Note that the log reaches `head`; `again`: the server sent it because our acknowledgement is missing."""
        self.inbox.notice_head(head)
        if again:
            self._acknowledge_again(head, now)
        self._look_for_hole(now, progress=False, answered=False)

    def hurry(self, now: float) -> None:
        """Request at once what is missing: contact was in doubt and is back."""
        if self._get_at is not None:
            self._get_at, self._get_tries = now, 0

    def receive(self, message: Entries | EntryPart, now: float) -> None:
        """Process entries; ProtocolError if they do not decode."""
        if self._is_paused:
            self.inbox.notice_head(message.through if isinstance(message, Entries) else message.seq)
            return
        before, kept = self.inbox.cursor, self.inbox.kept
        self.inbox.receive(message)
        brought_something = self.inbox.cursor > before or self.inbox.kept > kept
        if self.inbox.cursor > before:
            self._acknowledge_soon(now)
        else:
            self._acknowledge_again(message.through if isinstance(message, Entries) else message.seq, now)
        self._look_for_hole(now, progress=self.inbox.cursor > before, answered=message.end and brought_something)

    def _acknowledge_again(self, seq: int, now: float) -> None:
        """Acknowledge again if the server has repeated a `seq` that we have: our ACK was lost."""
        if seq <= self.inbox.cursor:
            self._acked = min(self._acked, seq - 1)
            self._acknowledge_soon(now)

    def _acknowledge_soon(self, now: float) -> None:
        """Acknowledge after a pause, after many entries, or after ACK_PATIENCE: so a busy room needs few ACKs.

        A datagram that is lost meanwhile is noticed by the next one, and requested.
        """
        if self._ack_at is None:
            share = jitter(self._random, 0.25)
            self._ack_delay = self.ack_seconds * share
            self._ack_by = now + ACK_PATIENCE * share
        is_much = self.inbox.shown - self._shown_at_ack >= ACK_ENTRIES
        self._ack_at = now if is_much else min(now + self._ack_delay, self._ack_by)

    def _look_for_hole(self, now: float, *, progress: bool, answered: bool) -> None:
        if self._is_paused:
            return
        if answered and self._asked_at is not None:
            self._answered_in.append(now - self._asked_at)
            self._asked_at = None
        if progress:
            self._get_tries = 0
        if not self.inbox.has_holes():
            self._get_at = self._asked_at = None
        elif answered:
            self._get_at = now
        elif self._get_at is None:
            self._get_at = now + REORDER_DELAY
        elif progress and self._asked_at is not None:  # the answer is on its way
            self._get_at = now + self._patience()

    def _patience(self) -> float:
        """Return the seconds to wait for an answer: twice the quickest of the last ones, longer with each request."""
        first = max(2 * min(self._answered_in), GET_RETRY_MIN)
        # A hole that is never filled is requested for ever, and a float cannot grow for ever.
        return min(first * GET_BACKOFF ** min(self._get_tries, 64), GET_RETRY_MAX)

    def take(self) -> list[EntryArrived | EntriesGone | CaughtUp]:
        """Remove and return the events that are ready, in order."""
        events: list[EntryArrived | EntriesGone | CaughtUp] = []
        for item in self.inbox.take():
            if isinstance(item, Gone):
                events.append(EntriesGone(item))
            else:
                own = self._marks.pop(item.mark, None) if item.kind not in SAID_BY_NOBODY else None
                events.append(EntryArrived(item, own))
        if self._catching_up_to is not None and self.inbox.cursor >= self._catching_up_to:
            self._catching_up_to = None
            events.append(CaughtUp())
        return events

    def get_timer(self) -> float | None:
        """Return when `due` will have something to send."""
        return min((at for at in (self._ack_at, self._get_at) if at is not None), default=None)

    def due(self, now: float) -> Ack | Get | None:
        """Return the ACK or the GET that is due; a GET acknowledges too."""
        if self._get_at is not None and self._get_at <= now:
            self._get_at = now + self._patience()
            self._asked_at = now if self._asked_at is None else self._asked_at
            self._get_tries += 1
            self._ack_at = None
            self._note_acked()
            first, *more = self.inbox.holes()
            return Get(*first, tuple(more))
        if self._ack_at is not None and self._ack_at <= now:
            self._ack_at = None
            if self.inbox.cursor > self._acked:
                self._note_acked()
                return Ack(self._acked)
        return None

    def _note_acked(self) -> None:
        self._acked, self._shown_at_ack = self.inbox.cursor, self.inbox.shown
