"""Striking a line: the log is asked for it, the room decides, and one append overwrites its text and says so.

The line may be long gone from memory, so it is read like any old entry, in another thread (`log_reads.py`). If another
strike comes first, or the line is deleted meanwhile, the append is a conflict, and the log is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from sockatuh.log import Logger
from sockatuh.room import orders as o
from sockatuh.room.commands import Denied, Noted
from sockatuh.room.log import Committed, Conflict, Row, Stretch
from sockatuh.room.meant import LONGEST_NAME
from sockatuh.room.moments import rfc3339
from sockatuh.room.order_decisions import Given, Unkeyed
from sockatuh.room.room import Room
from sockatuh.room.striking import Verdict, addressee_of, said_under, strike_any, strike_own
from sockatuh.room.text import clean_line

from .dialects.base import Refusal, Visitor
from .entry_rate import EntryRate
from .join import BUSY_SECONDS
from .log_reads import LineRequest
from .order_journal import note_dropped


class _Order(msgspec.Struct, frozen=True):
    """An order of the admin's; `answer` is to be called by `answer_by` (monotonic seconds)."""

    order: o.Strike
    given: Given
    answer: Callable[[o.Reply], None]
    answer_by: float


class _Request(msgspec.Struct, frozen=True):
    """A member's request to strike a line of its own."""

    visitor: Visitor
    number: int


class StrikeAttempt(msgspec.Struct, eq=False):
    """A line that is to be struck, and by whom; also after that one was told that nothing is stored yet."""

    asked: _Order | _Request
    wanted: LineRequest
    reply: o.LineStruck | None = None
    is_answered: bool = False
    is_under_way: bool = False
    """Whether the log is reading the line or writing the entry."""


class CarryOut(Protocol):
    """Appends an entry."""

    def __call__(self, intent: Unkeyed, *waiters: StrikeAttempt) -> None:
        """Append it; `Strikes.finish` is called for each waiter."""


class Strikes:
    """All strikes. `find_line` asks the log for a line, and `take_line` takes what it has found.

    `is_in` tells whether a visitor's session has not ended; `wall` gives milliseconds since 1970.
    """

    def __init__(
        self,
        room: Room,
        rate: EntryRate,
        log: Logger,
        *,
        append: CarryOut,
        find_line: Callable[[LineRequest], None],
        is_in: Callable[[Visitor], bool],
        wall: Callable[[], int],
    ) -> None:
        self._room, self._rate, self._log = room, rate, log
        self._append, self._find_line, self._is_in, self._wall = append, find_line, is_in, wall
        self._attempts: dict[LineRequest, StrikeAttempt] = {}
        """Those for which the log is being asked."""
        self._orders: list[StrikeAttempt] = []
        """The admin's that are neither carried out nor denied; what the log could not read is asked for again."""

    def order(self, order: o.Strike, given: Given, answer: Callable[[o.Reply], None], now: float) -> None:
        """Carry out an order of the admin's; `answer` is called once."""
        name = order.last[:LONGEST_NAME]
        if (order.seq is None) == (not name):
            answer(o.OrderDenied(code="unknown"))
        elif o.find_reason(order) is None:
            answer(o.OrderDenied(code="text_too_long"))
        elif len(self._orders) >= o.MAX_UNDER_WAY:
            answer(o.OrderDenied(code="busy"))
        else:
            key_of = self._room.rules.key  # not the room's own: the reader's thread calls it
            wanted = LineRequest(order.seq or 0, None if order.seq else said_under(key_of(name), key_of))
            attempt = StrikeAttempt(_Order(order, given, answer, now + o.STORED_WITHIN), wanted)
            self._orders.append(attempt)
            self._look_up(attempt)

    def strike_own(self, visitor: Visitor, number: int, seq: int, now: float) -> None:
        """Strike a line of the visitor's own, and answer its call."""
        if wait := self._rate.wait(visitor, now):
            visitor.dialect.answer(visitor, number, Refusal("busy", wait + 1e-3))
            return
        self._rate.count(visitor, now)
        self._look_up(StrikeAttempt(_Request(visitor, number), LineRequest(seq)))

    def take_line(self, request: LineRequest, found: Stretch | None) -> None:
        """Decide about the line that the log has found; None: it could not be read."""
        attempt = self._attempts.pop(request)
        if found is None:
            attempt.is_under_way = False
            if isinstance(attempt.asked, _Request):
                self._answer(attempt, "not_stored")
            return
        row = found.rows[-1] if found.rows else None
        verdict = self._decide(attempt, row)
        if isinstance(verdict, str) or row is None:
            self._finish(attempt, verdict if isinstance(verdict, str) else "no_such_line")
            return
        to = addressee_of(row.body)
        reply = o.LineStruck(seq=0, line=row.seq, name=verdict.name, at=rfc3339(row.at), to=to)
        attempt.reply = reply
        self._append(Unkeyed(verdict, row.seq), attempt)

    def finish(self, attempt: StrikeAttempt, outcome: Committed | Conflict) -> None:
        """Answer a request whose entry is in the log, or ask the log again if something else came first."""
        if isinstance(outcome, Committed):
            self._finish(attempt, outcome.seq)
        else:
            self._look_up(attempt)

    def handle_timer(self, now: float) -> None:
        """Answer those whose orders could not be stored in time, and ask again for what could not be read.

        To be called once a second.
        """
        for attempt in self._orders:
            if isinstance(attempt.asked, _Order) and attempt.asked.answer_by <= now:
                self._answer(attempt, "not_stored")
            if not attempt.is_under_way:
                self._look_up(attempt)

    def _look_up(self, attempt: StrikeAttempt) -> None:
        self._attempts[attempt.wanted], attempt.is_under_way = attempt, True
        self._find_line(attempt.wanted)

    def _decide(self, attempt: StrikeAttempt, row: Row | None) -> Verdict:
        match attempt.asked:
            case _Order(order, given):
                return strike_any(row, *given.by, o.find_reason(order) or "")
            case _Request(visitor):
                return strike_own(row, visitor.owner, self._wall())

    def _finish(self, attempt: StrikeAttempt, found: int | str) -> None:
        if attempt in self._orders:
            self._orders.remove(attempt)
        asked = attempt.asked
        if attempt.is_answered and isinstance(asked, _Order) and isinstance(found, str):
            note_dropped(self._log, asked.order, asked.given, found)
        self._answer(attempt, found)

    def _answer(self, attempt: StrikeAttempt, found: int | str) -> None:
        """Answer once: with the seq of the entry, or with the code of the refusal."""
        asked = attempt.asked
        if attempt.is_answered:
            return
        attempt.is_answered = True
        if isinstance(asked, _Order):
            asked.answer(_reply(asked.order, attempt, found))
        elif self._is_in(asked.visitor):
            asked.visitor.dialect.answer(asked.visitor, asked.number, _answer_to_member(found))


def _reply(order: o.Strike, attempt: StrikeAttempt, found: int | str) -> o.Reply:
    if isinstance(found, int) and attempt.reply is not None:
        return msgspec.structs.replace(attempt.reply, seq=found)
    return o.OrderDenied(code=str(found), name=clean_line(order.last[:LONGEST_NAME]))


def _answer_to_member(found: int | str) -> Noted | Denied | Refusal:
    if found == "not_stored":
        return Refusal("busy", BUSY_SECONDS)
    return Noted() if isinstance(found, int) else Denied(found)
