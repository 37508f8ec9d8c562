"""Whom the admin's orders keep out, and whom they let say nothing (docs/PROTOCOL.md §5).

Every way into the room asks here, before the password: the question for a name, a proof, a ticket, and the classic
dialect. An order counts from the moment it was decided, not only once it is stored; so nobody gets in, or says
anything, while the disk is slow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sockatuh.protocol.constants import MAX_ORDER_MS
from sockatuh.room.order_book import InForce, OrderBook
from sockatuh.room.room import Room
from sockatuh.room.targets import Who

from .dialects.base import Refusal
from .refusal_log import RefusalLog

if TYPE_CHECKING:
    from .dialects.base import Visitor

_LONGEST: Final = MAX_ORDER_MS / 1000
"""Seconds; an end that is even later was not written by an order of ours."""
_NO_END: Final = 0
"""A moment before any end: an order that has waited for the disk beyond its end counts until its entry comes."""


class Gate:
    """Asks the book of orders in force, and that of those that were decided and have no entry yet.

    `announce_as` is the name under which the admin speaks. `wall` gives milliseconds since 1970.
    """

    def __init__(
        self, room: Room, book: OrderBook, decided: OrderBook, refusals: RefusalLog, wall: Callable[[], int]
    ) -> None:
        self._room, self._book, self._decided, self._refusals, self._wall = room, book, decided, refusals, wall
        self.announce_as = ""

    def bar(self, visitor: Visitor, name: str, now: float) -> Refusal | None:
        """Return why a visitor may not come in under a name; None if no order says so."""
        at, who = self._wall(), self._who(visitor, name)
        for book, moment in self._books(at):
            if (order := book.find_bar(who, moment, self._room.knew)) is not None:
                self._note(order, visitor, name, at, now)
                return refusal_of(order, at)
        return self.reserved(visitor, name, now)

    def reserved(self, visitor: Visitor, name: str, now: float) -> Refusal | None:
        """Return why nobody may bear a name; None if no order says so."""
        at, key = self._wall(), self._room.key_of(name)
        for book, moment in self._books(at):
            if (order := book.find_reserved(key, moment)) is not None:
                self._note(order, visitor, name, at, now)
                return refusal_of(order, at)
        if self.announce_as and key == self._room.key_of(self.announce_as):
            self._refusals.note("name_refused", visitor, name, now, reason="name_reserved")
            return Refusal("name_reserved")
        return None

    def find_removal(self, visitor: Visitor) -> Refusal | None:
        """Return the order that is about to remove somebody who is in, as a refusal of what it says or does."""
        decided = self._decided
        if not len(decided):
            return None
        who = self._who(visitor, visitor.name)
        order = decided.find_bar(who, _NO_END, self._room.knew) or decided.find_reserved(who.name_key, _NO_END)
        return refusal_of(order, self._wall()) if order is not None else None

    def find_mute(self, visitor: Visitor) -> Refusal | None:
        """Return the mute of somebody who is in, and count what it refuses."""
        if not (self._book.mutes or self._decided.mutes):  # each line of everybody comes through here
            return None
        return self._find_mute(self._who(visitor, visitor.name))

    def silence(self, visitor: Visitor, name: str) -> Refusal | None:
        """Return the mute of a key that would be a member under a name that it has not had, which the room would read.

        Guests are told to nobody, and a classic visitor is another one under another name.
        """
        who = self._who(visitor, name)
        if visitor.role != "member" or not who.owner or self._room.known_since(who.name_key, who.owner) is not None:
            return None
        return self._find_mute(who)

    def _find_mute(self, who: Who) -> Refusal | None:
        at = self._wall()
        for book, moment in self._books(at):
            if (order := book.find_mute(who, moment)) is not None:
                order.hit(at)
                return refusal_of(order, at)
        return None

    def _books(self, at: int) -> tuple[tuple[OrderBook, int], ...]:
        """Return both books, with the moment for which to ask each."""
        return (self._book, at), (self._decided, _NO_END)

    def _who(self, visitor: Visitor, name: str) -> Who:
        return Who(visitor.owner, str(visitor.address[0]), self._room.key_of(name))

    def _note(self, order: InForce, visitor: Visitor, name: str, at: int, now: float) -> None:
        order.hit(at)
        reason = "name" if code_of(order) == "name_reserved" else order.kind
        self._refusals.note("join_refused", visitor, name, now, reason=reason, id=order.id)


def code_of(order: InForce) -> str:
    """Return the code of REFUSED and CLOSED for somebody whom an order keeps out or removes."""
    if order.kind == "kick":
        return "kicked"
    is_name = not order.target.owner and not order.target.address
    return "name_reserved" if is_name else "banned"


def refusal_of(order: InForce, at: int) -> Refusal:
    """Return what somebody is told whom an order keeps out, removes, or mutes."""
    code = "muted" if order.kind == "mute" else code_of(order)
    if code == "name_reserved":
        return Refusal(code)
    return Refusal(code, min(order.seconds_left(at), _LONGEST), order.body.reason)
