"""From the log to every member: pushed once, repaired by one sweep, pulled when far behind (docs/PROTOCOL.md §8)."""

from __future__ import annotations

from collections.abc import Sequence

from .constants import GET_DATAGRAMS, PUSH_WINDOW, REPAIR_AFTER, REPAIR_AFTER_MAX, REPAIR_DATAGRAMS
from .limits import Limits
from .messages import Entries, Get, Head, encode
from .outgoing import Outgoing
from .repair import Encoded, Recent, Told, mark_end, pack
from .session import Session


class Fanout:
    """The joined sessions that get entries, and the newest entries."""

    def __init__(self, head: int, limits: Limits, out: Outgoing) -> None:
        self.recent = Recent(head, limits.recent_entries, limits.recent_bytes)
        self.sweep_at: float | None = None
        self.ack_seconds = limits.ack_milliseconds / 1000
        self._members: dict[int, Session] = {}
        self._out = out

    @property
    def head(self) -> int:
        """The last seq of the log."""
        return self.recent.head

    def add(self, session: Session, start: int, now: float) -> None:
        """Begin to push to a session whose cursor is `start`."""
        session.repair.acked = start
        self._members[session.cid] = session
        if start < self.head:
            self._expect_ack(session, now)

    def discard(self, session: Session) -> None:
        """Push no more to a session."""
        self._members.pop(session.cid, None)

    def publish(self, entries: Sequence[Encoded], head: int, now: float) -> None:
        """Send what was committed up to `head` to everybody who is not far behind."""
        before = self.head
        self.recent.extend(entries, head)
        plaintexts = [encode(message) for message in pack(before, head, entries)]
        for session in self._members.values():
            if session.is_pushed(before):
                for plaintext in plaintexts:
                    self._out.send_encoded(session, plaintext)
            if session.repair.acked >= before:
                self._expect_ack(session, now)

    def acknowledge(self, session: Session, seq: int, now: float) -> None:
        """Note that a member has everything up to `seq`."""
        repair = session.repair
        if repair.acked < seq <= self.head:
            repair.acked = seq
            self._expect_ack(session, now)

    def get(self, session: Session, get: Get, now: float) -> tuple[int, int] | None:
        """Answer a GET from memory; return the stretch to be read from the log if it goes back too far."""
        after, through = get.after, min(get.through, self.head)
        self.acknowledge(session, after, now)
        if after < session.floor:
            self._tell(session, [Entries(after, min(session.floor, through), False, ())])
            after = session.floor
        if after >= through:
            return None
        entries = self.recent.since(after, through)
        if entries is None:
            return after, through
        self.supply(session, after, through, entries)
        return None

    def supply(self, session: Session, after: int, through: int, entries: Sequence[Encoded]) -> None:
        """Answer a GET with `entries`, all that is kept of (after, through]."""
        messages = pack(after, through, entries, GET_DATAGRAMS)
        mark_end(messages)
        self._tell(session, messages)

    def sweep(self, now: float) -> None:
        """Send again what members have not acknowledged in time."""
        self.sweep_at = None
        for session in self._members.values():
            repair = session.repair
            if repair.acked >= self.head:
                continue
            if repair.due_at <= now:
                self._repair(session)
                repair.delay = min(repair.delay * 2, REPAIR_AFTER_MAX)
                repair.due_at = now + repair.delay
            self._sweep_by(repair.due_at)

    def _repair(self, session: Session) -> None:
        acked = session.repair.acked
        entries = self.recent.since(acked, self.head) if self.head - acked <= PUSH_WINDOW else None
        if entries is None:
            self._tell(session, [Head(self.head)])
        else:
            self._tell(session, pack(acked, self.head, entries, REPAIR_DATAGRAMS))

    def _expect_ack(self, session: Session, now: float) -> None:
        repair = session.repair
        repair.delay = REPAIR_AFTER + 2 * self.ack_seconds
        repair.due_at = now + repair.delay
        if repair.acked < self.head:
            self._sweep_by(repair.due_at)

    def _sweep_by(self, at: float) -> None:
        if self.sweep_at is None or at < self.sweep_at:
            self.sweep_at = at

    def _tell(self, session: Session, messages: Sequence[Told | Head]) -> None:
        for message in messages:
            self._out.send(session, message)
