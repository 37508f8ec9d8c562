"""A bound, in bytes for all sessions together, on the lines that cannot be released yet (docs/PROTOCOL.md §6).

These are lines of which parts are missing, and complete lines that wait for an earlier one, for their member's rate or
for the log. A client keeps every line until it is answered, so whatever is dropped here can be requested again.
"""

from __future__ import annotations

from sockatuh.seats import Seats, Standing

from .limits import Limits
from .session import Session


class HalfLines:
    """How many bytes of lines are kept for each session; when there are too many, the fullest places drop theirs."""

    def __init__(self, limits: Limits) -> None:
        self._seats: Seats[int] = Seats(limits.half_line_bytes)
        self._sessions: dict[int, Session] = {}

    @property
    def held(self) -> int:
        """Bytes kept in all."""
        return self._seats.used

    def replace_limits(self, limits: Limits) -> None:
        """Apply another bound from now on."""
        self._seats.size = limits.half_line_bytes

    def keep(self, session: Session) -> list[Session] | None:
        """Count the lines of a session; return the sessions that have to drop theirs, usually none.

        None: there is no room for all lines of this session.
        """
        size, cid = session.lines.held_bytes, session.cid
        if not size:
            if cid in self._sessions:
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
        """Stop counting a session: it keeps no lines any longer."""
        self._seats.release(session.cid)
        self._sessions.pop(session.cid, None)
