"""A member's reading: places entries, acknowledges, asks for what is missing (docs/PROTOCOL.md §8)."""

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
from sockatuh.protocol.messages import CLAIMED, JOINED, LEFT, Ack, Entries, EntryPart, Get, Welcome

from .events import CaughtUp, EntriesGone, EntryArrived
from .inbox import Gone, Inbox

MARKS_KEPT: Final = 1024
"""Own lines whose entry has not been seen; more than can be under way and unread."""
ANSWERS_TIMED: Final = 8
"""Answers whose time counts: of so many, one at least came to the first request, whatever the network loses."""
ANSWER_GUESS: Final = 0.05
"""Seconds an answer takes, while nothing is known of the network."""
SAID_BY_NOBODY: Final = frozenset({JOINED, LEFT, CLAIMED})
"""Kinds of entries that are no line of anybody's, whatever mark they bear."""
GET_BACKOFF: Final = 1.25
"""How much longer each time a request waits for its answer."""


class Reader:
    """Turns what comes into events in the order of the log, and says what is to be sent back."""

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
        """Take no entries for now; the server keeps them, and soon stops pushing to a client that acknowledges none."""
        self._is_paused, self._get_at = True, None

    def resume(self, now: float) -> None:
        """Take entries again, and ask at once for those that came meanwhile."""
        self._is_paused = False
        self._get_tries, self._asked_at = 0, None
        self._get_at = now if self.inbox.has_holes() else None

    def expect(self, number: int) -> None:
        """Remember that line `number` is ours."""
        self._marks[line_id(self._client_key, self._stream, number)[:MARK_SIZE]] = number
        if len(self._marks) > MARKS_KEPT:
            self._marks.popitem(last=False)

    def place(self, welcome: Welcome, log_id: bytes | None, *, begins: bool) -> bool:
        """Begin where WELCOME says; return whether the log is another than the one we have read (None: none)."""
        # In the log that we have read a server begins no earlier than at our cursor.
        rewound = log_id not in (None, welcome.log_id) or welcome.start < self.inbox.cursor
        if rewound or begins:
            self.inbox.restart(welcome.start, welcome.head)
        elif welcome.start > self.inbox.cursor:
            self.inbox.receive(Entries(self.inbox.cursor, welcome.start, False, ()))
        return rewound

    def begin(self, head: int, now: float) -> None:
        """A session begins, with the log at `head`."""
        self.inbox.notice_head(head)
        self._note_acked()
        self._catching_up_to = head
        self._ack_at, self._get_tries, self._asked_at = None, 0, None
        self._get_at = now if self.inbox.has_holes() and not self._is_paused else None

    def notice_head(self, head: int, now: float, *, again: bool) -> None:
        """Hear that the log has come to `head`; `again`: because the server believes that we do not know."""
        self.inbox.notice_head(head)
        if again:
            self._hear_again(head, now)
        self._look_for_hole(now, progress=False, answered=False)

    def hurry(self, now: float) -> None:
        """Ask at once for what is missing: the server is heard again."""
        if self._get_at is not None:
            self._get_at, self._get_tries = now, 0

    def receive(self, message: Entries | EntryPart, now: float) -> None:
        """Take entries; ProtocolError if they do not decode."""
        if self._is_paused:
            self.inbox.notice_head(message.through if isinstance(message, Entries) else message.seq)
            return
        before, kept = self.inbox.cursor, self.inbox.kept
        self.inbox.receive(message)
        brought_something = self.inbox.cursor > before or self.inbox.kept > kept
        if self.inbox.cursor > before:
            self._acknowledge_soon(now)
        else:
            self._hear_again(message.through if isinstance(message, Entries) else message.seq, now)
        self._look_for_hole(now, progress=self.inbox.cursor > before, answered=message.end and brought_something)

    def _hear_again(self, seq: int, now: float) -> None:
        """Hear from a server that tells again what it told up to `seq`; if that is known, ACK was lost."""
        if seq <= self.inbox.cursor:
            self._acked = min(self._acked, seq - 1)
            self._acknowledge_soon(now)

    def _acknowledge_soon(self, now: float) -> None:
        """Acknowledge when nothing more comes for a while, or much has come, or for long: a busy room needs few ACKs.

        Who has missed something meanwhile sees it by what follows, and asks.
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
        """Return how many seconds to wait for an answer: twice what the quickest of late has taken, and ever longer."""
        first = max(2 * min(self._answered_in), GET_RETRY_MIN)
        # A hole that is never filled is asked about for ever, and a float has an end.
        return min(first * GET_BACKOFF ** min(self._get_tries, 64), GET_RETRY_MAX)

    def take(self) -> list[EntryArrived | EntriesGone | CaughtUp]:
        """Return what has become known, in order."""
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
        """Return when `due` has something."""
        return min((at for at in (self._ack_at, self._get_at) if at is not None), default=None)

    def due(self, now: float) -> Ack | Get | None:
        """Return the acknowledgement or the request that is due; a GET acknowledges too."""
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
