"""The stretches of the log that sessions have asked for and that are read from the database in another thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PLAINTEXT
from sockatuh.room.log import Log, Stretch

READ_LIMIT: Final = 128
"""Rows read from the database for one GET; it is answered with 16 datagrams."""
READ_BYTES: Final = 2 * GET_DATAGRAMS * MAX_PLAINTEXT
"""The same in bytes of what is stored."""
READS_AT_ONCE: Final = 32
"""Reads under way at once, so that what was read does not pile up in front of a busy event loop."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A session wants (after, through] of the log."""

    session: int
    after: int
    through: int


class ReadQueue:
    """The requests to be read, one per session; its client repeats what it still needs."""

    def __init__(self) -> None:
        self._waiting: deque[ReadRequest] = deque()
        self._sessions: set[int] = set()

    def add(self, request: ReadRequest) -> None:
        """Queue a request, unless one of its session is queued or under way."""
        if request.session not in self._sessions:
            self._sessions.add(request.session)
            self._waiting.append(request)

    def take(self) -> ReadRequest | None:
        """Return the request to be read next; None if there is none, or if enough are under way."""
        under_way = len(self._sessions) - len(self._waiting)
        return self._waiting.popleft() if self._waiting and under_way < READS_AT_ONCE else None

    def finish(self, request: ReadRequest) -> None:
        """Note that a request was read."""
        self._sessions.discard(request.session)


def read_for(log: Log, request: ReadRequest) -> Stretch:
    """Read the start of what was requested, as much as one answer holds; raises StoreError."""
    return log.read(request.after, request.through, READ_LIMIT, READ_BYTES)
