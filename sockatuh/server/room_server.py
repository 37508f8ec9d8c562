"""The bridge: what a dialect reports, the room decides, the log stores, and everybody hears.

It owns no rule and no byte of the wire, waits for nothing, and is handed the time; so a server runs in a test exactly
as it runs in its process. What takes long is a job that somebody else does and answers: `take_check` (bcrypt) and
`take_reading` (entries only the database still has).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sockatuh.errors import StoreError
from sockatuh.net.address import format_address
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.endpoint import CROWDED_MS, Endpoint
from sockatuh.protocol.server.events import (
    EntriesWanted,
    HandshakeRefused,
    JoinAsked,
    LineSaid,
    ServerEvent,
    SessionClosed,
    SessionMoved,
    SessionOpened,
    WhoAsked,
)
from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, decode_body, encode_body, kind_of
from sockatuh.room.room import Intent, Room
from sockatuh.room.text import clean_line, clean_text
from sockatuh.server.dialects.classic import (
    ClassicDialect,
    ClassicEvent,
    ClassicSaid,
    ClassicSilent,
    NameAsked,
    PasswordGiven,
)
from sockatuh.store.lineage import Lineage
from sockatuh.store.roomlog import Append, Committed, Conflict, Outcome, Row

from .append_queue import Appends
from .entry_encoding import encode_entry, encode_row
from .join import BUSY_MS, Joining
from .listing import ROLES, list_here
from .log_reads import READ_LIMIT, Reading, Readings
from .password_checks import Check, PasswordDesk
from .resumption import Resumption
from .session_journal import SessionLog
from .visitors import CLASSIC, SECURE, JoinRequest, JoinWaiter, LineWaiter, Logger, Recorder, Visitor, Waiter

MAX_HELD: Final = 256
"""Appends the database has refused above which lines wait at their sessions."""


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """What the admin decided: lines a newcomer gets, whether texts are logged, the longest text in bytes."""

    history_on_join: int
    log_texts: bool
    text_bytes: int


class Bridge:
    """One room's server without its wires.

    `put`, `resume`, `lineage` and `renew` are the log's; `wall` gives milliseconds since 1970.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        classic: ClassicDialect,
        room: Room,
        desk: PasswordDesk,
        recorder: Recorder,
        log: Logger,
        options: BridgeOptions,
        *,
        put: Callable[[Append], None],
        resume: Callable[[], None],
        lineage: Lineage,
        renew: Callable[[bytes, int], None],
        random: Callable[[int], bytes],
        wall: Callable[[], int],
    ) -> None:
        self._endpoint, self._classic, self._room, self._desk = endpoint, classic, room, desk
        self._recorder, self._log, self._options = recorder, log, options
        self._random, self._wall = random, wall
        self._appends = Appends(put, resume)
        self._resumption = Resumption(endpoint, lineage, log, renew=renew, random=random)
        self._resumption.history_on_join = options.history_on_join
        self._joining = Joining(
            endpoint,
            classic,
            room,
            desk,
            recorder,
            log,
            resumption=self._resumption,
            carry_out=self._carry_out,
            seated=self._seated,
            evict=self._evict,
            wall=wall,
        )
        self._visitors: dict[int, Visitor] = {}
        self._classic_sessions: dict[Address, int] = {}
        self._last_classic = 0
        self._readings = Readings()
        self._sessions = SessionLog(log)
        self._dropped: Counter[str] = Counter()
        self._holding = False

    # From the log.

    def load(self, last_of_each_key: Iterable[Row], recent: Sequence[Row], now: float) -> None:
        """Begin where the last process ended: who was here, and what was said last."""
        for row in last_of_each_key:
            if row.body is not None:
                self._room.apply(row.seq, row.at, decode_body(row.kind, row.body), row.key)
        self._room.lose_all(now)
        for row in recent:
            if row.kind == "message":
                self._resumption.note_line(row.seq)
        if recent:
            self._endpoint.load_recent(recent[0].seq - 1, [(row.seq, encode_row(row)) for row in recent])

    def take_outcomes(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Hear what became of appends, in order: fold, tell everybody, then answer who waits."""
        told: list[tuple[int, bytes]] = []
        stored: list[tuple[int, int, int | str]] = []
        joins: list[tuple[JoinWaiter, Committed | Conflict]] = []
        head = self._endpoint.head
        for outcome, waiters in self._appends.settle(outcomes, now):
            # Also one that was there already, if nobody was told: its commit failed, as far as anybody knew.
            if isinstance(outcome, Committed) and outcome.row.seq > head:
                head = outcome.row.seq
                body = decode_body(outcome.row.kind, outcome.row.body or outcome.append.body or b"")
                told.append((outcome.row.seq, encode_entry(outcome.row, body)))
                self._take_row(outcome.row, body, waiters)
            elif isinstance(outcome, Conflict) and not waiters and outcome.append.key:
                self._room.append_failed(outcome.append.key, now)
            for waiter in waiters:
                if isinstance(waiter, JoinWaiter):
                    joins.append((waiter, outcome))
                elif isinstance(outcome, Committed):
                    stored.append((waiter.session, waiter.number, outcome.row.seq))
        if told:
            self._endpoint.publish(told, told[-1][0], now)
        self._endpoint.settle_lines(stored, now)
        self._pace(now)
        for join, outcome in joins:
            self._joining.finish(join, outcome, now)

    def _pace(self, now: float) -> None:
        """Take as many lines as the log can, and tell those who wait if it can take none."""
        refuses = self.obstacle(now) is not None
        self._endpoint.hold_lines(self._holding or self._is_full, now, refuses=refuses)

    @property
    def _is_full(self) -> bool:
        """Tell whether so much waits for the database that nothing more may."""
        return self._appends.held >= MAX_HELD or self._appends.is_full

    def _take_row(self, row: Row, body: Body, waiters: Sequence[Waiter]) -> None:
        self._room.apply(row.seq, row.at, body, row.key)
        match body:
            case Message():
                self._resumption.note_line(row.seq)
                self._tell_classic(waiters, body)
                texts: dict[str, object] = {"text": body.text} if self._options.log_texts else {}
                if body.action:
                    texts["action"] = True
                size = len(body.text.encode())
                self._log.info("message_posted", author=body.name, seq=row.seq, bytes=size, **texts)
            case Joined(name=name, dialect=dialect, address=address):
                key = body.owner[:TAG_LENGTH]
                fields = {"name": name, "address": address, "dialect": dialect, "key": key, "version": body.version}
                self._log.info("member_joined", seq=row.seq, **fields)
                if dialect == CLASSIC:
                    self._log.warning("classic_member_joined", name=name, address=address)
            case Left(name=name, reason=reason, seconds=seconds):
                self._log.info("member_left", name=name, reason=reason, seconds=round(seconds, 1), seq=row.seq)
            case Claimed(name=name):
                self._log.info("name_claimed", name=name, key=body.owner[:TAG_LENGTH], seq=row.seq)

    def _tell_classic(self, waiters: Sequence[Waiter], message: Message) -> None:
        speaker = self._visitors.get(waiters[0].session) if waiters and isinstance(waiters[0], LineWaiter) else None
        but = speaker.address if speaker is not None and speaker.dialect == CLASSIC else None
        self._classic.send_line(message.name, message.text, but, action=message.action)

    def _carry_out(self, intent: Intent, *waiters: Waiter) -> None:
        self._append(self._random(16), intent.body, *waiters, key=intent.key, expect=intent.expect)

    def _append(
        self, line: bytes, body: Body, *waiters: Waiter, key: str | None = None, expect: int | None = None
    ) -> None:
        self._appends.add(Append(line, kind_of(body), encode_body(body), key, expect), *waiters)

    # From the dialects.

    def handle(self, event: ServerEvent | ClassicEvent, now: float) -> None:
        """Do what an event asks for."""
        match event:
            case LineSaid(session, number, line, action, text):
                self._say(self._visitors[session], number, line, text, now, action=action)
            case JoinAsked():
                self._ask_to_join(event, now)
            case WhoAsked(session, number, after):
                self._endpoint.answer(session, number, list_here(self._room, self._visitors[session], after))
            case EntriesWanted(session, after, through):
                self._readings.add(Reading(session, after, through))
            case SessionOpened():
                self._open(event, now)
            case SessionMoved(session, address):
                self._move(self._visitors[session], address, now)
            case SessionClosed(session, reason):
                self._close(self._visitors[session], reason, now)
            case HandshakeRefused(address, reason):
                self._sessions.refused(address, reason, now)
            case NameAsked(address, name):
                request = JoinRequest(self._classic_visitor(address, now), 0, name, None)
                if self._joining.ask_name(request, now) is not None:
                    self._classic.name_valid(address, name)
            case PasswordGiven(address) if self._is_full:
                self._classic.password_wrong(address)
            case PasswordGiven(address, name, password):
                request = JoinRequest(self._classic_visitor(address, now), 0, name, None)
                self._joining.try_password(request, password, now)
            case ClassicSaid() if self._is_full:
                self._log.warning("classic_line_dropped", address=format_address(event.address))
            case ClassicSaid(address, text):
                speaker = self._visitors[self._classic_sessions[address]]
                self._say(speaker, 0, self._random(16), text, now, action=False)
            case ClassicSilent(address):
                self._close(self._visitors[self._classic_sessions[address]], "idle", now)

    def _ask_to_join(self, event: JoinAsked, now: float) -> None:
        if self._is_full:
            self._endpoint.answer(event.cid, event.number, m.Refused("busy", BUSY_MS))
            return
        request = JoinRequest(
            self._visitors[event.cid], event.number, event.name, event.history, by_ticket=event.by_ticket
        )
        if event.by_ticket:
            self._joining.admit_by_ticket(request, now)
        elif event.password is not None:
            self._joining.try_password(request, event.password, now)
        elif (name := self._joining.ask_name(request, now)) is not None:
            self._endpoint.answer(event.cid, event.number, m.NameValid(name))

    def _say(self, visitor: Visitor, number: int, line: bytes, text: str, now: float, *, action: bool) -> None:
        cleaned = clean_text(text)
        if cleaned and len(cleaned.encode()) <= self._options.text_bytes:
            message = Message(visitor.name, visitor.owner, cleaned, action)
            self._append(line, message, LineWaiter(visitor.session, number))
            if self._appends.is_full:
                self._pace(now)
        elif visitor.dialect == SECURE:
            code = "text_too_long" if cleaned else "text_empty"
            self._endpoint.settle_lines([(visitor.session, number, code)], now)

    # Sessions.

    def _open(self, event: SessionOpened, now: float) -> None:
        owner, version = fingerprint(event.client_key), clean_line(event.version)
        visitor = Visitor(event.cid, event.address, owner, SECURE, version, ROLES[event.role], opened_at=now)
        self._visitors[event.cid] = visitor
        self._sessions.note("session_opened", visitor, now)

    def _classic_visitor(self, address: Address, now: float) -> Visitor:
        self._last_classic -= 1
        return Visitor(self._last_classic, address, "", CLASSIC, "", ROLES[m.MEMBER], opened_at=now)

    def _seated(self, visitor: Visitor) -> None:
        if visitor.dialect == CLASSIC:
            self._visitors[visitor.session] = visitor
            self._classic_sessions[visitor.address] = visitor.session

    def _move(self, visitor: Visitor, address: Address, now: float) -> None:
        visitor.address = address
        if visitor.record is not None:
            self._recorder.moved(visitor.record, format_address(address))
        self._sessions.note("session_moved", visitor, now)

    def _evict(self, session: int, now: float) -> None:
        """End the session of a guest whose seat somebody else needs."""
        self._endpoint.close(session, "crowded", CROWDED_MS)
        if (visitor := self._visitors.get(session)) is not None:
            self._close(visitor, "crowded", now)

    def _close(self, visitor: Visitor, reason: str, now: float) -> None:
        self._forget(visitor, reason)
        self._sessions.note("session_closed", visitor, now, reason=reason, seconds=round(now - visitor.opened_at, 1))
        why: Final = "idle" if visitor.dialect == CLASSIC else "lost"
        intent = self._room.detach(visitor.session, now, self._wall(), left=reason == "left", reason=why)
        if intent is not None:
            self._carry_out(intent)

    def _forget(self, visitor: Visitor, reason: str) -> None:
        visitor.gone, visitor.left = True, reason == "left"
        del self._visitors[visitor.session]
        if visitor.dialect == CLASSIC:
            del self._classic_sessions[visitor.address]
            self._classic.drop(visitor.address)
        if self._appends.held:  # they may be there for long, and the session's client come and go
            self._appends.forget(visitor.session)
        if visitor.record is not None:
            self._recorder.closed(visitor.record, reason)

    # For the process that runs it.

    def replace_options(self, options: BridgeOptions) -> None:
        """Do from now on as the admin has decided anew."""
        self._options = options
        self._resumption.history_on_join = options.history_on_join

    @property
    def members(self) -> int:
        """How many are in the room."""
        return self._room.count

    @property
    def unwritten(self) -> int:
        """How many appends have no outcome yet."""
        return len(self._appends)

    def obstacle(self, now: float) -> StoreError | None:
        """Say why the database does not take what it is given; None if it does."""
        return self._appends.obstacle(now)

    def handle_timer(self, now: float) -> None:
        """Let members go whose grace is over, and try again what the database refused; about once a second."""
        self._appends.retry(now)
        self._pace(now)
        expiry = self._room.next_expiry()
        if expiry is not None and expiry <= now:
            for intent in self._room.expire(now, self._wall()):
                self._carry_out(intent)

    def take_check(self, now: float) -> Check | None:
        """Return the password bcrypt is to look at next; `answer_check` says what it found."""
        while (taken := self._desk.take_check(now)) is not None:
            check, verdict = taken
            if verdict is None:
                return check
            self._joining.take_verdict(check, verdict, now)
        return None

    def answer_check(self, check: Check, right: bool, now: float) -> None:
        """Hear what bcrypt found."""
        self._joining.take_verdict(check, self._desk.answer(check, right, now), now)

    def take_reading(self) -> Reading | None:
        """Return the stretch to be read from the log next, unless many are; `answer_reading` brings it."""
        return self._readings.take()

    def answer_reading(self, reading: Reading, rows: Sequence[Row] | None) -> None:
        """Send what was read: the first READ_LIMIT rows kept of the stretch; None: it could not be read."""
        self._readings.finish(reading)
        if rows is None:
            return
        through = rows[-1].seq if len(rows) == READ_LIMIT else reading.through
        self._endpoint.supply(reading.session, reading.after, through, [(row.seq, encode_row(row)) for row in rows])

    def summarise_dropped(self) -> None:
        """Log how many datagrams were not heeded since the last time, if any."""
        total = self._endpoint.dropped + self._classic.dropped
        if news := total - self._dropped:
            self._log.info("datagram_dropped", **news)
        self._dropped = total
        self._sessions.summarise()

    def hold_lines(self, now: float) -> None:
        """Take no more lines: the server stops, and whoever says one says it again to the next."""
        self._holding = True
        self._pace(now)

    def empty_room(self) -> None:
        """Write down that everybody has left: the room is closed, not restarted."""
        for intent in self._room.leave_all(self._wall()):
            self._carry_out(intent)

    def close_sessions(self, code: str) -> None:
        """Tell every client that the server stops, and write it down."""
        self._endpoint.close_all(code)
        for visitor in list(self._visitors.values()):
            self._forget(visitor, "server_stopped")
