"""The secure dialect behind the seam: it turns an endpoint's events into the six events, and answers into its calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from sockatuh.net.address import format_address
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PLAINTEXT, TAG_LENGTH
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.password_proof import PasswordHash
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.packing import Logged
from sockatuh.protocol.server.tickets import password_generation
from sockatuh.room.changes import PresenceChange
from sockatuh.room.commands import Denied, ListMembers, MemberList, NameGiven, Noted, Rename, Reply, SetAway, StrikeOwn
from sockatuh.room.decisions import Occupant, Role
from sockatuh.room.entries import Message
from sockatuh.room.log import Row
from sockatuh.room.text import clean_line
from sockatuh.server.entry_encoding import encode_change, encode_entry
from sockatuh.server.session_journal import Recorder, SessionJournal

from .base import (
    Asked,
    Condition,
    DialectEvent,
    GivenPassword,
    LineSaid,
    NameAsked,
    PasswordGiven,
    Refusal,
    RowsWanted,
    SessionEnded,
    Visitor,
)
from .resumption import Resumption

ROLES: Final[dict[int, Role]] = {m.MEMBER: "member", m.SCRIPT: "script", m.READER: "reader"}
"""What the protocol's numbers mean in the room."""
ROLE_NUMBERS: Final[dict[Role, int]] = {role: number for number, role in ROLES.items()}
PAGE: Final = MAX_PLAINTEXT - 32
"""Bytes of one page of members."""


