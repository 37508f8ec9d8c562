"""Joining, in either dialect: the name, the password, one conditional append (docs/PROTOCOL.md §5, §10, §11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from sockatuh.net.address import format_address, pack_address
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.rate_limit import KeysOfPlaces, TokenBucket, place_of
from sockatuh.room.admission import Right, Wait, Wrong
from sockatuh.room.guests import GuestsFull
from sockatuh.room.names import PasswordUnusable, prepare_password, same_as_password
from sockatuh.room.room import Admit, Intent, NameRefused, Room, RoomFull, TooOften
from sockatuh.room.text import clean_line
from sockatuh.server.dialects.classic import ClassicDialect
from sockatuh.store.roomlog import Committed, Conflict

from .password_checks import Busy, Check, PasswordDesk, PutOff, Verdict
from .resumption import Resumption
from .visitors import CLASSIC, JoinRequest, JoinWaiter, Logger, Recorder, Visitor

BUSY_MS: Final = 2_000
SEAT_MS: Final = 5_000
"""Milliseconds after which somebody for whom there was no seat may ask again."""
JOINS_PER_MINUTE: Final = 10
JOINS_BURST: Final = 20
"""Joins of one key a minute, and at once, that are lines in the log or take a name."""
JOINERS: Final = 4_096
"""Keys whose joins are counted."""
REFUSALS_LOGGED: Final = 2.0
REFUSALS_BURST: Final = 50
"""Refusals logged a second, and at once: nobody without the password may fill the disk with them."""
NAME_LOGGED: Final = 64
"""Characters of a refused name that are logged."""


class CarryOut(Protocol):
    """Appends an intent."""

    def __call__(self, intent: Intent, *waiters: JoinWaiter) -> None:
        """Append it, and answer those who wait for it."""


class Joining:
    """Takes a visitor from its name to its seat.

    `seated` hears of everybody who is in; `evict` ends the session of somebody who gives up a seat; `wall` is
    milliseconds since 1970.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        classic: ClassicDialect,
        room: Room,
        desk: PasswordDesk,
        recorder: Recorder,
        log: Logger,
        *,
        resumption: Resumption,
        carry_out: CarryOut,
        seated: Callable[[Visitor], None],
        evict: Callable[[int, float], None],
        wall: Callable[[], int],
    ) -> None:
        self._endpoint, self._classic, self._room, self._desk = endpoint, classic, room, desk
        self._recorder, self._log, self._wall = recorder, log, wall
        self._resumption, self._carry_out, self._seated, self._evict = resumption, carry_out, seated, evict
        self._refusals = TokenBucket(REFUSALS_LOGGED, REFUSALS_BURST)
        self._joins = KeysOfPlaces(JOINS_PER_MINUTE / 60, JOINS_BURST, JOINERS)

    def ask_name(self, request: JoinRequest, now: float) -> str | None:
        """Judge the name and return it as it is written here; a refusal is answered already.

        Whoever asks has not given the password: whose the name is, and whether he is here, is not for him to know.
        """
        judged = self._room.judge_name(request.name, request.visitor.owner, self._wall())
        if not isinstance(judged, NameRefused):
            return judged.name
        self._log_refusal("name_refused", request, now, reason=judged.code)
        if judged.code == "name_invalid":
            self._refuse(request, m.Refused(judged.code, 0, judged.detail, judged.suggestion))
        else:
            self._refuse(request, m.Refused("name_unavailable"))
        return None

    def try_password(self, request: JoinRequest, password: str, now: float) -> None:
        """Judge the password, now or when bcrypt has. The name is looked at when it was right, and not before."""
        is_known = self._room.knows(request.visitor.owner)
        try:
            check = Check(request, prepare_password(password), is_known)
        except PasswordUnusable:
            check = Check(request, b"", is_known)
        verdict = self._desk.ask(check, now) if check.password else self._desk.refuse(check, now)
        if verdict is not None:
            self.take_verdict(check, verdict, now)

    def take_verdict(self, check: Check, verdict: Verdict, now: float) -> None:
        """Go on with what is known of the password."""
        request = check.request
        match verdict:
            case Right() if same_as_password(request.name, check.password.decode()):
                self._refuse(request, m.Refused("name_is_password"))
            case Right():
                self.admit(request, now)
            case Wrong(wait):
                self._refuse_password(check, "password_wrong", wait, now)
            case Wait(seconds):
                self._refuse_password(check, "password_wait", seconds, now)
            case PutOff(seconds):
                self._refuse_password(check, "passwords_guessed", seconds, now)
            case Busy():
                self._refuse(request, m.Refused("busy", BUSY_MS))

    def admit_by_ticket(self, request: JoinRequest, now: float) -> None:
        """Let one in whose ticket was good, unless the rules for names have changed since it was made."""
        if self._room.is_legal(request.name):
            self.admit(request, now)
        else:
            self._refuse(request, m.Refused("ticket_refused"))

    def admit(self, request: JoinRequest, now: float, *, counted: bool = False) -> None:
        """Let one in whose password or ticket was right: at once, or when the join is in the log.

        `counted`: this join was counted against its key's rate already.
        """
        visitor = request.visitor
        if visitor.gone:  # while bcrypt looked at the password
            return
        wait = self._joins_wait(visitor, now)
        decided = self._room.join(
            visitor.session,
            request.name,
            visitor.owner,
            dialect=visitor.dialect,
            address=format_address(visitor.address),
            version=visitor.version,
            role=visitor.role,
            returns=request.by_ticket,
            may_write=counted or not wait,
            at=self._wall(),
            since=self._resumption.known_by_ticket(visitor.session) or 0,
        )
        match decided:
            case NameRefused():
                self._refuse_name(request, decided, now)
            case RoomFull():
                self._refuse_seat(request, "room_full", now, room_full(decided))
            case GuestsFull(of_place=True, bound=bound):
                self._refuse_seat(request, "guests_from_address", now, f"at most {bound}")
            case GuestsFull(bound=bound):
                self._refuse_seat(request, "guests_full", now, f"at most {bound}")
            case TooOften():
                self._refuse(request, m.Refused("busy", int(wait * 1000) + 1))
            case Admit(intent=intent):
                for session in decided.ended:
                    self._evict(session, now)
                for left in decided.left:
                    self._carry_out(left)
                known_from = self._room.known_since(decided.key, visitor.owner)
                waiter = JoinWaiter(request, decided, known_from)
                # The session first, and then the join: should this server be killed, the next one wakes all who are in.
                self._write_down(visitor, decided.name)
                if intent is not None:
                    self._count_join(visitor, now, counted=counted)
                    self._carry_out(intent, waiter)
                elif visitor.role == "script":  # it will not be here for long, and asks until it is answered
                    self._seat(waiter, now)
                else:
                    self._recorder.when_written(partial(self._seat, waiter))

    def finish(self, waiter: JoinWaiter, outcome: Committed | Conflict, now: float) -> None:
        """Seat a visitor whose join is in the log, or ask again: another entry of that name came first."""
        if isinstance(outcome, Committed):
            self._seat(waiter, now)
        elif not waiter.request.visitor.gone:
            self._room.note_last_seq(waiter.admit.key, outcome.last)
            self.admit(waiter.request, now, counted=True)

    def _joins_wait(self, visitor: Visitor, now: float) -> float:
        """Return how many seconds a visitor has to wait before its join may be an entry of the log."""
        if visitor.dialect == CLASSIC:
            return 0.0
        return self._joins.wait(visitor.owner, place_of(pack_address(visitor.address)), now)

    def _count_join(self, visitor: Visitor, now: float, *, counted: bool) -> None:
        """Count a join that is an entry of the log."""
        if visitor.dialect != CLASSIC and not counted:
            self._joins.take(visitor.owner, place_of(pack_address(visitor.address)), now)

    def _write_down(self, visitor: Visitor, name: str) -> None:
        if visitor.record is None:
            visitor.record = self._recorder.opened(
                None if visitor.dialect == CLASSIC else visitor.session,
                name,
                visitor.owner,
                format_address(visitor.address),
                visitor.dialect,
                visitor.version,
                transient=visitor.role != "member",
            )

    def _seat(self, waiter: JoinWaiter, now: float) -> None:
        request, admit = waiter.request, waiter.admit
        visitor = request.visitor
        if visitor.gone:
            self._let_go(waiter, now)
            return
        if visitor.name:
            return
        if not self._room.attach(visitor.session, admit, self._wall()):
            self.admit(request, now)
            return
        visitor.name = admit.name
        if visitor.dialect == CLASSIC:
            self._classic.welcome(visitor.address)
        else:
            start, floor = self._resumption.place(visitor.session, request.history, waiter.known_from)
            self._endpoint.admit(visitor.session, request.number, admit.name, start, floor, now)
        self._seated(visitor)

    def _let_go(self, waiter: JoinWaiter, now: float) -> None:
        """Let a member leave again that said so while its join was written; one that was lost has the grace."""
        session = waiter.request.visitor.session
        if waiter.request.visitor.left and self._room.attach(session, waiter.admit, self._wall()):
            intent = self._room.detach(session, now, self._wall(), left=True)
            if intent is not None:
                self._carry_out(intent)

    # Refusals.

    def _refuse_name(self, request: JoinRequest, refused: NameRefused, now: float) -> None:
        self._log_refusal("name_refused", request, now, reason=refused.code)
        tag = refused.owner[:TAG_LENGTH]
        self._refuse(request, m.Refused(refused.code, 0, refused.detail, refused.suggestion, tag, refused.since))

    def _refuse_seat(self, request: JoinRequest, code: str, now: float, detail: str) -> None:
        self._log_refusal("seat_refused", request, now, reason=code, detail=detail)
        self._refuse(request, m.Refused(code, SEAT_MS, detail))

    def _refuse_password(self, check: Check, code: str, wait: float, now: float) -> None:
        if code != "passwords_guessed":  # of which one warning tells
            fields = {"reason": code, "wait": round(wait, 1)}
            # Whoever typed a password in place of the name types it again as the password.
            is_secret = same_as_password(check.request.name[:NAME_LOGGED], check.password.decode())
            self._log_refusal("password_refused", check.request, now, hide_name=is_secret, **fields)
        self._refuse(check.request, m.Refused(code, math.ceil(wait * 1000)))

    def _log_refusal(
        self, event: str, request: JoinRequest, now: float, *, hide_name: bool = False, **fields: object
    ) -> None:
        if self._refusals.take(now):
            visitor = request.visitor
            name = "" if hide_name else clean_line(request.name[:NAME_LOGGED])
            address = format_address(visitor.address)
            self._log.info(event, name=name, address=address, key=visitor.owner[:TAG_LENGTH], **fields)

    def _refuse(self, request: JoinRequest, refused: m.Refused) -> None:
        visitor = request.visitor
        if visitor.record is not None and not visitor.name:  # another took the name while its join was written
            self._recorder.dropped(visitor.record)
            visitor.record = None
        if visitor.dialect != CLASSIC:
            self._endpoint.answer(visitor.session, request.number, refused)
        elif refused.code in ("password_wrong", "password_wait", "passwords_guessed", "busy"):
            self._classic.password_wrong(visitor.address)
        else:
            self._classic.name_taken(visitor.address)


def room_full(full: RoomFull) -> str:
    """Say why there is no seat."""
    seats = f"{full.count} of {full.bound} seats are taken"
    if full.count >= full.bound:
        return seats
    return f"{seats}, {full.of_place} of them from your address; the last ones are kept for others"
