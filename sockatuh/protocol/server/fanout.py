"""From the log to every session: pushed once, sent again by one sweep, pulled when far behind (docs/PROTOCOL.md §8).

Most entries are shown to everybody, some to nobody, and some to the sessions of a few keys. Entries that a session is
not shown are never a reason to send it anything: they travel as a run of numbers with the next entry it is shown. So
everybody has been pushed what it is shown up to `_pushed`, and nothing after it; the exceptions are the few keys in
`_apart`, which have been pushed entries of their own since.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PLAINTEXT, REPAIR_AFTER, REPAIR_DATAGRAMS
from sockatuh.protocol.messages import Change, Entries, Get, Head, Presence, ServerMessage, encode
from sockatuh.protocol.timers import TimerTable

from .limits import Limits
from .packing import Logged, Packed, as_shown_to, covered_through, mark_end, pack, strike_out, unshown
from .rate_limit import KeysOfPlaces
from .recent import Recent
from .retransmission import Remedy, RetransmissionState
from .send_queue import Outgoing
from .session import Session
from .timers import ServerTimer

PUSH_DATAGRAMS: Final = 64
"""Datagrams a session is pushed in one turn; a burst of long texts must not fill memory, nor every receive buffer."""
ACK_SECONDS_PER_SESSION: Final = 0.00025
ACK_SECONDS_MAX: Final = 1.0
PRESENCE_BYTES: Final = MAX_PLAINTEXT - 16
"""Bytes of changes in one PRESENCE: what is around them takes 14 at most."""
SWEEP_BYTES: Final = 2_097_152
"""Bytes that one sweep resends; the remaining sessions wait for the next sweep."""
SWEEP_GRAIN: Final = 0.05
"""Sweeps are rounded up to a multiple of these seconds, so that many sessions that are behind share one."""
MAX_APART: Final = 1_024
"""The most keys in `_apart`; beyond that it is cleared, and sessions request what they lack."""
EVERYBODY_ELSE: Final = ""
"""Stands for all sessions of keys that no entry of a push names."""


class Fanout:
    """The joined sessions that get entries, and the newest entries."""

    def __init__(self, head: int, limits: Limits, out: Outgoing, timers: TimerTable[ServerTimer]) -> None:
        self.recent = Recent(head, limits.recent_entries, limits.recent_bytes)
        self.ack_seconds = self._ack_seconds_min = limits.ack_milliseconds / 1000
        self._published_at = 0.0
        self._pushed = head
        """The seq up to which everybody has been pushed what it is shown."""
        self._apart: dict[str, int] = {}
        """For each owner that alone has been pushed entries after that: the last of them."""
        self._sessions: dict[int, Session] = {}
        self._of_owner: dict[str, dict[int, Session]] = {}
        self._out, self._timers = out, timers
        # By key and place, so that neither more sessions nor more keys give anybody more.
        self._gets = KeysOfPlaces(limits.gets_per_second, limits.gets_burst, limits.sessions)

    @property
    def head(self) -> int:
        """The last seq of the log."""
        return self.recent.head

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on."""
        self._ack_seconds_min = limits.ack_milliseconds / 1000
        self.recent.replace_bounds(limits.recent_entries, limits.recent_bytes)
        self._gets.replace_rate(limits.gets_per_second, limits.gets_burst, limits.sessions)

    def pace_acks(self, sessions: int) -> float:
        """Return how many seconds clients wait before they acknowledge: more, the more sessions there are."""
        self.ack_seconds = max(self._ack_seconds_min, min(sessions * ACK_SECONDS_PER_SESSION, ACK_SECONDS_MAX))
        return self.ack_seconds

    def add(self, session: Session, start: int, now: float) -> None:
        """Begin to push to a session whose cursor is `start`."""
        self._sessions[session.cid] = session
        self._of_owner.setdefault(session.owner, {})[session.cid] = session
        session.retransmission.begin(start, self.head, now)
        if start < self.head:
            self._sweep_by(now + self._delay)

    def discard(self, session: Session) -> None:
        """Push nothing more to a session."""
        if self._sessions.pop(session.cid, None) is None:
            return
        of_owner = self._of_owner[session.owner]
        del of_owner[session.cid]
        if not of_owner:
            del self._of_owner[session.owner]

    def publish(self, entries: Sequence[Logged], now: float) -> None:
        """Send what was committed, contiguous and in order, to each session that is shown it and not far behind.

        No datagram made from now on holds a line that these entries strike.
        """
        entries = strike_out(entries)
        self.recent.extend(entries)
        self._out.strike({entry.strikes for entry in entries} - {0})
        named = {owner for entry in entries if entry.shown_to for owner in entry.shown_to}
        apart = sorted(named | self._apart.keys())
        reached = {owner: self._push_apart(owner, entries, now) for owner in apart}
        if shown := self._push(self._all_but(apart), EVERYBODY_ELSE, self._pushed, entries, now):
            self._pushed = shown
            self._apart.clear()
        self._apart |= {owner: seq for owner, seq in reached.items() if seq > self._pushed}
        if len(self._apart) > MAX_APART:
            self._pushed = self.head
            self._apart.clear()

    def _push_apart(self, owner: str, entries: Sequence[Logged], now: float) -> int:
        """Push to the sessions of one key; return the last seq they were pushed."""
        after = max(self._pushed, self._apart.get(owner, 0))
        return self._push(list(self._of_owner.get(owner, {}).values()), owner, after, entries, now) or after

    def _all_but(self, owners: Iterable[str]) -> list[Session]:
        others = {cid for owner in owners for cid in self._of_owner.get(owner, ())}
        if not others:
            return list(self._sessions.values())
        return [session for cid, session in self._sessions.items() if cid not in others]

    def _push(self, sessions: Sequence[Session], owner: str, after: int, entries: Sequence[Logged], now: float) -> int:
        """Push what an owner is shown to sessions, with the unshown entries before it from `after` on.

        Return the last entry that is shown, 0 if none is.
        """
        items = as_shown_to(owner, entries)
        shown = next((item.seq for item in reversed(items) if item.is_shown), 0)
        if not shown:
            return 0
        if after + 1 < entries[0].seq:
            items = as_shown_to(owner, [unshown(after + 1, entries[0].seq - 1 - after), *entries])
        packed = pack(after, shown, [item for item in items if item.seq <= shown], PUSH_DATAGRAMS)
        messages: list[ServerMessage] = [*packed]
        if covered_through(packed[-1]) < shown:
            messages.append(Head(shown))  # each session requests the rest at its own pace
        near = [session for session in sessions if session.retransmission.show(shown, now)]
        self._out.send_to_all(near, [encode(message) for message in messages])
        self._published_at = now
        self._sweep_by(now + self._delay)
        return shown

    def tell_presence(self, here: int, changes: Sequence[Change]) -> None:
        """Send PRESENCE to every session that gets entries; what is lost is not sent again.

        Changes that do not fit one datagram, because of long names and texts, follow in further ones.
        """
        told: list[list[Change]] = [[]]
        size = 0
        for change in changes:
            size += len(encode(change))
            if told[-1] and size > PRESENCE_BYTES:
                told.append([])
                size = len(encode(change))
            told[-1].append(change)
        plaintexts = [encode(Presence(here, tuple(each))) for each in told]
        self._out.send_to_all(list(self._sessions.values()), plaintexts)

    def acknowledge(self, session: Session, seq: int, now: float) -> None:
        """Note that a session has everything up to `seq`."""
        if seq <= self.head and session.retransmission.acknowledge(seq, now):
            self._sweep_by(now + self._delay)

    def get(self, session: Session, get: Get, now: float) -> tuple[int, int] | None:
        """Answer a GET from memory, within the rate; return the stretch to be read from the log instead, if any."""
        if not self._gets.take(session.client_key, session.place, now):
            return None
        after, through = get.after, min(get.through, self.head)
        self.acknowledge(session, after, now)
        if after >= through:
            return None
        if after < session.floor:  # the client continues from there
            self._tell(session, [Entries(after, min(session.floor, through), True, ())])
            return None
        messages = self._find(session, after, through, GET_DATAGRAMS)
        if messages is None:
            return after, through
        for first, last in get.more:
            limit = GET_DATAGRAMS - len(messages)
            if limit > 0 and session.floor <= first < min(last, self.head):
                messages += self._find(session, first, min(last, self.head), limit) or []
        mark_end(messages)
        self._tell(session, messages)
        return None

    def _find(self, session: Session, after: int, through: int, limit: int) -> list[Packed] | None:
        """Return a stretch from memory in about `limit` datagrams; None if it begins before what is kept."""
        found = self.recent.since(after, through, limit * MAX_PLAINTEXT)
        if found is None:
            return None
        through, entries = found
        return pack(after, through, as_shown_to(session.owner, entries), limit)

    def supply(self, session: Session, after: int, through: int, entries: Sequence[Logged]) -> None:
        """Answer a GET with `entries`, all that is kept of (after, through]."""
        messages = pack(after, through, as_shown_to(session.owner, entries), GET_DATAGRAMS)
        mark_end(messages)
        self._tell(session, messages)

    def sweep(self, now: float) -> None:
        """Send again what sessions have not acknowledged in time."""
        next_at = math.inf
        sent = 0
        for session in self._sessions.values():
            retransmission = session.retransmission
            if retransmission.state is RetransmissionState.UP_TO_DATE:
                continue
            due_at = retransmission.due_at(self._delay, self._published_at)
            if due_at <= now:
                if sent >= SWEEP_BYTES:
                    next_at = now
                    break
                sent += self._send_again(session, retransmission.time_out(now))
                due_at = retransmission.due_at(self._delay, self._published_at)
            next_at = min(next_at, due_at)
        if next_at < math.inf:
            self._sweep_by(next_at)

    @property
    def _delay(self) -> float:
        """Seconds within which an acknowledgement arrives if nothing is lost and no more entries follow."""
        return REPAIR_AFTER + 2 * self.ack_seconds

    def _send_again(self, session: Session, remedy: Remedy) -> int:
        """Send a session what it lacks, or only the head; return how many bytes that is."""
        acked, shown = session.retransmission.acked, session.retransmission.shown
        found = self._find(session, acked, shown, REPAIR_DATAGRAMS) if remedy is Remedy.ENTRIES else None
        return self._tell(session, [Head(shown)] if found is None else found)

    def _sweep_by(self, at: float) -> None:
        # Round up: a sweep that comes just too early would find nothing to do and be due again.
        self._timers.set_by(ServerTimer.SWEEP, (math.floor(at / SWEEP_GRAIN) + 1) * SWEEP_GRAIN)

    def _tell(self, session: Session, messages: Sequence[ServerMessage]) -> int:
        plaintexts = [encode(message) for message in messages]
        self._out.send_to_all((session,), plaintexts)
        return sum(map(len, plaintexts))
