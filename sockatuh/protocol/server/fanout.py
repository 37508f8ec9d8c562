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

from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PLAINTEXT, PUSH_WINDOW, REPAIR_AFTER, REPAIR_DATAGRAMS
from sockatuh.protocol.messages import Change, Entries, Get, Head, Presence, ServerMessage, encode
from sockatuh.protocol.timers import TimerTable

from .limits import Limits
from .packing import Logged, Packed, as_shown_to, covered_through, mark_end, pack, strike_out, unshown
from .rate_limit import KeysOfPlaces
from .recent import Recent
from .retransmission import Remedy, RetransmissionState, ShownToAll
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
        self._to_all = ShownToAll(head)
        self._far: set[int] = set()
        """The sessions that are so far behind that nothing is pushed to them, by cid."""
        self._least_acked = head
        """A lower bound on what the sessions outside `_far` have acknowledged: none of them is far behind as long as
        `_to_all.last` is at most PUSH_WINDOW above it."""
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
        session.retransmission.begin(self._to_all, start, self.head, now)
        self._note_far(session)
        if start < self.head:
            self._sweep_by(now + self._delay)

    def discard(self, session: Session) -> None:
        """Push nothing more to a session."""
        if self._sessions.pop(session.cid, None) is None:
            return
        self._far.discard(session.cid)
        of_owner = self._of_owner[session.owner]
        del of_owner[session.cid]
        if not of_owner:
            del self._of_owner[session.owner]

    def publish(self, entries: Sequence[Logged], now: float) -> None:
        """Send what was committed, contiguous and in order, to each session that is shown it and not far behind.

        No datagram made from now on holds a line that these entries strike.
        """
        if struck := {entry.strikes for entry in entries if entry.strikes}:
            entries = strike_out(entries, struck)
            self._out.strike(struck)
        self.recent.extend(entries)
        apart = set(self._apart)
        for entry in entries:
            apart.update(entry.shown_to or ())
        for owner in sorted(apart):
            self._apart[owner] = self._push_apart(owner, entries, now)
        shown, plaintexts = _pack_shown(EVERYBODY_ELSE, self._pushed, entries)
        if shown:
            self._push(self._near_but(apart), plaintexts, now)
            self._to_all.show(shown, now)
            self._pushed = shown
        if self._apart:
            self._apart = {owner: seq for owner, seq in self._apart.items() if seq > self._pushed}
        if len(self._apart) > MAX_APART:
            self._pushed = self.head
            self._apart.clear()

    def _push_apart(self, owner: str, entries: Sequence[Logged], now: float) -> int:
        """Push to the sessions of one key; return the last seq they were pushed."""
        after = max(self._pushed, self._apart.get(owner, 0))
        shown, plaintexts = _pack_shown(owner, after, entries)
        if not shown:
            return after
        sessions = self._of_owner.get(owner, {}).values()
        self._push([session for session in sessions if not session.retransmission.is_far_behind], plaintexts, now)
        for session in sessions:
            session.retransmission.show(shown, now)
            self._note_far(session)
        return shown

    def _push(self, sessions: Sequence[Session], plaintexts: Sequence[bytes], now: float) -> None:
        self._out.send_to_all(sessions, plaintexts)
        self._published_at = now
        self._sweep_by(now + self._delay)

    def _near_but(self, owners: Iterable[str]) -> list[Session]:
        """Return the sessions that are not far behind, without those of some keys."""
        if self._to_all.last - self._least_acked > PUSH_WINDOW:
            self._least_acked = self._to_all.last
            for session in self._sessions.values():
                self._note_far(session)
        left_out = set(self._far)
        for owner in owners:
            left_out.update(self._of_owner.get(owner, ()))
        if not left_out:
            return [*self._sessions.values()]
        return [session for cid, session in self._sessions.items() if cid not in left_out]

    def _note_far(self, session: Session) -> None:
        """Note whether a session is far behind, and if not, how little it has acknowledged."""
        if session.retransmission.is_far_behind:
            self._far.add(session.cid)
        else:
            self._far.discard(session.cid)
            self._least_acked = min(self._least_acked, session.retransmission.acked)

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
        if seq > self.head:
            return
        if session.retransmission.acknowledge(seq, now):
            self._sweep_by(now + self._delay)
        if session.cid in self._far:
            self._note_far(session)

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
            retransmission.notice(now)
            if retransmission.state is RetransmissionState.UP_TO_DATE:
                continue
            due_at = retransmission.due_at(self._delay, self._published_at)
            if due_at <= now:
                if sent >= SWEEP_BYTES:
                    self._sweep_by(now)
                    return
                sent += self._send_again(session, retransmission.time_out(now))
                due_at = retransmission.due_at(self._delay, self._published_at)
            next_at = min(next_at, due_at)
        self._to_all.since = math.inf
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


def _pack_shown(owner: str, after: int, entries: Sequence[Logged]) -> tuple[int, list[bytes]]:
    """Return the last entry that an owner is shown, and the messages that tell it of all from `after` on up to that.

    If it is shown none of them, (0, []).
    """
    items = as_shown_to(owner, entries)
    while items and not items[-1].is_shown:
        items = items[:-1]
    if not items:
        return 0, []
    shown = items[-1].seq
    if after + 1 < entries[0].seq:
        items = as_shown_to(owner, [unshown(after + 1, entries[0].seq - 1 - after), *items])
    packed = pack(after, shown, items, PUSH_DATAGRAMS)
    messages: list[ServerMessage] = [*packed]
    if covered_through(packed[-1]) < shown:
        messages.append(Head(shown))  # each session requests the rest at its own pace
    return shown, [encode(message) for message in messages]
