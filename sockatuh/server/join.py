"""Joining: a name, a password or ticket, one conditional append (docs/PROTOCOL.md §5, §10, §11).

Each attempt is a `JoinAttempt`. It is refused, or gets in, by this table; nothing else changes its state:

    ASKED ────the password is known to be right, or a ticket is shown────▶ WRITING ──written──▶ SEATED
      └──only bcrypt can tell──▶ CHECKING ──────it was right──────────────▶  │  ▲
                                                                             └──┘ another entry of the name came first
    and from each of them to GONE, if the attempt is refused or the session ends.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Final, Protocol

import msgspec

from sockatuh.log import Logger
from sockatuh.net.address import format_address
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.admission import Right, Wait, Wrong
from sockatuh.room.decisions import GuestsFull
from sockatuh.room.log import Committed, Conflict
from sockatuh.room.names import same_as_password
from sockatuh.room.password import PasswordUnusable, prepare_password
from sockatuh.room.room import Admit, Intent, NameDenied, Room, RoomFull, TooOften
from sockatuh.room.text import clean_line

from .dialects.base import GivenPassword, NameAsked, PasswordGiven, Refusal, Visitor
from .entry_rate import EntryRate
from .gate import Gate
from .password_checks import Busy, Check, PasswordDesk, PutOff, Verdict
from .refusal_log import NAME_LOGGED, RefusalLog
from .session_journal import Recorder

BUSY_SECONDS: Final = 2.0
SEAT_SECONDS: Final = 5.0
"""Seconds after which a visitor that found no seat may ask again."""
STOLEN_CONSEQUENCE: Final = "whoever has it was refused, but can pose as this server to people who were never here"
STOLEN_REMEDY: Final = "find out who can read the configuration, then set another password with sockatuh hash-password"


class JoinState(Enum):
    """How far a join has come."""

    ASKED = auto()
    CHECKING = auto()
    """Waiting for bcrypt to check the password."""
    WRITING = auto()
    """The join is on its way to the disk: its entry in the log, or at least the session's record."""
    SEATED = auto()
    GONE = auto()
    """Refused, or the session is over."""


class JoinStep(Enum):
    """What happens to a join."""

    UNDECIDED = auto()
    ADMITTED = auto()
    WRITTEN = auto()
    REFUSED = auto()
    ENDED = auto()
    """The session is over."""


TRANSITIONS: Final[dict[tuple[JoinState, JoinStep], JoinState]] = {
    (JoinState.ASKED, JoinStep.UNDECIDED): JoinState.CHECKING,
    (JoinState.ASKED, JoinStep.ADMITTED): JoinState.WRITING,
    (JoinState.CHECKING, JoinStep.ADMITTED): JoinState.WRITING,
    # Another entry of the name was committed first, so the room decided again.
    (JoinState.WRITING, JoinStep.ADMITTED): JoinState.WRITING,
    (JoinState.WRITING, JoinStep.WRITTEN): JoinState.SEATED,
    (JoinState.ASKED, JoinStep.REFUSED): JoinState.GONE,
    (JoinState.CHECKING, JoinStep.REFUSED): JoinState.GONE,
    (JoinState.WRITING, JoinStep.REFUSED): JoinState.GONE,
    (JoinState.ASKED, JoinStep.ENDED): JoinState.GONE,
    (JoinState.CHECKING, JoinStep.ENDED): JoinState.GONE,
    (JoinState.WRITING, JoinStep.ENDED): JoinState.GONE,
    (JoinState.SEATED, JoinStep.ENDED): JoinState.GONE,
}
"""What is not here cannot happen."""


class JoinAttempt(msgspec.Struct, eq=False):
    """One attempt to join. While it is written, `admit` says what the room decided.

    The member may read from `known_from` on (None: no more than any newcomer). `has_left`: the client said LEAVE.
    `password` counts passwords: this attempt, if it gets in, shows that its client knows that one.
    """

    visitor: Visitor
    name: str
    by_ticket: bool
    ticket_known_from: int = 0
    password: int = 0
    state: JoinState = JoinState.ASKED
    admit: Admit | None = None
    known_from: int | None = None
    has_left: bool = False


