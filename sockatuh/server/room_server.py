"""The room server connects dialects, room and log: what a dialect reports, the room decides, and the log stores.

It contains no rule of the room and no byte of the wire, never waits, and gets the time as an argument; so a server runs
in a test exactly as it runs in its process. Slow work is done elsewhere: `take_check` (bcrypt) and `take_read`
(entries that only the database still has) hand it out, `answer_check` and `answer_read` take the results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from sockatuh.errors import SockAtuhError
from sockatuh.log import Logger
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.commands import Command, Denied, ListMembers, Rename, SayLine, SayPrivately, SetAway, answer, may
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Claimed,
    Joined,
    Left,
    Line,
    Message,
    Ordered,
    Released,
    Renamed,
    Struck,
    Whispered,
)
from sockatuh.room.grace import LeftReason
from sockatuh.room.log import Append, Committed, Conflict, Outcome, Row, Stretch
from sockatuh.room.order_book import OrderBook
from sockatuh.room.order_decisions import Decisions, Unkeyed
from sockatuh.room.room import Intent, Room
from sockatuh.room.text import clean_text

from .append_queue import AppendQueue, LineWaiter, Waiter
from .dialects.base import (
    WEB,
    Asked,
    Dialect,
    DialectEvent,
    LineSaid,
    NameAsked,
    PasswordGiven,
    Refusal,
    RowsWanted,
    SessionEnded,
    Visitor,
)
from .entry_rate import EntryRate
from .gate import Gate
from .join import BUSY_SECONDS, SEAT_SECONDS, JoinAttempt, JoinAttempts
from .log_reads import LineRequest, ReadQueue, ReadRequest, Request
from .order_journal import note_announcement
from .orders import OrderAttempt, Orders
from .password_checks import Check, PasswordDesk
from .refusal_log import RefusalLog
from .rename import RenameAttempt, Renames
from .session_journal import Recorder, SessionJournal
from .stored_lines import StoredLines
from .strikes import StrikeAttempt, Strikes

PRESENCE_INTERVAL: Final = 1.0
"""Seconds between two PRESENCEs."""


class RoomServerOptions(msgspec.Struct, frozen=True):
    """The admin's settings: whether texts are logged, the longest text in bytes, and the name the admin speaks under.

    Nobody else may bear that name.
    """

    log_texts: bool
    text_bytes: int
    announce_as: str = "admin"


class RoomServer:
    """One room's server, without sockets or threads.

    `put` and `resume` are the log's; `wall` gives milliseconds since 1970.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        room: Room,
        desk: PasswordDesk,
        recorder: Recorder,
        journal: SessionJournal,
        log: Logger,
        options: RoomServerOptions,
        *,
        put: Callable[[Append], None],
        resume: Callable[[], None],
        random: Callable[[int], bytes],
        wall: Callable[[], int],
    ) -> None:
        self._dialects, self._room, self._desk = dialects, room, desk
        self._recorder, self._journal, self._log, self._options = recorder, journal, log, options
        self._random, self._wall = random, wall
        self._appends = AppendQueue(put, resume)
        rate, refusals = EntryRate(), RefusalLog(log)
        self.lines = self.joins = 0
        """How many were appended since the start, by whichever server."""
        self.refused = refusals.codes
        """How often each code was the answer since the start."""
        book, decided = OrderBook(), OrderBook()
        self._gate = Gate(room, book, decided, refusals, wall)
        self._gate.announce_as = options.announce_as
        self._joining = JoinAttempts(
            room,
            desk,
            recorder,
            log,
            rate,
            refusals,
            self._gate,
            carry_out=self._carry_out,
            evict=self._evict,
            wall=wall,
        )
        self._reads, self._stored_lines = ReadQueue(), StoredLines()
        self._strikes = Strikes(
            room, rate, log, append=self._carry_out, find_line=self._reads.add, is_in=self._is_in, wall=wall
        )
        self.orders = Orders(
            room,
            book,
            decided,
            Decisions(room, book, announce_as=options.announce_as, text_bytes=options.text_bytes),
            self._strikes,
            log,
            append=self._carry_out,
            visitors=self._joining.names,
            dismiss=self._dismiss,
            wall=wall,
        )
        self._renames = Renames(
            room,
            rate,
            refusals,
            self._gate,
            carry_out=self._carry_out,
            is_in=self._is_in,
            would_tell_password=self._joining.would_tell_password,
            wall=wall,
        )
        self._refusals = refusals
        self._whispers = {WEB: True, **{dialect.name: dialect.can_be_whispered_to for dialect in dialects}}
        self._dropped: Counter[str] = Counter()
        self._holding = False
        self._presence_at, self._presence_told = 0.0, 0

    # From the log.

    def load(self, last_of_each_key: Iterable[Row], recent: Sequence[Row], now: float) -> None:
        """Start from where the last process ended: who was here, and what was said last."""
        for row in last_of_each_key:
            if isinstance(row.body, Ordered):  # ten thousand of them are to be read in no time
                self.orders.load(row)
            else:
                self._room.apply(row.seq, row.at, row.body, row.key)
        self._room.lose_all(now)
        self.orders.enforce(now)
        self._room.take_changes()  # nobody is connected
        for row in recent:
            self._stored_lines.note(row)
        for dialect in self._dialects:
            dialect.load_recent(recent)
            dialect.tell_presence(self._room.count, ())

    def take_rows(self, rows: Sequence[Row], now: float) -> None:
        """Apply and publish the rows the log delivers, whichever server wrote them; called before `take_outcomes`."""
        for row in rows:
            self._apply(row, now)
            self._stored_lines.note(row)
            if isinstance(row.body, Struck):
                self._reads.strike(row.body.line)
        if rows:
            for dialect in self._dialects:
                dialect.publish(rows, now)

    def take_outcomes(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Answer those who wait for appends: lines are stored, and joins are finished or decided again."""
        stored: list[tuple[LineWaiter, int]] = []
        joins: list[tuple[JoinAttempt, Committed | Conflict]] = []
        renames: list[tuple[RenameAttempt, Committed | Conflict]] = []
        orders: list[tuple[OrderAttempt, Append, Committed | Conflict]] = []
        strikes: list[tuple[StrikeAttempt, Committed | Conflict]] = []
        has_failed = False
        for append, outcome, waiters in self._appends.resolve(outcomes, now):
            if isinstance(outcome, Conflict) and not waiters and append.key:
                self._room.append_failed(append.key, now)
                has_failed = True
            for waiter in waiters:
                if isinstance(waiter, LineWaiter):
                    if isinstance(outcome, Committed):
                        stored.append((waiter, outcome.seq))
                elif isinstance(waiter, JoinAttempt):
                    joins.append((waiter, outcome))
                elif isinstance(waiter, RenameAttempt):
                    renames.append((waiter, outcome))
                elif isinstance(waiter, OrderAttempt):
                    orders.append((waiter, append, outcome))
                else:
                    strikes.append((waiter, outcome))
        self._answer_stored(stored, now)
        self._pace(now)
        for join, outcome in joins:
            self._joining.finish(join, outcome, now)
        for rename, outcome in renames:
            self._renames.finish(rename, outcome, now)
        for order, append, outcome in orders:
            self.orders.finish(order, append, outcome, now)
        for strike, outcome in strikes:
            self._strikes.finish(strike, outcome)
        if has_failed:
            self._expire(now)  # a `left` came too late because its member was being renamed

    def _answer_stored(self, stored: Iterable[tuple[LineWaiter, int]], now: float) -> None:
        answers: dict[Dialect, list[tuple[int, int, int | Refusal]]] = {}
        for waiter, seq in stored:
            if (visitor := self._joining.find(waiter.session)) is not None:
                answers.setdefault(visitor.dialect, []).append((visitor.session, waiter.number, seq))
        for dialect, lines in answers.items():
            dialect.answer_lines(lines, now)

    def _pace(self, now: float) -> None:
        """Accept no more lines than the log can take; if it takes none, notify the clients that wait."""
        refuses = self._appends.obstacle(now) is not None
        for dialect in self._dialects:
            dialect.hold(self._holding or self._appends.is_full, now, refuses=refuses)

    def _apply(self, row: Row, now: float) -> None:
        body = row.body
        self._room.apply(row.seq, row.at, body, row.key)
        if row.key is not None or not isinstance(body, Message | Whispered):  # a line is no order
            self.orders.apply(row, now)
            self.joins += isinstance(body, Joined)
        else:
            self.lines += 1
        match body:
            case Message(owner=owner) if owner == ADMIN_OWNER:
                note_announcement(self._log, row, body, log_texts=self._options.log_texts)
            case Message():
                texts: dict[str, object] = {"text": body.text} if self._options.log_texts else {}
                if body.action:
                    texts["action"] = True
                size = len(body.text.encode())
                self._log.info("message_posted", author=body.name, seq=row.seq, bytes=size, **texts)
            case Whispered():
                size = len(body.text.encode())
                self._log.info("private_line_posted", author=body.name, to=body.to, seq=row.seq, bytes=size)
            case Renamed(name=name, new=new):
                self._log.info("member_renamed", name=name, new=new, key=body.owner[:TAG_LENGTH], seq=row.seq)
                self._rename_sessions(row.key or "", new)
            case Left(renamed_to=new) if new:
                pass  # `member_renamed` says it
            case Joined(name=name, dialect=dialect, address=address):
                key = body.owner[:TAG_LENGTH]
                fields = {"name": name, "address": address, "dialect": dialect, "key": key, "version": body.version}
                self._log.info("member_joined", seq=row.seq, **fields)
            case Left(name=name, reason=reason, seconds=seconds):
                self._log.info("member_left", name=name, reason=reason, seconds=round(seconds, 1), seq=row.seq)
            case Released() | Struck() | Ordered():
                pass
            case Claimed(name=name):
                self._log.info("name_claimed", name=name, key=body.owner[:TAG_LENGTH], seq=row.seq)

    def _rename_sessions(self, key: str, name: str) -> None:
        for session in self._room.sessions_of(key):
            if (visitor := self._joining.find(session)) is not None:
                visitor.name = name
                visitor.dialect.rename(visitor, name)
                if visitor.record is not None:
                    self._recorder.renamed(visitor.record, name)

    def _carry_out(self, intent: Intent | Unkeyed, *waiters: Waiter) -> None:
        if isinstance(intent, Unkeyed):
            self._appends.add(Append(self._random(16), intent.body, strikes=intent.strikes), *waiters)
        else:
            self._appends.add(self._append_of(intent), *waiters)

    def _append_of(self, intent: Intent) -> Append:
        also = None if intent.also is None else self._append_of(intent.also)
        return Append(self._random(16), intent.body, intent.key, intent.expect, also)

    # From the dialects.

    def handle(self, event: DialectEvent, now: float) -> None:
        """Process an event of a dialect."""
        match event:
            case LineSaid():
                self._say(event, now)
            case NameAsked():
                self._joining.ask_name(event, now)
            case PasswordGiven(visitor) if self._appends.is_full:
                self._refusals.refuse(visitor, Refusal("busy", BUSY_SECONDS))
            case PasswordGiven():
                self._joining.begin(event, now)
            case Asked():
                self._obey(event, now)
            case RowsWanted(visitor, after, through):
                self._reads.add(ReadRequest(visitor.session, after, through))
            case SessionEnded(visitor, reason, recorded):
                self._close(visitor, reason, recorded, now)

    def _obey(self, asked: Asked, now: float) -> None:
        visitor, number, command = asked.visitor, asked.number, asked.command
        if not may(visitor.role, type(command)):
            visitor.dialect.answer(visitor, number, Denied("only_members"))
        elif (refusal := self._find_silence(visitor, command)) is not None:
            visitor.dialect.answer(visitor, number, refusal)
        elif isinstance(command, ListMembers | SetAway):
            visitor.dialect.answer(visitor, number, answer(self._room, command, visitor.session, visitor.role))
        elif self._appends.is_full:
            visitor.dialect.answer(visitor, number, Refusal("busy", BUSY_SECONDS))
        elif isinstance(command, Rename):
            self._renames.begin(visitor, number, command.name, now)
        else:
            self._strikes.strike_own(visitor, number, command.seq, now)

    def _find_silence(self, visitor: Visitor, command: Command) -> Refusal | None:
        """Return why an order forbids a command: everybody would see a name or a text of somebody who is muted."""
        if isinstance(command, ListMembers):
            return None
        shows = isinstance(command, Rename) or (isinstance(command, SetAway) and bool(command.text))
        return self._gate.find_removal(visitor) or (self._gate.find_mute(visitor) if shows else None)

    def _say(self, line: LineSaid, now: float) -> None:
        visitor, cleaned = line.visitor, clean_text(line.text)
        if (seq := self._stored_lines.find(line.id)) is not None:
            visitor.dialect.answer_lines([(visitor.session, line.number, seq)], now)
        elif not may(visitor.role, SayPrivately if line.to else SayLine):
            self._refuse_line(line, Refusal("only_reading"), now)
        elif (silenced := self._gate.find_removal(visitor) or self._gate.find_mute(visitor)) is not None:
            self._refuse_line(line, silenced, now)
        elif not cleaned:
            self._refuse_line(line, Refusal("text_empty"), now)
        elif len(cleaned.encode()) > self._options.text_bytes:
            self._refuse_line(line, Refusal("text_too_long"), now)
        elif isinstance(body := self._line_of(line, cleaned), str):
            self._refuse_line(line, Refusal(body), now)
        else:
            self._room.set_away(visitor.session, None)  # whoever speaks is back
            self._appends.add(Append(line.id, body), LineWaiter(visitor.session, line.number))
            if self._appends.is_full:
                self._pace(now)

    def _line_of(self, line: LineSaid, text: str) -> Line | str:
        """Return what is to be stored of a line, or the code with which it is refused."""
        visitor = line.visitor
        if not line.to:
            return Message(visitor.name, visitor.owner, text, line.action)
        addressee = self._room.find_addressee(line.to, self._wall())
        if addressee is None:
            return "no_such_name"
        if not addressee.owner or not self._whispers.get(addressee.dialect, not addressee.dialect):
            return "reads_in_clear"
        return Whispered(visitor.name, visitor.owner, text, addressee.name, addressee.owner)

    def _refuse_line(self, line: LineSaid, refusal: Refusal, now: float) -> None:
        self.refused[refusal.code] += 1
        line.visitor.dialect.answer_lines([(line.visitor.session, line.number, refusal)], now)

    # Sessions.

    def _is_in(self, visitor: Visitor) -> bool:
        return self._joining.find(visitor.session) is visitor

    def _evict(self, visitor: Visitor, now: float) -> None:
        """End the session of a guest whose seat somebody else needs."""
        visitor.dialect.close(visitor, "crowded", SEAT_SECONDS)
        self._close(visitor, "crowded", "lost", now)

    def _dismiss(self, visitor: Visitor, refusal: Refusal, now: float) -> None:
        """End the session of somebody whom an order removes."""
        visitor.dialect.close(visitor, refusal.code, refusal.wait, refusal.detail)
        self._close(visitor, refusal.code, "removed", now)

    def _close(self, visitor: Visitor, reason: str, recorded: LeftReason, now: float) -> None:
        self._forget(visitor, reason)
        self._journal.note("session_closed", visitor, now, reason=reason, seconds=round(now - visitor.opened_at, 1))
        has_left = recorded == "left"
        intent = self._room.detach(visitor.session, now, self._wall(), left=has_left, reason=recorded)
        if intent is not None:
            self._carry_out(intent)

    def _forget(self, visitor: Visitor, reason: str) -> None:
        self._joining.end(visitor, has_left=reason == "left")
        if self._appends.held:  # they may wait for a long time, while clients come and go
            self._appends.forget(visitor.session)
        if visitor.record is not None:
            self._recorder.closed(visitor.record, reason)

    # For the process that runs it.

    def replace_options(self, options: RoomServerOptions) -> None:
        """Apply other options from now on."""
        self._options = options
        self._gate.announce_as = self.orders.decisions.announce_as = options.announce_as
        self.orders.decisions.text_bytes = options.text_bytes

    @property
    def members(self) -> int:
        """How many are in the room."""
        return self._room.count

    @property
    def lost(self) -> int:
        """How many of the members are out of contact."""
        return self._room.count - self._room.in_contact

    @property
    def unwritten(self) -> int:
        """How many appends have no outcome yet."""
        return len(self._appends)

    def visitors(self) -> list[Visitor]:
        """Return the sessions that are in."""
        return [visitor for visitor in self._joining.visitors() if visitor.name]

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams that were dropped since the start, by reason."""
        return sum((dialect.dropped for dialect in self._dialects), Counter[str]())

    def obstacle(self, now: float) -> SockAtuhError | None:
        """Return why the database does not store anything; None if it does."""
        return self._appends.obstacle(now)

    def handle_timer(self, now: float) -> None:
        """End memberships whose grace is over, and retry what the database refused; to be called once a second."""
        self._appends.retry(now)
        self.orders.handle_timer(now)
        self._strikes.handle_timer(now)
        self._pace(now)
        self._tell_presence(now)
        self._expire(now)

    def _expire(self, now: float) -> None:
        expiry = self._room.next_expiry()
        if expiry is not None and expiry <= now:
            for intent in self._room.expire(now, self._wall()):
                self._carry_out(intent)

    def _tell_presence(self, now: float) -> None:
        """Tell everybody who has come, gone or lost contact, if anybody has; at most once a second."""
        if now < self._presence_at:
            return
        changes, here = self._room.take_changes(), self._room.count
        if changes or here != self._presence_told:
            self._presence_at, self._presence_told = now + PRESENCE_INTERVAL, here
            for dialect in self._dialects:
                dialect.tell_presence(here, changes)

    def take_check(self, now: float) -> Check | None:
        """Return the next password for bcrypt, if any; answer it with `answer_check`."""
        while (taken := self._desk.take_check(now)) is not None:
            check, verdict = taken
            if verdict is None:
                return check
            self._joining.take_verdict(check, verdict, now)
        return None

    def answer_check(self, check: Check, right: bool, now: float) -> None:
        """Process what bcrypt found."""
        self._joining.take_verdict(check, self._desk.answer(check, right, now), now)

    def take_read(self) -> Request | None:
        """Return what is to be read of the log next, unless many reads are under way; answer with `answer_read`."""
        return self._reads.take()

    def answer_read(self, request: Request, found: Stretch | None) -> None:
        """Send what was read; None: it could not be read."""
        if not self._reads.finish(request):
            return
        if isinstance(request, LineRequest):
            self._strikes.take_line(request, found)
            return
        visitor = self._joining.find(request.session)
        if found is not None and visitor is not None:
            visitor.dialect.supply(visitor.session, request.after, found.through, found.rows)

    def summarise_dropped(self) -> None:
        """Log how many datagrams were dropped since the last call, if any."""
        total = self.dropped
        if news := total - self._dropped:
            self._log.info("datagram_dropped", **news)
        self._dropped = total
        self._journal.summarise()

    def hold_lines(self, now: float) -> None:
        """Accept no more lines: the server stops, and clients repeat theirs to the next one."""
        self._holding = True
        self._pace(now)

    def empty_room(self) -> None:
        """Append that everybody has left: the room is closed, not restarted."""
        for intent in self._room.leave_all(self._wall()):
            self._carry_out(intent)

    def close_sessions(self, code: str) -> None:
        """Tell every client that the server stops, and record it."""
        for dialect in self._dialects:
            dialect.close_all(code)
        for visitor in self._joining.visitors():
            self._forget(visitor, "server_stopped")
