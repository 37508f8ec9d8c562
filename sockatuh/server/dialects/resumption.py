"""Where a member begins to read (docs/PROTOCOL.md §8).

A newcomer gets the newest lines. Whoever returns gets everything since, whatever it asks for: from its cursor on, or
from where the log it has read and this one diverge. A cursor is only a client's claim: it affects nobody else, and
never reaches back before what that client may read.

A ticket was sealed by the server. One of this log from beyond its head proves that the log was set back without the
server's knowledge, for example by an old file copied into its place. Then, and only then, the log gets another id, so
that everybody who has read the lost entries is told. A ticket from before this process, shown with a cursor from after
its start, means the same for that client alone: nobody reads further here without getting a newer ticket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.log import Logger
from sockatuh.protocol.constants import LOG_ID_SIZE
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.session import ResumePoint
from sockatuh.protocol.server.tickets import Ticket
from sockatuh.room.log import Lineage

LINES_NOTED: Final = 10_000
"""Lines whose seq is remembered: the most that a newcomer can get."""
EMPTY_LOG: Final = 64
"""Entries of a log without lines that a newcomer may read, so as to know that nobody has said anything."""


class Resumption:
    """Decides where sessions of an endpoint begin to read; made before anybody has joined.

    `renew` stores the log's new id and the seq at which the former one ended.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        lineage: Lineage,
        log: Logger,
        *,
        renew: Callable[[bytes, int], None],
        random: Callable[[int], bytes],
    ) -> None:
        self._endpoint, self._lineage, self._log = endpoint, lineage, log
        self._renew, self._random = renew, random
        self._began_at = endpoint.head
        self._lines: deque[int] = deque(maxlen=LINES_NOTED)
        self.history_on_join = 0
        """Lines that a newcomer gets."""

    def note_line(self, seq: int) -> None:
        """Remember the seq of a new line."""
        self._lines.append(seq)

    def place(self, session: int, history: int | None, known_from: int | None) -> tuple[int, int]:
        """Return (start, floor): where a session begins to read, and how far back it may read.

        `history` is how many lines a newcomer wants (None: all it may have). Its key has been a member since
        `known_from` (None: never).
        """
        point = self._endpoint.resume_point_of(session)
        if point.ticket is not None:
            self._check_proof(point.ticket)
        # It may read the newest lines, and everything since its key was first known to be a member.
        places = self._lines_back(self.history_on_join), known_from, self.known_by_ticket(session)
        floor = min(seq for seq in places if seq is not None)
        return max(self._wanted(point, history), floor), 0 if self._is_empty else floor

    def known_by_ticket(self, session: int) -> int | None:
        """Return the seq of this log at which a session's ticket proves its key to have been a member, if it does.

        A log that was set back may not contain that join.
        """
        ticket = self._endpoint.resume_point_of(session).ticket
        return None if ticket is None else self._lineage.agreed(ticket.log_id, ticket.seq)

    def _wanted(self, point: ResumePoint, history: int | None) -> int:
        """Return where a client reads on, or where a newcomer begins with `history` lines."""
        head, log_id, cursor = self._endpoint.head, point.log_id, point.cursor
        if log_id is not None:
            if log_id == self._lineage.log_id and self._was_set_back_for(point):
                return self._began_at
            return min(self._lineage.agreed(log_id, cursor), head)
        if cursor:
            return min(cursor, head)
        return self._lines_back(self.history_on_join if history is None else history)

    def _was_set_back_for(self, point: ResumePoint) -> bool:
        ticket = point.ticket
        return (
            ticket is not None and ticket.log_id == self._lineage.log_id and ticket.seq < self._began_at < point.cursor
        )

    def _lines_back(self, count: int) -> int:
        """Return the seq before the newest `count` lines, at most those that newcomers get."""
        given = min(count, self.history_on_join, len(self._lines))
        return self._lines[-given] - 1 if given else self._endpoint.head

    @property
    def _is_empty(self) -> bool:
        """Whether there are only a few entries and no line among them, which a newcomer may know."""
        return bool(self.history_on_join) and not self._lines and self._endpoint.head <= EMPTY_LOG

    def _check_proof(self, ticket: Ticket) -> None:
        """Give the log a new id if the ticket proves a seq beyond its head."""
        if ticket.log_id != self._lineage.log_id or ticket.seq <= self._endpoint.head:
            return
        self._lineage = self._lineage.renewed(self._random(LOG_ID_SIZE), self._began_at)
        self._endpoint.log_id = self._lineage.log_id
        self._renew(self._lineage.log_id, self._began_at)
        self._log.warning("log_set_back", began_at=self._began_at, read_to=ticket.seq)