class CarryOut(Protocol):
    """Appends an intent."""

    def __call__(self, intent: Intent, *waiters: JoinAttempt) -> None:
        """Append it; `JoinAttempts.finish` is called for each waiter."""


class JoinAttempts:
    """All joins. `gate` knows whom an order keeps out, `evict` ends the session of somebody who gives up a seat.

    `wall` gives milliseconds since 1970.
    """

    def __init__(
        self,
        room: Room,
        desk: PasswordDesk,
        recorder: Recorder,
        log: Logger,
        rate: EntryRate,
        refusals: RefusalLog,
        gate: Gate,
        *,
        carry_out: CarryOut,
        evict: Callable[[Visitor, float], None],
        wall: Callable[[], int],
    ) -> None:
        self._room, self._desk, self._gate = room, desk, gate
        self._recorder, self._log, self._wall = recorder, log, wall
        self._carry_out, self._evict = carry_out, evict
        self._rate, self._refusals = rate, refusals
        self._joins: dict[int, JoinAttempt] = {}
        """By session; those that are GONE are removed."""

    def _step(self, join: JoinAttempt, step: JoinStep) -> None:
        """Change the state of a join; nothing else does."""
        join.state = TRANSITIONS[join.state, step]
        if join.state is JoinState.GONE:
            self._joins.pop(join.visitor.session, None)

    def visitors(self) -> list[Visitor]:
        """Return everybody who is in, or about to be."""
        return [join.visitor for join in self._joins.values()]

    def names(self) -> list[tuple[Visitor, str]]:
        """Return everybody who is in, or about to be, with the name that each has or asks for."""
        return [(join.visitor, join.visitor.name or join.name) for join in self._joins.values()]

    def find(self, session: int) -> Visitor | None:
        """Find a visitor who is in, or about to be."""
        join = self._joins.get(session)
        return join.visitor if join is not None else None

    def would_tell_password(self, visitor: Visitor, name: str) -> bool:
        """Tell whether a name is the password, as far as the server knows that and the visitor has proved to know it.

        Somebody who is in under an earlier password is told nothing about the present one.
        """
        join = self._joins.get(visitor.session)
        return join is not None and join.password == self._desk.passwords and self._desk.is_like_name(name)

    # Requests of visitors.

    def ask_name(self, event: NameAsked, now: float) -> None:
        """Check a name. The visitor has not given the password, so it is not told whose the name is."""
        visitor = event.visitor
        if (barred := self._gate.bar(visitor, event.name, now)) is not None:
            self._refusals.refuse(visitor, barred)
            return
        judged = self._room.judge_name(event.name, visitor.owner, self._wall())
        if not isinstance(judged, NameDenied):
            visitor.dialect.name_valid(visitor, judged.name)
            return
        self._refusals.note("name_refused", visitor, event.name, now, reason=judged.code)
        if judged.code == "name_invalid":
            self._refusals.refuse(visitor, Refusal(judged.code, detail=judged.detail, suggestion=judged.suggestion))
        else:
            self._refusals.refuse(visitor, Refusal("name_unavailable"))

    def begin(self, event: PasswordGiven, now: float) -> None:
        """Check the password, now or once bcrypt has. The name is only checked after the password was right.

        Whoever an order keeps out is told so before: their password is not looked at.
        """
        by_ticket = event.open_password is None
        join = JoinAttempt(event.visitor, event.name, by_ticket, event.known_from, self._desk.passwords)
        self._joins[event.visitor.session] = join
        if (barred := self._gate.bar(join.visitor, self._name_of(join), now)) is not None:
            self._refuse(join, barred)
        elif event.open_password is not None:
            self._check(join, event.open_password, now)
        elif self._room.is_legal(self._name_of(join)):
            self._admit(join, now)
        else:  # the rules for names have changed since the ticket was sealed
            self._refuse(join, Refusal("ticket_refused"))

    def end(self, visitor: Visitor, *, has_left: bool) -> None:
        """Note that a session is over."""
        join = self._joins.get(visitor.session)
        if join is not None:
            join.has_left = has_left
            self._step(join, JoinStep.ENDED)

    # The password.

    def _check(self, join: JoinAttempt, open_password: Callable[[], GivenPassword], now: float) -> None:
        check = Check(join, self._room.knows(join.visitor.owner))
        verdict = self._desk.put_off(check, now) or self._judge(check, open_password(), now)
        if verdict is None:
            self._step(join, JoinStep.UNDECIDED)
        else:
            self.take_verdict(check, verdict, now)

    def _judge(self, check: Check, given: GivenPassword, now: float) -> Verdict | None:
        """Return the verdict on a password that may be looked at, None if only bcrypt can tell."""
        check.shows_hash = given.shows_hash
        try:
            check.password = prepare_password(given.text or "")
        except PasswordUnusable:
            return self._desk.count_wrong(check, now)
        return self._desk.ask(check, now)

    def take_verdict(self, check: Check, verdict: Verdict, now: float) -> None:
        """Continue with the verdict on the password."""
        join = check.join
        if isinstance(verdict, Wrong) and check.shows_hash:
            self._report_theft(check)
        if join.state is JoinState.GONE:  # while bcrypt checked the password
            return
        match verdict:
            case Right() if same_as_password(join.name, check.password.decode()):
                self._refuse(join, Refusal("name_is_password"))
            case Right():
                self._admit(join, now)
            case Wrong(wait):
                self._refuse_password(check, "password_wrong", wait, now)
            case Wait(seconds):
                self._refuse_password(check, "password_wait", seconds, now)
            case PutOff(seconds):
                self._refuse_password(check, "passwords_guessed", seconds, now)
            case Busy():
                self._refuse(join, Refusal("busy", BUSY_SECONDS))

    # The name and the seat.

    def _name_of(self, join: JoinAttempt) -> str:
        """Return the name that a join asks for. A ticket for a name that was changed since is good for the new one."""
        return self._room.find_renamed(join.name, join.visitor.owner) if join.by_ticket else join.name

    def _admit(self, join: JoinAttempt, now: float, *, counted: bool = False) -> None:
        """Let the room decide; `counted`: the join was counted against its key's rate already."""
        visitor, name = join.visitor, self._name_of(join)
        barred = self._gate.bar(visitor, name, now) or self._gate.silence(visitor, name)
        if barred is not None:  # since the password was given
            self._refuse(join, barred)
            return
        wait = self._rate.wait(visitor, now)
        decided = self._room.join(
            visitor.session,
            name,
            visitor.owner,
            dialect=visitor.way,
            address=format_address(visitor.address),
            version=visitor.version,
            role=visitor.role,
            returns=join.by_ticket,
            may_write=counted or not wait,
            at=self._wall(),
            since=join.ticket_known_from,
        )
        match decided:
            case NameDenied():
                self._refuse_name(join, decided, now)
            case RoomFull():
                self._refuse_seat(join, "room_full", _room_full(decided), now)
            case GuestsFull(of_place=True, bound=bound):
                self._refuse_seat(join, "guests_from_address", f"at most {bound}", now)
            case GuestsFull(bound=bound):
                self._refuse_seat(join, "guests_full", f"at most {bound}", now)
            case TooOften():
                self._refuse(join, Refusal("busy", wait + 1e-3))
            case Admit():
                self._write(join, decided, now, counted=counted)

    def _write(self, join: JoinAttempt, admit: Admit, now: float, *, counted: bool) -> None:
        visitor = join.visitor
        join.admit, join.known_from = admit, self._room.known_since(admit.key, visitor.owner)
        self._step(join, JoinStep.ADMITTED)
        for session in admit.ended:
            if (evicted := self.find(session)) is not None:
                self._evict(evicted, now)
        for left in admit.left:
            self._carry_out(left)
        # The session first, then the join: if this server is killed, the next one wakes everybody who is in.
        self._record(visitor, admit.name)
        if admit.intent is not None:
            if not counted:
                self._rate.count(visitor, now)
            self._carry_out(admit.intent, join)
        elif visitor.role == "script":  # it does not stay, and repeats its request until it is answered
            self._seat(join, admit, now)
        else:
            self._recorder.when_written(partial(self._seat, join, admit))

    def finish(self, join: JoinAttempt, outcome: Committed | Conflict, now: float) -> None:
        """Seat a visitor whose join is in the log, or decide again if another entry of the name came first."""
        if join.admit is None:
            return
        if isinstance(outcome, Committed):
            self._seat(join, join.admit, now)
        elif join.state is not JoinState.GONE:
            self._room.note_last_seq(join.admit.key, outcome.last)
            self._admit(join, now, counted=True)

    def _record(self, visitor: Visitor, name: str) -> None:
        if visitor.record is None:
            visitor.record = self._recorder.opened(
                visitor.cid,
                name,
                visitor.owner,
                format_address(visitor.address),
                visitor.dialect.name,
                visitor.version,
                transient=visitor.role != "member",
            )

    def _seat(self, join: JoinAttempt, admit: Admit, now: float) -> None:
        visitor = join.visitor
        if join.state is JoinState.GONE:
            self._let_go(join, admit, now)
        elif (barred := self._gate.bar(visitor, admit.name, now)) is not None:
            self._refuse(join, barred)  # its member, if there is one now, is removed by the order's entry
        elif not self._room.attach(visitor.session, admit, self._wall()):
            self._admit(join, now)
        else:
            self._step(join, JoinStep.WRITTEN)
            member = self._room.member_of(visitor.session)  # it may be written otherwise than when this was decided
            visitor.name, join.admit = member.name if member else admit.name, None
            visitor.dialect.welcome(visitor, visitor.name, join.known_from, now)
            if not visitor.dialect.encrypted:
                self._log.warning(
                    "unencrypted_member_joined", name=visitor.name, address=format_address(visitor.address)
                )

    def _let_go(self, join: JoinAttempt, admit: Admit, now: float) -> None:
        """Append the `left` of a member that said LEAVE while its join was written; one that was lost has the grace."""
        session = join.visitor.session
        if join.has_left and self._room.attach(session, admit, self._wall()):
            intent = self._room.detach(session, now, self._wall(), left=True)
            if intent is not None:
                self._carry_out(intent)

    # Refusals.

    def _refuse_name(self, join: JoinAttempt, refused: NameDenied, now: float) -> None:
        self._refusals.note("name_refused", join.visitor, join.name, now, reason=refused.code)
        self._refuse(
            join,
            Refusal(
                refused.code,
                detail=refused.detail,
                suggestion=refused.suggestion,
                owner=refused.owner,
                since=refused.since,
            ),
        )

    def _refuse_seat(self, join: JoinAttempt, code: str, detail: str, now: float) -> None:
        self._refusals.note("seat_refused", join.visitor, join.name, now, reason=code, detail=detail)
        self._refuse(join, Refusal(code, SEAT_SECONDS, detail))

    def _refuse_password(self, check: Check, code: str, wait: float, now: float) -> None:
        join = check.join
        if code != "passwords_guessed":  # one warning covers all of those
            name, rounded = _name_to_log(check), round(wait, 1)
            self._refusals.note("password_refused", join.visitor, name, now, reason=code, wait=rounded)
        self._refuse(join, Refusal(code, wait))

    def _report_theft(self, check: Check) -> None:
        """Tell the admin that somebody knows the hash and not the password."""
        visitor = check.join.visitor
        self._log.error(
            "password_hash_stolen",
            name=clean_line(_name_to_log(check)[:NAME_LOGGED]),
            address=format_address(visitor.address),
            key=visitor.owner[:TAG_LENGTH],
            consequence=STOLEN_CONSEQUENCE,
            remedy=STOLEN_REMEDY,
        )

    def _refuse(self, join: JoinAttempt, refusal: Refusal) -> None:
        visitor = join.visitor
        if visitor.record is not None:  # another took the name while this join was written
            self._recorder.dropped(visitor.record)
            visitor.record = None
        if join.state is JoinState.WRITING:
            self._room.give_up(visitor.session)
        self._step(join, JoinStep.REFUSED)
        self._refusals.refuse(visitor, refusal)


def _name_to_log(check: Check) -> str:
    """Return the name, or "" if it is what was given as the password: people mistake one prompt for the other."""
    name = check.join.name
    return "" if same_as_password(name[:NAME_LOGGED], check.password.decode()) else name


def _room_full(full: RoomFull) -> str:
    seats = f"{full.count} of {full.bound} seats are taken"
    if full.count >= full.bound:
        return seats
    return f"{seats}, {full.of_place} of them from your address; the last ones are kept for others"
