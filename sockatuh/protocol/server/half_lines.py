"""What the server holds of lines that it cannot give out yet, in bytes, for all sessions (docs/PROTOCOL.md §6).

That is parts of lines of which others are missing, and whole lines that wait for an earlier one, for their member's
rate or for the log. A sender keeps every line until it is answered, so what is dropped here is asked for again.
"""

from __future__ import annotations

from sockatuh.seats import Seats, Standing

from .limits import Limits
from .session import Session


class HalfLines:
    """How many bytes each session holds; whose are dropped when there are too many goes by place."""

    def __init__(self, limits: Limits) -> None:
        self._seats: Seats[int] = Seats(limits.half_line_bytes)
        self._sessions: dict[int, Session] = {}

    @property
    def held(self) -> int:
        """Bytes held in all."""
        return self._seats.used

    def replace_limits(self, limits: Limits) -> None:
        """Hold no more than this from now on."""
        self._seats.size = limits.half_line_bytes

    def keep(self, session: Session) -> list[Session] | None:
        """Account for what a session holds now; return the sessions that are to drop what they hold, often none.

        None: there is no room for all of it.
        """
        size, cid = session.lines.held_bytes, session.cid
        if not size:
            self.release(session)
            return []
        victims = self._seats.find_victims(session.place, size, holder=cid) if size > self._seats.weight_of(cid) else []
        if victims is None:
            return None
        dropped = [self._sessions.pop(victim) for victim in victims]
        for victim in victims:
            self._seats.release(victim)
        self._seats.seat(cid, session.place, Standing.GUEST if session.is_guest else Standing.SURPLUS, size)
        self._sessions[cid] = session
        return dropped

    def release(self, session: Session) -> None:
        """Account for a session that holds nothing."""
        self._seats.release(session.cid)
        self._sessions.pop(session.cid, None)
