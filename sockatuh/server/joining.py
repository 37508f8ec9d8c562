"""Joining, in either dialect: the name, the password, one conditional append (docs/PROTOCOL.md §5, §10, §11)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.net.address import format_address
from sockatuh.net.classic import ClassicDialect
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.endpoint import Endpoint
from sockatuh.protocol.ratelimit import TokenBucket
from sockatuh.room.admission import Right, Wait, Wrong
from sockatuh.room.names import PasswordUnusable, prepare_password, same_as_password
from sockatuh.room.room import Admit, Intent, NameRefused, Room, RoomFull
from sockatuh.room.text import clean_line
from sockatuh.store.roomlog import Committed, Conflict

from .passwords import Busy, Check, PasswordDesk, Verdict
from .visitors import CLASSIC, JoinRequest, JoinWaiter, Logger, Recorder, Visitor

BUSY_MS: Final = 2_000
REFUSALS_LOGGED: Final = 2.0
REFUSALS_BURST: Final = 50
"""Refusals logged a second, and at once: nobody without the password may fill the disk with them."""
NAME_LOGGED: Final = 64
"""Characters of a refused name that are logged."""


class Joining:
    """Takes a visitor from its name to its seat.

    `carry_out` appends an intent, `seated` hears of everybody who is in; `wall` is milliseconds since 1970.
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
        history_on_join: int,
        carry_out: Callable[[Intent, JoinWaiter], None],
        seated: Callable[[Visitor], None],
        wall: Callable[[], int],
    ) -> None:
        self._endpoint, self._classic, self._room, self._desk = endpoint, classic, room, desk
        self._recorder, self._log, self._wall = recorder, log, wall
        self._carry_out, self._seated = carry_out, seated
        self._lines: deque[int] = deque(maxlen=history_on_join)
        self._refusals = TokenBucket(REFUSALS_LOGGED, REFUSALS_BURST)

    def note_line(self, seq: int) -> None:
        """Remember where the newest lines are, for those who join."""
        self._lines.append(seq)

    def ask_name(self, request: JoinRequest, now: float) -> str | None:
        """Judge the name and return it as it is written here; a refusal is answered already."""
        judged = self._room.judge_name(request.name, request.visitor.owner, self._wall())
        if isinstance(judged, NameRefused):
            self._refuse_name(request, judged, now)
            return None
        return judged.name

    def try_password(self, request: JoinRequest, password: str, now: float) -> None:
        """Judge the password, now or when bcrypt has."""
        if same_as_password(request.name, password):
            self._refuse(request, "name_is_password", 0, "")
            return
        try:
            verdict = self._desk.ask(Check(request, prepare_password(password)), now)
        except PasswordUnusable:
            verdict = self._desk.refuse(Check(request, b""), now)
        if verdict is not None:
            self.take_verdict(request, verdict, now)

    def take_verdict(self, request: JoinRequest, verdict: Verdict, now: float) -> None:
        """Go on with what is known of the password."""
        match verdict:
            case Right():
                self.admit(request, now)
            case Wrong(wait):
                self._refuse_password(request, "password_wrong", wait, now)
            case Wait(seconds):
                self._refuse_password(request, "password_wait", seconds, now)
            case Busy():
                self._refuse(request, "busy", BUSY_MS, "")

    def admit(self, request: JoinRequest, now: float) -> None:
        """Let one in whose password or ticket was right: at once, or when the join is in the log."""
        visitor = request.visitor
        if visitor.gone:  # while bcrypt looked at the password
            return
        decided = self._room.join(
            visitor.session,
            request.name,
            visitor.owner,
            dialect=visitor.dialect,
            address=format_address(visitor.address),
            version=visitor.version,
            transient=visitor.transient,
            at=self._wall(),
        )
        match decided:
            case NameRefused():
                self._refuse_name(request, decided, now)
            case RoomFull():
                self._refuse(request, "room_full", 0, "")
            case Admit(intent=intent):
                known_from = self._room.known_since(decided.key, visitor.owner)
                waiter = JoinWaiter(request, decided, known_from)
                if intent is None:
                    self._seat(waiter, now)
                else:
                    self._carry_out(intent, waiter)

    def finish(self, waiter: JoinWaiter, outcome: Committed | Conflict, now: float) -> None:
        """Seat a visitor whose join is in the log, or ask again: another entry of that name came first."""
        if isinstance(outcome, Committed):
            self._seat(waiter, now)
        elif not waiter.request.visitor.gone:
            self._room.note_last_seq(waiter.admit.key, outcome.last)
            self.admit(waiter.request, now)

    def _seat(self, waiter: JoinWaiter, now: float) -> None:
        request, admit = waiter.request, waiter.admit
        visitor = request.visitor
        if visitor.gone or visitor.name:  # the room lets the member go again, after the grace
            return
        if not self._room.attach(visitor.session, admit):
            self.admit(request, now)
            return
        visitor.name = admit.name
        if visitor.dialect == CLASSIC:
            self._classic.welcome(visitor.address)
        else:
            start, floor = self._place(request, waiter.known_from)
            self._endpoint.admit(visitor.session, request.number, admit.name, start, floor, now)
        visitor.record = self._recorder.opened(
            None if visitor.dialect == CLASSIC else visitor.session,
            admit.name,
            visitor.owner,
            format_address(visitor.address),
            visitor.dialect,
            visitor.version,
            transient=visitor.transient,
        )
        self._seated(visitor)

    def _place(self, request: JoinRequest, known_from: int | None) -> tuple[int, int]:
        """Return (start, floor): where a member begins to read, and how far back it may."""
        head = self._endpoint.head
        history = self._lines[0] - 1 if self._lines else head
        floor = history if known_from is None else min(history, known_from)
        log_id, cursor = self._endpoint.cursor_of(request.visitor.session)
        if (log_id == self._endpoint.log_id and cursor <= head) or (log_id is None and cursor):
            return max(min(cursor, head), floor), floor
        if request.history is not None and request.history < len(self._lines):
            wanted = request.history
            return (self._lines[-wanted] - 1 if wanted else head), floor
        return history, floor

    # Refusals.

    def _refuse_name(self, request: JoinRequest, refused: NameRefused, now: float) -> None:
        self._log_refusal("name_refused", request, now, reason=refused.code)
        self._refuse(request, refused.code, 0, refused.detail)

    def _refuse_password(self, request: JoinRequest, code: str, wait: float, now: float) -> None:
        self._log_refusal("password_refused", request, now, reason=code, wait=round(wait, 1))
        self._refuse(request, code, int(wait * 1000), "")

    def _log_refusal(self, event: str, request: JoinRequest, now: float, **fields: object) -> None:
        if self._refusals.take(now):
            visitor = request.visitor
            name, address = clean_line(request.name)[:NAME_LOGGED], format_address(visitor.address)
            self._log.info(event, name=name, address=address, key=visitor.owner[:TAG_LENGTH], **fields)

    def _refuse(self, request: JoinRequest, code: str, wait_ms: int, detail: str) -> None:
        visitor = request.visitor
        if visitor.dialect != CLASSIC:
            self._endpoint.answer(visitor.session, request.number, m.Refused(code, wait_ms, detail))
        elif code in ("password_wrong", "password_wait", "busy"):
            self._classic.password_wrong(visitor.address)
        else:
            self._classic.name_taken(visitor.address)