class SecureDialect:
    """The sessions of one endpoint as visitors. `resumption` decides where each begins to read."""

    name: Final = "secure"
    encrypted: Final = True
    owns_names: Final = True
    can_be_whispered_to: Final = True

    def __init__(self, endpoint: Endpoint, resumption: Resumption, journal: SessionJournal, recorder: Recorder) -> None:
        self._endpoint, self._resumption = endpoint, resumption
        self._journal, self._recorder = journal, recorder
        self._visitors: dict[int, Visitor] = {}
        self._joins: dict[int, events.JoinAsked] = {}
        """The JOIN of each session that waits for its answer."""
        self._now = 0.0

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams that were dropped, by reason."""
        return self._endpoint.dropped

    # The core.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram from anybody; never raises, whatever it contains."""
        self._now = now
        self._endpoint.receive_datagram(data, address, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        self._endpoint.handle_timer(now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        return self._endpoint.get_timer()

    def next_event(self) -> DialectEvent | None:
        """Return the next thing that happened."""
        while (event := self._endpoint.next_event()) is not None:
            if (reported := self._translate(event)) is not None:
                return reported
        return None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send; empty when there are none."""
        return self._endpoint.datagrams_to_send()

    def _translate(self, event: events.ServerEvent) -> DialectEvent | None:
        if isinstance(event, events.SessionOpened):
            self._open(event)
            return None
        if isinstance(event, events.HandshakeRefused):
            self._journal.refused(event.address, event.reason, self._now)
            return None
        visitor = self._visitors.get(event.cid)
        if visitor is None:  # closed from this side before its event was read
            return None
        match event:
            case events.LineReceived(_, number, line, action, text, to):
                return LineSaid(visitor, number, line, text, action, to)
            case events.JoinAsked(cid):  # if the client has left since, its proof can no longer be opened
                return self._ask_to_join(visitor, event) if self._endpoint.is_open(cid) else None
            case events.WhoAsked(_, number, after):
                return Asked(visitor, number, ListMembers(after))
            case events.RenameAsked(_, number, name):
                return Asked(visitor, number, Rename(name))
            case events.AwayAsked(_, number, text):
                return Asked(visitor, number, SetAway(text))
            case events.StrikeAsked(_, number, seq):
                return Asked(visitor, number, StrikeOwn(seq))
            case events.EntriesWanted(_, after, through):
                return RowsWanted(visitor, after, through)
            case events.SessionMoved(_, address):
                self._move(visitor, address)
                return None
            case events.SessionClosed(_, reason):
                self._forget(visitor)
                return SessionEnded(visitor, reason, "left" if reason == "left" else "lost")

    def _open(self, event: events.SessionOpened) -> None:
        owner, version = fingerprint(event.client_key), clean_line(event.version)
        role = ROLES[event.role]
        visitor = Visitor(event.cid, self, event.address, owner, version, role, opened_at=self._now, cid=event.cid)
        self._visitors[event.cid] = visitor
        self._journal.note("session_opened", visitor, self._now)

    def _ask_to_join(self, visitor: Visitor, event: events.JoinAsked) -> DialectEvent:
        self._joins[visitor.session] = event
        if not event.has_proof and not event.by_ticket:
            return NameAsked(visitor, event.name)
        known_from = self._resumption.known_by_ticket(visitor.session) or 0
        open_password = None if event.by_ticket else partial(self._open_password, event)
        return PasswordGiven(visitor, event.name, open_password, known_from)

    def _open_password(self, join: events.JoinAsked) -> GivenPassword:
        opened = self._endpoint.open_proof(join.cid, join.name)
        if opened is None:
            return GivenPassword(None)
        try:
            return GivenPassword(None if opened.password is None else opened.password.decode(), shows_hash=True)
        except UnicodeDecodeError:
            return GivenPassword(None, shows_hash=True)

    def _move(self, visitor: Visitor, address: Address) -> None:
        visitor.address = address
        if visitor.record is not None:
            self._recorder.moved(visitor.record, format_address(address))
        self._journal.note("session_moved", visitor, self._now)

    def _forget(self, visitor: Visitor) -> None:
        self._visitors.pop(visitor.session, None)
        self._joins.pop(visitor.session, None)

    # Commands of the room server.

    def load_recent(self, rows: Sequence[Row]) -> None:
        """Cache the newest rows of the log; called before anybody has come."""
        self._note_lines(rows)
        if rows:
            self._endpoint.load_recent(rows[0].seq - 1, _encode(rows))

    def name_valid(self, visitor: Visitor, name: str) -> None:
        """Tell a visitor that it could have the name."""
        if (join := self._joins.pop(visitor.session, None)) is not None:
            self._endpoint.accept_name(visitor.session, join.number, name)

    def refuse(self, visitor: Visitor, refusal: Refusal) -> None:
        """Answer a visitor's JOIN with the reason why it does not get in."""
        if (join := self._joins.pop(visitor.session, None)) is not None:
            self._endpoint.answer(visitor.session, join.number, _refused(refusal))

    def welcome(self, visitor: Visitor, name: str, known_from: int | None, now: float) -> None:
        """Let a visitor in, to read on from where it stopped, or from the newest lines on."""
        if (join := self._joins.pop(visitor.session, None)) is not None:
            start, floor = self._resumption.place(visitor.session, join.history, known_from)
            self._endpoint.admit(visitor.session, join.number, name, start, floor, now)

    def answer(self, visitor: Visitor, number: int, reply: Reply | Refusal) -> None:
        """Answer WHO, RENAME or AWAY."""
        match reply:
            case MemberList():
                self._answer_who(visitor, number, reply)
            case NameGiven(name, seq):
                self._endpoint.answer_rename(visitor.session, number, name, seq)
            case Noted():
                self._endpoint.answer(visitor.session, number, m.Noted())
            case Denied(code):
                self._endpoint.answer(visitor.session, number, m.Refused(code))
            case Refusal():
                self._endpoint.answer(visitor.session, number, _refused(reply))

    def rename(self, visitor: Visitor, name: str) -> None:
        """Note that a visitor's member has another name."""
        self._endpoint.rename(visitor.session, name)

    def _answer_who(self, visitor: Visitor, number: int, reply: MemberList) -> None:
        """Answer WHO with as many members as fit a datagram."""
        infos: list[m.MemberInfo] = []
        more, size = reply.more, 0
        for group in reply.groups:
            page = [_info(here) for here in group]
            size += sum(len(m.encode(info)) for info in page)
            if size > PAGE:
                more = True
                break
            infos += page
        self._endpoint.answer(visitor.session, number, m.Members(tuple(infos), more))

    def answer_lines(self, answers: Iterable[tuple[int, int, int | Refusal]], now: float) -> None:
        """Answer lines with their seq, or why they were refused."""
        self._endpoint.answer_lines(
            [(session, number, _line_answer(number, answer)) for session, number, answer in answers], now
        )

    def publish(self, rows: Sequence[Row], now: float) -> None:
        """Send committed rows to all members."""
        self._note_lines(rows)
        self._endpoint.publish(_encode(rows), now)

    def tell_presence(self, here: int, changes: Sequence[PresenceChange]) -> None:
        """Send PRESENCE."""
        self._endpoint.tell_presence(here, [encode_change(change) for change in changes])

    def supply(self, session: int, after: int, through: int, rows: Sequence[Row]) -> None:
        """Send a member what it requested from the log: all that is kept of (after, through]."""
        self._endpoint.supply(session, after, through, _encode(rows))

    def hold(self, hold: bool, now: float, *, refuses: bool) -> None:
        """Leave lines at their sessions while the log cannot take more."""
        self._endpoint.hold_lines(hold, now, refuses=refuses)

    def find_condition(self, visitor: Visitor, now: float) -> Condition | None:
        """Return how a session is, None if it is over."""
        found = self._endpoint.find_condition(visitor.session, now)
        return Condition(*found) if found is not None else None

    def close(self, visitor: Visitor, code: str, wait: float = 0.0, detail: str = "") -> None:
        """End a session, and tell its client why."""
        self._forget(visitor)
        self._endpoint.close(visitor.session, code, math.ceil(wait * 1000), detail)

    def close_all(self, code: str) -> None:
        """End every session: the server stops."""
        self._visitors.clear()
        self._joins.clear()
        self._endpoint.close_all(code)

    # A new configuration.

    def replace_rules(self, limits: Limits, history_on_join: int) -> None:
        """Apply other limits to sessions, and give newcomers another number of earlier lines."""
        self._endpoint.replace_limits(limits)
        self._resumption.history_on_join = history_on_join

    def replace_password(self, password_hash: str) -> None:
        """Void all tickets and offers: the password was changed."""
        self._endpoint.tickets.replace_generation(password_generation(password_hash))
        self._endpoint.replace_password(PasswordHash.parse(password_hash))

    def _note_lines(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if isinstance(row.body, Message):
                self._resumption.note_line(row.seq)


def _encode(rows: Iterable[Row]) -> list[Logged]:
    return [encode_entry(row) for row in rows]


def _info(here: Occupant) -> m.MemberInfo:
    tag, role = here.owner[:TAG_LENGTH], ROLE_NUMBERS[here.role]
    return m.MemberInfo(here.name, tag, here.dialect, here.is_present, here.since, role, here.away)


def _line_answer(number: int, answer: int | Refusal) -> int | m.Unsaid:
    if isinstance(answer, int):
        return answer
    return m.Unsaid(number, answer.code, math.ceil(answer.wait * 1000), answer.detail)


def _refused(refusal: Refusal) -> m.Refused:
    wait_ms, tag = math.ceil(refusal.wait * 1000), refusal.owner[:TAG_LENGTH]
    return m.Refused(refusal.code, wait_ms, refusal.detail, refusal.suggestion, tag, refusal.since)
