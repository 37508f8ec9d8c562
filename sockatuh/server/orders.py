"""The admin's orders, from the decision to the answer: append, decide again on a conflict, remove who is meant.

How to think about it: `room/order_decisions.py` decides, the log puts decisions in order, and an entry that is applied
removes whoever it is about, whoever wrote it. Between the decision and its entry the order stands in the book
`decided`, which the gate asks as well: nobody it is about says anything or comes in meanwhile. It is stored as soon as
the disk allows; whoever gave it is told after STORED_WITHIN that it is not stored yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec
from msgspec.structs import replace

from sockatuh.log import Logger
from sockatuh.room import orders as o
from sockatuh.room.commands import may
from sockatuh.room.decisions import Intent
from sockatuh.room.log import Append, Committed, Conflict, Row
from sockatuh.room.meant import Visit
from sockatuh.room.order_book import InForce, OrderBook
from sockatuh.room.order_decisions import Before, Decided, Decisions, Given, Unkeyed
from sockatuh.room.room import Room
from sockatuh.room.targets import MARK, Who

from .gate import refusal_of
from .order_journal import note_dropped, note_order
from .strikes import Strikes

if TYPE_CHECKING:
    from .dialects.base import Refusal, Visitor

JUMP_MS: Final = 1_000
"""Milliseconds by which the wall clock must be set within a second to count as a jump."""

Answer: TypeAlias = Callable[[o.Reply], None]


class OrderAttempt(msgspec.Struct, eq=False):
    """An order that waits for its entry. `answer` is called once; None: it was."""

    order: o.RoomOrder
    given: Given
    answer: Answer | None
    answer_by: float
    before: Before = msgspec.field(default_factory=Before)
    decided: Decided | None = None


class CarryOut(Protocol):
    """Appends an entry."""

    def __call__(self, intent: Intent | Unkeyed, *waiters: OrderAttempt) -> None:
        """Append it; `Orders.finish` is called for each waiter."""


class Orders:
    """All orders. `visitors` are all sessions that are in, or about to be, each with the name it has or asks for.

    `dismiss` ends a session and tells its client why; `wall` gives milliseconds since 1970.
    """

    def __init__(
        self,
        room: Room,
        book: OrderBook,
        decided: OrderBook,
        decisions: Decisions,
        strikes: Strikes,
        log: Logger,
        *,
        append: CarryOut,
        visitors: Callable[[], list[tuple[Visitor, str]]],
        dismiss: Callable[[Visitor, Refusal, float], None],
        wall: Callable[[], int],
    ) -> None:
        self.book: Final = book
        """The orders in force."""
        self._room, self._decided, self._log, self._wall = room, decided, log, wall
        self._append, self._visitors, self._dismiss, self._strikes = append, visitors, dismiss, strikes
        self.decisions = decisions
        self._under_way: list[OrderAttempt] = []
        self._loaded, self._ahead = 0, 0
        """The last entry that was loaded, and by how much the wall clock was ahead of the monotonic one."""

    def carry_out(self, order: o.Order, actor: o.Actor, answer: Answer, now: float) -> None:
        """Carry out an order; `answer` is called once, when the log has stored it or it was denied."""
        if not may("admin", type(order)):
            answer(o.OrderDenied(code="unknown"))
        elif isinstance(order, o.Strike):
            self._strikes.order(order, Given(actor, self._wall()), answer, now)
        elif len(self._under_way) >= o.MAX_UNDER_WAY:
            answer(o.OrderDenied(code="busy"))
        else:
            at = self._wall()
            self.book.forget_ended(at)
            self._decide(OrderAttempt(order, Given(actor, at), answer, now + o.STORED_WITHIN))

    def finish(self, attempt: OrderAttempt, append: Append, outcome: Committed | Conflict, now: float) -> None:
        """Answer an order whose entry is in the log, or decide again if another entry came first."""
        self._under_way.remove(attempt)
        decided, attempt.decided = attempt.decided, None
        if decided is None:
            return
        if decided.order is not None and self._decided.has(decided.order):
            self._decided.drop(decided.order.log_key)
        if isinstance(outcome, Committed):
            _answer(attempt, with_seq(decided.reply, outcome.seq))
            return
        for each in append.entries[1:]:
            self._room.append_failed(each.key or "", now)
        if (key := outcome.key) is not None:
            if key.startswith(MARK):
                attempt.before.last[key] = outcome.last
            else:
                self._room.note_last_seq(key, outcome.last)
        self._decide(attempt)

    def handle_timer(self, now: float) -> None:
        """Answer those whose orders could not be stored in time; to be called once a second."""
        self._follow_clock(now)
        for attempt in self._under_way:
            if attempt.answer_by <= now:
                _answer(attempt, o.OrderDenied(code="not_stored"))

    def _follow_clock(self, now: float) -> None:
        """Let no jump of the wall clock end or prolong an order that this process has seen begin.

        Orders of before have only the wall clock, which may have been wrong when the machine started.
        """
        ahead = self._ahead_of(now)
        if abs(ahead - self._ahead) > JUMP_MS:
            self.book.shift(ahead - self._ahead, self._loaded)
        self._ahead = ahead

    def _ahead_of(self, now: float) -> int:
        return self._wall() - int(now * 1000)

    def apply(self, row: Row, now: float) -> None:
        """Apply a committed entry: whoever an order in force is about is removed."""
        note_order(self._log, row)
        order = self.book.apply(row.seq, row.at, row.body, row.key)
        if order is not None and order.kind != "mute":
            self._remove(order, now)

    def load(self, row: Row) -> None:
        """Apply an entry of the past."""
        self.book.apply(row.seq, row.at, row.body, row.key)
        self._loaded = row.seq

    def enforce(self, now: float) -> None:
        """Remove whoever is still a member though an order keeps them out: the last process was killed in between."""
        at, self._ahead = self._wall(), self._ahead_of(now)
        self.book.forget_ended(at)
        for member in self._room.members if len(self.book) else ():
            who = Who(member.owner, member.place.partition("/")[0], member.key)
            bar = self.book.find_bar(who, at, self._room.knew) or self.book.find_reserved(member.key, at)
            if bar is not None and (left := self._room.remove(member.key, at)) is not None:
                self._append(left)

    def _decide(self, attempt: OrderAttempt) -> None:
        decided = self.decisions.decide(attempt.order, attempt.given, self._visits(), attempt.before)
        if isinstance(decided, o.OrderDenied):
            if attempt.answer is None:
                note_dropped(self._log, attempt.order, attempt.given, decided.code)
            _answer(attempt, decided)
        elif getattr(attempt.order, "dry_run", False):
            _answer(attempt, decided.reply)
        else:
            attempt.decided = decided
            self._under_way.append(attempt)
            if decided.order is not None:
                self._decided.put(decided.order)
            self._append(self._with_leaves(decided), attempt)

    def _with_leaves(self, decided: Decided) -> Intent | Unkeyed:
        """Return the entry of an order, with the `left` of each member that is removed together with it."""
        if isinstance(decided.entry, Unkeyed):
            return decided.entry
        also = decided.entry.also
        for key in reversed(decided.leaving):
            if (left := self._room.remove(key, self._wall())) is not None:
                also = replace(left, also=also)
        return replace(decided.entry, also=also)

    def _visits(self) -> list[Visit]:
        return [Visit(visitor.session, self._who(visitor, name)) for visitor, name in self._visitors()]

    def _who(self, visitor: Visitor, name: str) -> Who:
        key = self._room.name_key_of(visitor.session)
        return Who(visitor.owner, str(visitor.address[0]), self._room.key_of(name) if key is None else key)

    def _remove(self, order: InForce, now: float) -> None:
        """Remove the members whom an order is about, and close the sessions."""
        at = self._wall()
        if order.kind != "kick" and not order.holds(at):
            return  # it was stored so late; a kick has made its member leave all the same
        concerned = self.decisions.find_removed(order, self._visits())
        for member in concerned.members:
            if (left := self._room.remove(member.key, at)) is not None:
                self._append(left)
        closed = {visit.session for visit in concerned.visits}
        for visitor, _ in self._visitors() if closed else ():
            if visitor.session in closed:
                self._dismiss(visitor, refusal_of(order, at), now)


def with_seq(reply: o.Done, seq: int) -> o.Done:
    """Return a reply with the seq of the order's entry, which is the id of an order that stays in force."""
    if isinstance(reply, o.BanSet | o.MuteSet):
        return msgspec.structs.replace(reply, id=seq)
    return msgspec.structs.replace(reply, seq=seq)


def _answer(attempt: OrderAttempt, reply: o.Reply) -> None:
    answer, attempt.answer = attempt.answer, None
    if answer is not None:
        answer(reply)
