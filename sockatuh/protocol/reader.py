"""A member's reading: places entries, acknowledges, asks for what is missing (docs/PROTOCOL.md §8)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from .constants import GET_RETRY_AFTER, MARK_SIZE, REORDER_DELAY
from .inbox import Gone, Inbox
from .messages import ACTION, MESSAGE, Ack, Entries, EntryPart, Get
from .peer_events import CaughtUp, EntriesGone, EntryArrived
from .requests import line_id

MARKS_KEPT: Final = 1024
"""Own lines whose entry has not been seen; more than can be under way and unread."""


class Reader:
    """Turns what comes into events in the order of the log, and says what is to be sent back."""

    def __init__(self, client_key: bytes, stream: bytes, random: Callable[[int], bytes], cursor: int) -> None:
        self.inbox = Inbox(cursor)
        self.ack_seconds = 0.1
        self._client_key, self._stream, self._random = client_key, stream, random
        self._marks: OrderedDict[bytes, int] = OrderedDict()
        self._acked = cursor
        self._ack_at: float | None = None
        self._get_at: float | None = None
        self._get_tries = 0
        self._catching_up_to: int | None = None

    def expect(self, number: int) -> None:
        """Remember that line `number` is ours."""
        self._marks[line_id(self._client_key, self._stream, number)[:MARK_SIZE]] = number
        if len(self._marks) > MARKS_KEPT:
            self._marks.popitem(last=False)

    def begin(self, head: int, now: float) -> None:
        """A session begins, with the log at `head`."""
        self.inbox.notice_head(head)
        self._acked = self.inbox.cursor
        self._catching_up_to = head
        self._ack_at, self._get_tries = None, 0
        self._get_at = now if self.inbox.hole() else None

    def notice_head(self, head: int, now: float) -> None:
        """Hear that the log has come to `head`."""
        self.inbox.notice_head(head)
        self._look_for_hole(now, progress=False, asked=False)

    def receive(self, message: Entries | EntryPart, now: float) -> None:
        """Take entries; ProtocolError if they do not decode."""
        before = self.inbox.cursor
        self.inbox.receive(message)
        if self.inbox.cursor > before and self._ack_at is None:
            self._ack_at = now + self.ack_seconds * (0.75 + 0.5 * self._random(1)[0] / 255)
        self._look_for_hole(now, progress=self.inbox.cursor > before, asked=message.end)

    def _look_for_hole(self, now: float, *, progress: bool, asked: bool) -> None:
        if progress:
            self._get_tries = 0
        if self.inbox.hole() is None:
            self._get_at = None
        elif asked:
            self._get_at = now
        elif self._get_at is None:
            self._get_at = now + REORDER_DELAY
        elif progress:
            self._get_at = max(self._get_at, now + REORDER_DELAY)

    def take(self) -> list[EntryArrived | EntriesGone | CaughtUp]:
        """Return what has become known, in order."""
        events: list[EntryArrived | EntriesGone | CaughtUp] = []
        for item in self.inbox.take():
            if isinstance(item, Gone):
                events.append(EntriesGone(item))
            else:
                own = self._marks.pop(item.mark, None) if item.kind in (MESSAGE, ACTION) else None
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
        hole = self.inbox.hole()
        if self._get_at is not None and self._get_at <= now and hole is not None:
            self._get_at = now + GET_RETRY_AFTER[min(self._get_tries, len(GET_RETRY_AFTER) - 1)]
            self._get_tries += 1
            self._ack_at, self._acked = None, self.inbox.cursor
            return Get(*hole)
        if self._ack_at is not None and self._ack_at <= now:
            self._ack_at = None
            if self.inbox.cursor > self._acked:
                self._acked = self.inbox.cursor
                return Ack(self._acked)
        return None
