"""The server's core: every session on one port (docs/PROTOCOL.md).

Datagrams and time come in; datagrams, events and one deadline come out. Output is queued and timers are set as soon as
something calls for them, so no method walks over the sessions to find what is due or what to send. The room server
answers events by `answer`, `admit`, `answer_lines`, `supply`, `publish` and `close`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import DATA, HELLO, INIT, MAX_DATAGRAM, MIN_DATA
from sockatuh.protocol.datagrams import receiver_cid_of
from sockatuh.protocol.messages import (
    Ack,
    AnswerBody,
    Call,
    Change,
    ClientMessage,
    Closed,
    Get,
    Goodbye,
    NameChanged,
    PathResponse,
    Ping,
    Pong,
    Rekey,
    Say,
    Unsaid,
    Welcome,
    decode_client_message_untrusted,
    encode,
)
from sockatuh.protocol.password_proof import Opened, PasswordHash
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .door import Door, Pending, ServerIdentity
from .events import EntriesWanted, HandshakeRefused, ServerEvent, SessionClosed, SessionOpened
from .fanout import Fanout
from .limits import Limits
from .packing import Logged
from .password_offers import PasswordOffers
from .rekeying import Rekeys
from .requests import Requests
from .roaming import Paths
from .send_queue import Outgoing
from .session import ResumePoint, Session
from .session_table import SessionTable
from .stateless_reset import Resets
from .tickets import Ticket, Tickets
from .timers import ServerTimer, SessionDeadlines

MAX_JOIN_SECONDS: Final = 300.0
"""Seconds after which a session that has not joined is closed, however often it has tried."""
CROWDED_MS: Final = 5_000
"""Milliseconds after which a client that lost its seat to somebody else may ask for another."""
TICK: Final = 1.0
"""Seconds between two checks for what has timed out."""
STANDSTILL: Final = 5.0
"""A check that is this many seconds late shows that the whole process was suspended."""


class Endpoint:
    """All sessions of a server. `head` is the last seq of the log when it begins."""

    def __init__(
        self,
        identity: ServerIdentity,
        tickets: Tickets,
        password: PasswordHash,
        *,
        log_id: bytes,
        head: int,
        limits: Limits,
        random: Callable[[int], bytes],
        pack_address: Callable[[Address], bytes],
    ) -> None:
        self.log_id = log_id
        self.tickets = tickets
        self.dropped: Counter[str] = Counter()
        """Datagrams that were not processed, by reason."""
        self.here = 0
        """How many members there are, as PONG says."""
        self.nodes: tuple[str, ...] = ()
        """Further addresses of the room, each `host:port`, that WELCOME names; at most MAX_NODES."""
        self._limits, self._random, self._pack_address = limits, random, pack_address
        self._out = Outgoing(self.dropped)
        self._events: deque[ServerEvent] = deque()
        self._timers = TimerTable(ServerTimer)
        self._door = Door(identity, tickets, limits, random, self.dropped, self._events)
        self._fanout = Fanout(head, limits, self._out, self._timers)
        self._offers = PasswordOffers(password, self._door.public_key, random)
        self._requests = Requests(limits, self._out, self._events, self._timers, self._offers)
        self._paths = Paths(self._out, self._events, random, self._timers)
        self._table = SessionTable(limits)
        self._rekeys = Rekeys(self._door, self._table, self._out, self.dropped)
        self._resets = Resets(identity.reset_key, limits, random)

    @property
    def public_key(self) -> bytes:
        """The server's static public key, 32 bytes."""
        return self._door.public_key

    @property
    def head(self) -> int:
        """The last seq of the log that was published."""
        return self._fanout.head

    def __len__(self) -> int:
        return len(self._table)

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram from anybody; never raises, whatever it contains."""
        kind = data[0] if data and len(data) <= MAX_DATAGRAM else 0  # 1. size, 2. type
        if kind == DATA and len(data) >= MIN_DATA:
            self._receive_data(data, address, now)
        elif kind == HELLO:
            self._reply(self._door.hello(data, self._pack_address(address), now), address)
        elif kind == INIT:
            self._reply(self._door.init(data, address, self._pack_address(address), now), address)
            if len(self._door):
                self._timers.set_by(ServerTimer.TICK, now + TICK)
        else:
            self.dropped["type"] += 1

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        tick_at = self._timers.get(ServerTimer.TICK)
        for timer in self._timers.take_due(now):
            match timer:
                case ServerTimer.SWEEP:
                    self._fanout.sweep(now)
                case ServerTimer.THROTTLE:
                    for session in self._sessions_due(self._requests.throttled, now):
                        session.throttled = False
                        self._requests.release_lines(session, now)
                case ServerTimer.OFFER:
                    self._requests.make_offers(now)
                case ServerTimer.PROBE:
                    for session in self._sessions_due(self._paths.probes, now):
                        self._paths.challenge(session, now)
                case ServerTimer.TICK:
                    self._tick(now, now if tick_at is None else tick_at)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        return self._timers.next_at()

    def next_event(self) -> ServerEvent | None:
        """Return the next thing that happened."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send; empty when there are none."""
        self._offers.end_turn()
        self._requests.send_stored()
        return self._out.take()

    # Commands of the room server. A session that has ended meanwhile is no error.

    def load_recent(self, after: int, entries: Sequence[Logged]) -> None:
        """Keep in memory what the log has after `after`; called before the first client comes."""
        self._fanout.recent.load(after, entries)

    def answer(self, cid: int, number: int, body: AnswerBody) -> None:
        """Answer a call, if the session still waits for it."""
        session = self._table.find(cid)
        if session is not None:
            self._requests.answer(session, number, body)

    def accept_name(self, cid: int, number: int, name: str) -> None:
        """Answer a question about a name: it can be had. The client proves the password next."""
        session = self._table.find(cid)
        if session is not None:
            self._requests.offer(session, number, name)

    def is_open(self, cid: int) -> bool:
        """Tell whether a session has not ended."""
        return self._table.find(cid) is not None

    def find_condition(self, cid: int, now: float) -> tuple[float, int] | None:
        """Return for how many seconds a session was silent, and how many entries it has not acknowledged."""
        session = self._table.find(cid)
        if session is None:
            return None
        sent = session.retransmission
        return max(0.0, now - session.received_at), max(0, sent.shown - sent.acked)

    def open_proof(self, cid: int, name: str) -> Opened | None:
        """Open the proof in a session's JOIN for a name; None if its client does not know the password's hash."""
        session = self._table.find(cid)
        return None if session is None else self._offers.open(session, name)

    def resume_point_of(self, cid: int) -> ResumePoint:
        """Return what the client said in its handshake about what it has read."""
        session = self._table.find(cid)
        return ResumePoint(session.log_id, session.cursor, session.ticket) if session else ResumePoint()

    def admit(self, cid: int, number: int, name: str, start: int, floor: int, now: float) -> bool:
        """Let a session into the room, to read from `start` on and never before `floor`; False if it is gone."""
        session = self._table.find(cid)
        if session is None:
            return False
        self._table.join(session, name)
        session.floor, session.has_old_password = floor, False
        ticket = self._seal_ticket(session, name)
        welcome = Welcome(name, self.log_id, start, self.head, ticket, self.nodes, session.confirmation)
        self._requests.answer(session, number, welcome)
        if not session.is_script:
            self._fanout.add(session, start, now)
        return True

    def rename(self, cid: int, name: str) -> None:
        """Note that a session's member has another name now."""
        session = self._table.find(cid)
        if session is not None and session.joined:
            self._table.rename(session, name)

    def answer_rename(self, cid: int, number: int, name: str, seq: int | None) -> None:
        """Answer RENAME: the member has this name, and here is a ticket for it, unless the password was changed.

        `seq` is that of the rename, None if the member had the name already.
        """
        session = self._table.find(cid)
        if session is not None:
            ticket = b"" if session.has_old_password else self._seal_ticket(session, name)
            self._requests.answer(session, number, NameChanged(name, ticket, self.head if seq is None else seq))

    def _seal_ticket(self, session: Session, name: str) -> bytes:
        return self.tickets.seal(Ticket(name, self.log_id, self.head), session.client_key, self._random)

    def answer_lines(self, answers: Iterable[tuple[int, int, int | Unsaid]], now: float) -> None:
        """Answer lines: (cid, number, seq) for each that is durable, (cid, number, UNSAID) for each refused."""
        answered: dict[int, Session] = {}
        for cid, number, answer in answers:
            session = self._table.find(cid)
            if session is not None:
                self._requests.answer_line(session, number, answer)
                answered[cid] = session
        for session in answered.values():
            self._requests.release_lines(session, now)

    def hold_lines(self, hold: bool, now: float, *, refuses: bool = False) -> None:
        """Hold lines back while the log cannot take more; `refuses`: it takes none, so notify the clients that wait."""
        self._requests.hold(self._table, hold, refuses, now)

    def publish(self, entries: Sequence[Logged], now: float) -> None:
        """Send what was committed to those it is shown to; contiguous, and in order."""
        self._fanout.publish(entries, now)

    def tell_presence(self, here: int, changes: Sequence[Change]) -> None:
        """Tell everybody how many members are here and which have changed; call it at most once a second."""
        self.here = here
        self._fanout.tell_presence(here, changes)

    def supply(self, cid: int, after: int, through: int, entries: Sequence[Logged]) -> None:
        """Answer the GET of a session from the log; `entries` are all that are kept of (after, through]."""
        session = self._table.find(cid)
        if session is not None:
            self._fanout.supply(session, after, through, entries)

    def close(self, cid: int, code: str, wait_ms: int = 0, detail: str = "") -> None:
        """End a session from this side, telling it why; no event follows."""
        session = self._table.find(cid)
        if session is not None:
            self._out.send(session, Closed(code, wait_ms, detail))
            self._remove(session)

    def close_all(self, code: str) -> None:
        """End every session: the server stops."""
        for session in self._table:
            self.close(session.cid, code)

    def wake(self, cid: int, address: Address) -> None:
        """Tell a client by RESET that its session, which an earlier process had, is gone."""
        self._out.put(self._resets.datagram(cid), address)

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on; sessions stay, and keep what they were promised."""
        self._limits = limits
        for part in (self._door, self._fanout, self._requests, self._table, self._resets):
            part.replace_limits(limits)
        self._pace_acks()

    def replace_password(self, password: PasswordHash) -> None:
        """Void the offers and the tickets of those who have not joined yet; those who have joined stay."""
        self._offers.replace_hash(password)
        self._door.void_tickets()
        self._table.void_tickets()

    # Datagrams of sessions: connection id → rate → replay → decrypt → mark → decode → state.

    def _receive_data(self, data: bytes, address: Address, now: float) -> None:
        cid = receiver_cid_of(data)
        route = self._table.route(cid)
        pending = self._door.find(cid) if route is None else None
        if route is not None and route[0].rate.delay(now):
            self.dropped["rate"] += 1
            self._requests.slow_down(route[0], now)
            return
        if route is not None:
            channel = route[1]
        elif pending is not None:
            channel = pending.channel
        else:
            self._reset_stranger(cid, address, now)
            return
        try:
            plaintext = channel.open_untrusted(data)
        except ProtocolError:
            self.dropped["seal"] += 1
            return
        session = route[0] if route is not None else None
        if pending is not None:
            session = self._open(pending, now)
        if session is None:
            return
        session.rate.take(now)  # only authentic datagrams count: nobody can use up another's rate
        if session.rekeying is not None and channel is session.rekeying.channel:
            self._table.promote(session, now)
        if channel is session.channel and channel.is_newest:
            if address != session.address:
                self._paths.notice(session, address, len(data), now)
            else:  # equal, but it may carry another address of ours to answer from
                session.address = address
        session.received_at = now
        try:
            message = decode_client_message_untrusted(plaintext)
        except ProtocolError:
            self.dropped["message"] += 1
            return
        self._handle(session, message, address, now)

    def _open(self, pending: Pending, now: float) -> Session | None:
        self._door.remove(pending)
        ended = self._table.find_replaced(pending)
        if ended is None:
            self.dropped["crowded"] += 1
            self._events.append(HandshakeRefused(pending.address, "crowded"))
            self._out.put(pending.channel.seal(encode(Closed("crowded", CROWDED_MS))), pending.address)
            return None
        for session, reason in ended:
            self._end(session, reason, now)
        session = self._table.open(pending, now)
        self._pace_acks()
        self._timers.set_by(ServerTimer.TICK, now + TICK)
        self._events.append(
            SessionOpened(session.cid, session.address, session.client_key, session.version, session.role)
        )
        return session

    def _reset_stranger(self, cid: int, address: Address, now: float) -> None:
        self.dropped["unknown_session"] += 1
        if self._table.find(cid) is not None:  # a channel that was replaced; its session lives
            return
        if self._resets.admit(self._pack_address(address), now):
            self.wake(cid, address)

    def _handle(self, session: Session, message: ClientMessage, address: Address, now: float) -> None:
        match message:
            case Say():
                self._requests.say(session, message, now)
            case Ack(seq):
                self._fanout.acknowledge(session, seq, now)
            case Get():
                self._get(session, message, now)
            case Call(number):
                if self._requests.call(session, message, now):
                    self._requests.answer(session, number, Goodbye())
                    self._end(session, "left", now)
            case Ping(nonce):
                self._out.send(session, Pong(nonce, self.head, self.here) if session.joined else Pong(nonce, 0))
            case PathResponse(token):
                self._paths.finish(session, token, address, now)
            case Rekey():
                self._rekeys.take(session, message, now)

    def _get(self, session: Session, get: Get, now: float) -> None:
        if not session.joined or session.is_script:
            return
        wanted = self._fanout.get(session, get, now)
        if wanted is not None:
            self._events.append(EntriesWanted(session.cid, *wanted))

    # The end of a session.

    def _sessions_due(self, deadlines: SessionDeadlines, now: float) -> Iterator[Session]:
        return filter(None, map(self._table.find, deadlines.take_due(now)))

    def _tick(self, now: float, due_at: float) -> None:
        self._timers.set(ServerTimer.TICK, now + TICK)
        if now - due_at > STANDSTILL:  # datagrams of that time are still unread, so nobody counts as silent
            return
        self._door.expire(now)
        for session in self._table:
            if session.old_channel is not None:
                self._table.expire_channels(session, now)
            if session.lines.holds_parts():
                self._requests.expire(session, now)
            if session.joining:  # the client waits for the server
                session.join_by = now + self._limits.join_seconds
            if session.received_at + session.idle_seconds <= now:
                self._end(session, "idle", now)
            elif not session.joined and min(session.join_by, session.opened_at + MAX_JOIN_SECONDS) <= now:
                self._out.send(session, Closed("join_timeout", 0))
                self._end(session, "join_timeout", now)
        if not len(self._table) and not len(self._door):
            self._timers.stop(ServerTimer.TICK)

    def _end(self, session: Session, reason: str, now: float) -> None:
        """End a session and report it."""
        if reason in ("idle", "too_many_sessions", "crowded"):
            self._out.send(session, Closed(reason, CROWDED_MS if reason == "crowded" else 0))
        self._remove(session)
        self._events.append(SessionClosed(session.cid, reason, now - session.opened_at))

    def _remove(self, session: Session) -> None:
        self._table.remove(session)
        self._fanout.discard(session)
        self._requests.forget(session)
        self._pace_acks()

    def _pace_acks(self) -> None:
        """Let clients acknowledge less often the more there are."""
        self._door.ack_ms = int(self._fanout.pace_acks(len(self._table)) * 1000)

    def _reply(self, data: bytes | None, address: Address) -> None:
        if data is not None:
            self._out.put(data, address)
