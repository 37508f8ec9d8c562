"""From the log to every member: pushed once, repaired by one sweep, pulled when far behind (docs/PROTOCOL.md §8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sockatuh.protocol.constants import (
    ACK_PATIENCE,
    GET_DATAGRAMS,
    MAX_PLAINTEXT,
    PUSH_WINDOW,
    REPAIR_AFTER,
    REPAIR_AFTER_MAX,
    REPAIR_DATAGRAMS,
)
from sockatuh.protocol.messages import Entries, Get, Head

from .limits import Limits
from .packing import Encoded, Told, encode_alike, mark_end, pack
from .rate_limit import KeysOfPlaces
from .recent import Recent
from .send_queue import Outgoing
from .session import Repair, Session

PUSH_DATAGRAMS: Final = 64
"""Datagrams a member is pushed in one turn; a burst of long texts must not fill memory, nor every receive buffer."""
REPAIRS: Final = 2
"""Times a member is re-sent what it lacks; whoever is silent then is asked for little, and often: it may be back."""
ACK_SECONDS_PER_SESSION: Final = 0.00025
ACK_SECONDS_MAX: Final = 1.0
SWEEP_BYTES: Final = 2_097_152
"""Bytes re-sent by one sweep; whoever has not had its turn then has it in the next."""
SWEEP_GRAIN: Final = 0.05
"""Seconds to which repairs are rounded up, so that a thousand members behind need no thousand sweeps."""


class Fanout:
    """The joined sessions that get entries, and the newest entries."""

    def __init__(self, head: int, limits: Limits, out: Outgoing) -> None:
        self.recent = Recent(head, limits.recent_entries, limits.recent_bytes)
        self.sweep_at: float | None = None
        self.ack_seconds = self._ack_seconds_min = limits.ack_milliseconds / 1000
        self._published_at = 0.0
        self._members: dict[int, Session] = {}
        self._out = out
        # By key and place, so that neither more sessions nor more keys give anybody more.
        self._gets = KeysOfPlaces(limits.gets_per_second, limits.gets_burst, limits.sessions)

    @property
    def head(self) -> int:
        """The last seq of the log."""
        return self.recent.head

    def replace_limits(self, limits: Limits) -> None:
        """Keep so much at hand, and answer so often, from now on."""
        self._ack_seconds_min = limits.ack_milliseconds / 1000
        self.recent.replace_bounds(limits.recent_entries, limits.recent_bytes)
        self._gets.replace_rate(limits.gets_per_second, limits.gets_burst, limits.sessions)

    def pace_acks(self, sessions: int) -> float:
        """Return how long clients are to collect before they acknowledge, in seconds: longer the more there are."""
        self.ack_seconds = max(self._ack_seconds_min, min(sessions * ACK_SECONDS_PER_SESSION, ACK_SECONDS_MAX))
        return self.ack_seconds

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
        self._published_at = now
        self.recent.extend(entries, head)
        messages: list[Told | Head] = [*pack(before, head, entries, PUSH_DATAGRAMS)]
        if _told_through(messages[-1]) < head:
            messages.append(Head(head))  # the rest is asked for, at each member's own pace
        pushed = [session for session in self._members.values() if session.repair.acked >= before - PUSH_WINDOW]
        self._out.send_to_all(pushed, encode_alike(messages))
        for session in pushed:
            if session.repair.acked >= before:
                session.repair.begin(now)
        if head > before:
            self._sweep_by(now + self._delay)

    def acknowledge(self, session: Session, seq: int, now: float) -> None:
        """Note that a member has everything up to `seq`."""
        repair = session.repair
        if repair.acked < seq <= self.head:
            repair.acked = seq
            self._expect_ack(session, now)

    def get(self, session: Session, get: Get, now: float) -> tuple[int, int] | None:
        """Answer a GET from memory, unless too many come; return the stretch only the log still has, if it is one."""
        if not self._gets.take(session.client_key, session.place, now):
            return None
        after, through = get.after, min(get.through, self.head)
        self.acknowledge(session, after, now)
        if after >= through:
            return None
        if after < session.floor:  # the client asks on from there
            self._tell(session, [Entries(after, min(session.floor, through), True, ())])
            return None
        found = self.recent.since(after, through, GET_DATAGRAMS * MAX_PLAINTEXT)
        if found is None:
            return after, through
        messages = pack(after, *found, GET_DATAGRAMS)
        for stretch in get.more:
            messages += self._find(session, *stretch, GET_DATAGRAMS - len(messages))
        mark_end(messages)
        self._tell(session, messages)
        return None

    def _find(self, session: Session, after: int, through: int, limit: int) -> list[Told]:
        """Return what memory has of a stretch, in about `limit` datagrams."""
        through = min(through, self.head)
        if limit <= 0 or not session.floor <= after < through:
            return []
        found = self.recent.since(after, through, limit * MAX_PLAINTEXT)
        return pack(after, *found, limit) if found is not None else []

    def supply(self, session: Session, after: int, through: int, entries: Sequence[Encoded]) -> None:
        """Answer a GET with `entries`, all that is kept of (after, through]."""
        messages = pack(after, through, entries, GET_DATAGRAMS)
        mark_end(messages)
        self._tell(session, messages)

    def sweep(self, now: float) -> None:
        """Send again what members have not acknowledged in time."""
        self.sweep_at = None
        next_at = math.inf
        sent = 0
        for session in self._members.values():
            repair = session.repair
            if repair.acked >= self.head:
                continue
            due_at = self._due_at(repair)
            if due_at <= now:
                if sent >= SWEEP_BYTES:
                    next_at = now
                    break
                sent += self._repair(session)
                delay = repair.delay if repair.tries else self._delay
                repair.delay = max(delay, min(delay * 2, REPAIR_AFTER_MAX))
                repair.tries += 1
                due_at = repair.due_at = now + repair.delay
            next_at = min(next_at, due_at)
        if next_at < math.inf:
            self._sweep_by(next_at)

    @property
    def _delay(self) -> float:
        """Seconds within which an acknowledgement comes when nothing is lost, and nothing more is told."""
        return REPAIR_AFTER + 2 * self.ack_seconds

    def _due_at(self, repair: Repair) -> float:
        """Return when a member that is behind is re-sent what it lacks."""
        if repair.tries:
            return repair.due_at
        if self.head - repair.acked > PUSH_WINDOW:  # a client acknowledges long before
            return repair.since + self._delay
        told_at = max(repair.since, self._published_at)  # clients wait while more comes, but not for ever
        return min(told_at, repair.since + 1.25 * ACK_PATIENCE) + self._delay

    def _repair(self, session: Session) -> int:
        """Send again what a member lacks; return how many bytes that is."""
        acked, silent = session.repair.acked, session.repair.tries >= REPAIRS
        found = self.recent.since(acked, self.head, REPAIR_DATAGRAMS * MAX_PLAINTEXT)
        if found is None or silent or self.head - acked > PUSH_WINDOW:
            return self._tell(session, [Head(self.head)])
        return self._tell(session, pack(acked, *found, REPAIR_DATAGRAMS))

    def _expect_ack(self, session: Session, now: float) -> None:
        session.repair.begin(now)
        if session.repair.acked < self.head:
            self._sweep_by(now + self._delay)

    def _sweep_by(self, at: float) -> None:
        # Always later: a sweep just before the repair it is meant for would find nothing to do, and be due again.
        at = (math.floor(at / SWEEP_GRAIN) + 1) * SWEEP_GRAIN
        if self.sweep_at is None or at < self.sweep_at:
            self.sweep_at = at

    def _tell(self, session: Session, messages: Sequence[Told | Head]) -> int:
        plaintexts = encode_alike(messages)
        self._out.send_to_all((session,), plaintexts)
        return sum(map(len, plaintexts))


def _told_through(message: Told | Head) -> int:
    return message.through if isinstance(message, Entries) else message.seq
