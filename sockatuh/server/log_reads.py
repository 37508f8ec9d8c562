"""What is read from the database in another thread: stretches that sessions have asked for, and lines to be struck."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PLAINTEXT
from sockatuh.room.entries import Body
from sockatuh.room.log import Log, Stretch

READ_LIMIT: Final = 128
"""Rows read from the database for one GET; it is answered with 16 datagrams."""
READ_BYTES: Final = 2 * GET_DATAGRAMS * MAX_PLAINTEXT
"""The same in bytes of what is stored."""
SEARCHED: Final = 16_384
"""Entries in which somebody's last line is looked for."""
READS_AT_ONCE: Final = 32
"""Reads under way at once, so that what was read does not pile up in front of a busy event loop."""


class ReadRequest(msgspec.Struct, frozen=True):
    """A session wants (after, through] of the log."""

    session: int
    after: int
    through: int


class LineRequest(msgspec.Struct, frozen=True, eq=False):
    """Asks for the entry `seq`, or, if that is 0, for the last entry for which `is_meant` is true."""

    seq: int
    is_meant: Callable[[Body], bool] | None = None


Request: TypeAlias = ReadRequest | LineRequest


class ReadQueue:
    """The requests to be read, one per session; its client repeats what it still needs."""

    def __init__(self) -> None:
        self._waiting: deque[Request] = deque()
        self._sessions: set[int] = set()
        self._under_way: set[Request] = set()
        self._stale: set[ReadRequest] = set()

    def add(self, request: Request) -> None:
        """Queue a request, unless one of its session is queued or under way."""
        if isinstance(request, LineRequest):
            self._waiting.append(request)
        elif request.session not in self._sessions:
            self._sessions.add(request.session)
            self._waiting.append(request)

    def take(self) -> Request | None:
        """Return the request to be read next; None if there is none, or if enough are under way."""
        if not self._waiting or len(self._under_way) >= READS_AT_ONCE:
            return None
        request = self._waiting.popleft()
        self._under_way.add(request)
        return request

    def strike(self, seq: int) -> None:
        """Note that a line was struck: what was read before may still hold its text."""
        for request in self._under_way:
            if isinstance(request, ReadRequest) and request.after < seq <= request.through:
                self._stale.add(request)

    def finish(self, request: Request) -> bool:
        """Note that a request was read; False if it has to be read again, and was queued for that."""
        self._under_way.discard(request)
        if isinstance(request, ReadRequest):
            if request in self._stale:
                self._stale.discard(request)
                self._waiting.append(request)
                return False
            self._sessions.discard(request.session)
        return True


def read_for(log: Log, request: Request) -> Stretch:
    """Read the start of what was requested, as much as one answer holds; raises StoreError."""
    match request:
        case ReadRequest(_, after, through):
            return log.read(after, through, READ_LIMIT, READ_BYTES)
        case LineRequest(seq, is_meant):
            if is_meant is not None:
                return _find_last(log, is_meant)
            return log.read(seq - 1, seq, 1) if seq else Stretch([], 0)


def _find_last(log: Log, is_meant: Callable[[Body], bool]) -> Stretch:
    """Return the last entry that is meant, alone, among the newest SEARCHED; none if there is none."""
    last = through = log.span().last
    end = max(0, last - SEARCHED)
    while through > end:
        after = max(end, through - READ_LIMIT)
        for row in reversed(log.read(after, through, READ_LIMIT).rows):
            if is_meant(row.body):
                return Stretch([row], row.seq)
        through = after
    return Stretch([], last)
