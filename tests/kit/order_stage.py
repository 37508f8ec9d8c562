"""A room, its people and its orders in force, for what is decided about an order: values only."""

from __future__ import annotations

from typing import TypeVar

from sockatuh.room import orders as o
from sockatuh.room.decisions import Admit, Intent, RoomLimits
from sockatuh.room.entries import Body, Joined, Left
from sockatuh.room.meant import Visit
from sockatuh.room.names import NameRules
from sockatuh.room.order_book import OrderBook
from sockatuh.room.order_decisions import Before, Decided, Decisions, Given
from sockatuh.room.room import Room
from sockatuh.room.targets import Who

AT = 1_700_000_000_000
TOM = Given(o.Actor(1000, "tom\x1b[2J"), AT)
ANA, BUDI, BUDI_TOO = "A" * 43, "BudisKey" + "x" * 35, "BudisKey" + "y" * 35
RULES = NameRules()
R = TypeVar("R")


class Stage:
    """A room with people in it, and its orders."""

    def __init__(self) -> None:
        self.room = Room(RULES, RoomLimits(100, 90 * 86_400.0, 60.0))
        self.book = OrderBook()
        self.decisions = Decisions(self.room, self.book, announce_as="admin", text_bytes=100)
        self.visits: list[Visit] = []
        self.seq = 0
        self.before = Before()

    def enter(self, name: str, owner: str, host: str) -> int:
        """Let somebody in; return the session."""
        key, session = self.room.key_of(name), len(self.visits) + 1
        dialect = "secure" if owner else "classic"
        if self.room.find_member(key) is None:
            self.apply(Joined(name, owner, dialect, f"{host}:5000", "1"), key)
        assert self.room.attach(session, Admit(name, key, owner, dialect, "member", None), AT)
        self.visits.append(Visit(session, Who(owner, host, key)))
        return session

    def read(self, name: str, owner: str, host: str) -> None:
        """Let a reader in."""
        key, session = self.room.key_of(name), len(self.visits) + 1
        assert self.room.attach(session, Admit(name, key, owner, "secure", "reader", None), AT)
        self.visits.append(Visit(session, Who(owner, host, key)))

    def lose(self, session: int) -> None:
        self.room.detach(session, 0.0, AT, left=False)
        self.visits = [visit for visit in self.visits if visit.session != session]

    def leave(self, name: str) -> None:
        key = self.room.key_of(name)
        member = self.room.find_member(key)
        assert member is not None
        self.visits = [visit for visit in self.visits if visit.session not in member.sessions]
        self.apply(Left(name, member.owner, "left", 1.0, place=member.place), key)

    def apply(self, body: Body, key: str) -> int:
        self.seq += 1
        self.room.apply(self.seq, AT, body, key)
        self.book.apply(self.seq, AT, body, key)
        return self.seq

    def store(self, decided: Decided) -> int:
        """Apply an order's entry."""
        assert isinstance(decided.entry, Intent)
        return self.apply(decided.entry.body, decided.entry.key)

    def decide(self, order: o.RoomOrder, given: Given = TOM) -> Decided | o.OrderDenied:
        return self.decisions.decide(order, given, self.visits, self.before)

    def decided(self, order: o.RoomOrder, given: Given = TOM) -> Decided:
        decided = self.decide(order, given)
        self.before = Before()
        assert isinstance(decided, Decided), decided
        return decided

    def denied(self, order: o.RoomOrder) -> o.OrderDenied:
        denied = self.decide(order)
        self.before = Before()
        assert isinstance(denied, o.OrderDenied), denied
        return denied


def reply(decided: Decided, kind: type[R]) -> R:
    assert isinstance(decided.reply, kind)
    return decided.reply


def intent(decided: Decided) -> Intent:
    assert isinstance(decided.entry, Intent)
    return decided.entry


def furnished_stage() -> Stage:
    """Return a stage with four members of keys, two at one address, and a classic one."""
    stage = Stage()
    stage.enter("ana", ANA, "10.0.0.1")
    stage.enter("budi", BUDI, "10.0.0.2")
    stage.enter("cici", "C" * 43, "10.0.0.2")
    stage.enter("dewi", "", "10.0.0.9")
    stage.enter("eka", "E" * 43, "2001:db8::7")
    return stage
