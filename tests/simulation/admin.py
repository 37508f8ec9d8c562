"""A simulated room with an admin at its control socket, and what must hold of the orders, on screens and in the log.

Which orders are in force is worked out from the rows alone (`orders.py`), and the clock is the one that the server
believes in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from kit.clients import Client
from kit.server import SERVER, name_rules

from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import DATA, DATA_HEADER_SIZE
from sockatuh.protocol.seam import Address
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Claimed,
    Joined,
    Left,
    Message,
    Muted,
    Released,
    Removed,
    Renamed,
    Struck,
    Unbanned,
    Unmuted,
    Whispered,
)
from sockatuh.room.log import Row
from sockatuh.room.order_book import OrderBook
from sockatuh.room.orders import (
    Actor,
    Announced,
    BanSet,
    Kicked,
    Lifted,
    LineStruck,
    MuteSet,
    NameReleased,
    Order,
    OrderDenied,
    Reply,
)

from .laws import TAG, Chronicle
from .orders import Standing, standing_after
from .world import Arrival, SimulatedRoom

OVER: Final = 20.0
"""Seconds after the end of an order in which a client may still be refused by it, as lost answers come late.

A line that was refused is refused for good, however late its author hears of it.
"""
TOLD_OF: Final = {"kicked": ("kick",), "banned": ("ban",), "name_reserved": ("ban",), "muted": ("mute",)}
"""The orders behind each code that a client is refused with."""

B = TypeVar("B", bound=Body)


@dataclass(slots=True)
class Given:
    """An order, which server it was given to (the first, the second, …), how far the log reached, and the answers."""

    order: Order
    life: int
    head: int
    replies: list[Reply] = field(default_factory=list)


@dataclass(slots=True)
class Spell:
    """How long an order was in force, in the world's time; `ended_at` is None while it still may be."""

    order: Standing
    began_at: float
    ended_at: float | None = None


class AdminRoom(SimulatedRoom):
    """The world, and the orders that were given in it."""

    def start_server(self) -> None:
        if not hasattr(self, "given"):
            self.given: list[Given] = []
            self.lives = 0
            self.spells: list[Spell] = []
            self._read = 0
            self._struck: dict[bytes, int] = {}
            self.searched = 0
        self.lives += 1
        super().start_server()

    def order(self, order: Order) -> Given:
        """Give an order to the server, and let the world settle."""
        given = Given(order, self.lives, self.log.head)
        self.given.append(given)
        self.server.now = self.server.clock.read(self.now)
        self.server.room_server.orders.carry_out(order, Actor(0, "tom"), given.replies.append, self.server.now)
        self.settle()
        return given

    # The orders, as the log has them.

    def standing(self) -> list[Standing]:
        """Return the orders that stand by what the server has been told of the log; some of them may have ended."""
        self._catch_up()
        return [spell.order for spell in self.spells if spell.ended_at is None]

    def in_force(self, owner: str, name: str, host: str) -> list[Standing]:
        """Return the orders that are in force now and concern somebody."""
        at = self.server.believed_wall()
        return [each for each in self.standing() if each.is_in_force(at) and each.concerns(owner, name, host)]

    def _catch_up(self) -> None:
        fresh = [arrival.row for arrival in self.server.arrivals[self._read :]]
        if fresh:
            self._read += len(fresh)
            before = [spell.order for spell in self.spells if spell.ended_at is None]
            after = standing_after(fresh, [spell.order for spell in self.spells if spell.ended_at is None])
            for spell in self.spells:
                if spell.ended_at is None and spell.order not in after:
                    spell.ended_at = self.now
            self.spells += [Spell(each, self.now) for each in after if each not in before]
            self._note_struck(fresh)

    # What clients are told, as it comes.

    def note(self, party: object, event: object) -> None:
        if not isinstance(party, Client):
            return
        match event:
            case e.Admitted(name=name, head=head):
                for each in self._keeping_out(party, name):
                    assert each.seq > head, f"{name} was let in against the order {each.seq}"
            case e.EntryArrived(entry):
                for each in self._keeping_out(party, party.known_as):
                    last = self.server.arrivals[each.seq - 1].last
                    assert entry.seq <= last, f"{party.known_as} is shown {entry.seq} against the order {each.seq}"
            case e.JoinRefused(code="name_reserved"):
                self._check_refusal(party, "name_reserved", None)
            case e.Removed(code=code, detail=detail, wait=wait):
                self._check_refusal(party, code, detail, wait)
            case e.LineRefused(code="muted", detail=detail):
                self._check_refusal(party, "muted", detail)
            case _:
                pass

    def _keeping_out(self, client: Client, name: str) -> list[Standing]:
        """Return the orders in force by which a client may not be in the room."""
        found = self.in_force(client.fingerprint, name, client.address[0])
        return [each for each in found if each.verb != "mute" and not self._is_spared(client.fingerprint, each)]

    def _is_spared(self, owner: str, order: Standing) -> bool:
        """Tell whether an order is about keys that are new to the room, and this one is not."""
        if not isinstance(order.body, Banned) or not order.body.strangers:
            return False
        before = self.log.rows[: order.seq - 1]
        return any(isinstance(row.body, Joined | Claimed) and row.body.owner == owner for row in before)

    def _check_refusal(self, client: Client, code: str, detail: str | None, wait: float | None = None) -> None:
        """Assert that there is an order behind a refusal, with this reason and, in `wait` seconds, this end."""
        self._catch_up()
        owner, at = client.fingerprint, self.server.believed_wall()
        for spell in self.spells:
            order = spell.order
            names = {client.known_as, client.name, client.asked_for}
            about = any(order.concerns(owner, name, client.address[0]) for name in names)
            over = spell.ended_at is not None and spell.ended_at < self.now - OVER
            over = code != "muted" and (over or not order.is_in_force(at - int(OVER * 1000)))
            end = 0.0 if order.until is None else (order.until - at) / 1000
            is_right = wait is None or (bool(wait) == (order.until is not None) and abs(end - wait) < OVER)
            if about and is_right and order.verb in TOLD_OF[code] and not over and detail in (None, order.body.reason):
                return
        pending = [each.order for each in self.given if each.life == self.lives and not each.replies]
        assert pending, f"{client.known_as} is told {code} ({detail!r}, {wait}), and there is no such order"

    # What is sent after a line was struck.

    def _note_struck(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if isinstance(row.body, Struck):
                said = self.server.arrivals[row.body.line - 1].row.body
                assert isinstance(said, Message | Whispered)
                if said.text:
                    self._struck[marker(said.text)] = row.body.line

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        self._catch_up()
        if self._struck and source == SERVER and data[0] == DATA:
            plaintext = self._open(data)
            self.searched += bool(plaintext)
            for text, line in self._struck.items():
                assert text not in plaintext, f"the text of line {line} is sent after it was struck"
        super()._send(data, source, target)

    def _open(self, data: bytes) -> bytes:
        """Return what is in a datagram of the server's, b"" if nobody has the key for it any more."""
        word = int.from_bytes(data[:8], "little")
        for client in self.members:
            link = client.peer._link
            for channel in () if link is None else (link._channel, link._old):
                if channel is not None and channel._receive_word == word:
                    header = data[:DATA_HEADER_SIZE]
                    with contextlib.suppress(InvalidTag):
                        return channel._decrypt(bytes(4) + header[8:], data[DATA_HEADER_SIZE:], header)
        return b""

    # What must hold in the end.

    def may_miss_some(self, client: Client) -> bool:
        return bool(client.refusals)  # it has no ticket, and asks for a name that its key has never had

    def check(self) -> None:
        super().check()
        self._check_orders()
        self._check_answers()
        self._check_folds()

    def _check_orders(self) -> None:
        """Assert that nobody came or spoke whom an order in force concerned."""
        standing: list[Standing] = []
        for arrival in self.server.arrivals:
            row = arrival.row
            for order in standing:
                if order.is_in_force(arrival.at):
                    self._judge(row, order)
            standing = standing_after([row], standing)
        lines = [(node, self.server.arrivals[seq - 1]) for node in self.members for seq in node.stored.values()]
        for node, arrival in lines:
            self._check_place(node, arrival)
        for name, owner in Chronicle.of(self.log.rows).present.values():
            against = [each for each in self.in_force(owner, name, "") if each.verb != "mute"]
            assert not against, f"{name} is here against the order {against[0].seq}"

    def _judge(self, row: Row, order: Standing) -> None:
        """Assert that a row does not go against an order in force when it came."""
        match row.body:
            case Joined(name=name, owner=owner, address=address) if order.verb != "mute":
                against = order.concerns(owner, name, address.rpartition(":")[0]) and not self._is_spared(owner, order)
                assert not against, f"{name} joined ({row.seq}) against the order {order.seq}"
            case Renamed(owner=owner, new=name) | Claimed(owner=owner, name=name) if order.verb != "mute":
                assert not order.concerns(owner, name), f"{name} came ({row.seq}) against the order {order.seq}"
            case Renamed(owner=owner, name=name):
                assert not order.concerns(owner, name), f"{name} was renamed ({row.seq}) against the order {order.seq}"
            case Message(owner=owner, name=name) | Whispered(owner=owner, name=name) if owner != ADMIN_OWNER:
                assert not order.concerns(owner, name), f"{name} spoke ({row.seq}) against the order {order.seq}"
            case _:
                pass

    def _check_place(self, node: Client, arrival: Arrival) -> None:
        """Assert that a line was not said from an address against an order in force when it came."""
        for order in standing_after([each.row for each in self.server.arrivals[: arrival.row.seq - 1]]):
            if order.body.address and order.is_in_force(arrival.at) and not self._is_spared(node.fingerprint, order):
                about = order.concerns(node.fingerprint, node.known_as, node.address[0])
                assert not about, f"line {arrival.row.seq} was said from an address against the order {order.seq}"

    def _check_answers(self) -> None:
        """Assert that each order was answered once (unless its server crashed), and that what is `done` is done."""
        for given in self.given:
            assert len(given.replies) <= 1, f"{given.order} was answered twice"
            assert given.replies or given.life < self.lives, f"{given.order} was never answered"
            for reply in given.replies:
                if getattr(given.order, "dry_run", False):
                    assert isinstance(reply, OrderDenied) or not getattr(reply, "id", 0), (
                        f"{given.order} was carried out"
                    )
                else:
                    self._check_done(reply, given)

    def _check_done(self, reply: Reply, given: Given) -> None:
        match reply:
            case OrderDenied():
                pass
            case Kicked(seq=seq):
                body = self._entry(seq, Removed)
                assert (body.name, body.owner[:TAG], body.until, body.reason) == (
                    reply.name, reply.key, reply.until, reply.reason,
                )  # fmt: skip
            case BanSet(id=seq):
                banned = self._entry(seq, Banned)
                assert (banned.until, banned.reason, banned.strangers) == (reply.until, reply.reason, reply.strangers)
                assert banned.owner[:TAG] == reply.key
                left = {row.body.name for row in self.log.rows[given.head :] if isinstance(row.body, Left)}
                # Or its server was killed before it could write the rest, and the ban over before the next started.
                is_over = given.life < self.lives
                assert is_over or left >= {*reply.removed}, "somebody was said to be removed who was not"
            case MuteSet(id=seq):
                muted = self._entry(seq, Muted)
                assert (muted.until, muted.reason, muted.owner[:TAG]) == (reply.until, reply.reason, reply.key)
            case Lifted(seq=seq, id=lifted):
                body_of = self._entry(seq, Unmuted) if reply.order == "mute" else self._entry(seq, Unbanned)
                assert body_of.lifted == lifted
            case NameReleased(seq=seq):
                released = self._entry(seq, Released)
                assert (released.name, released.owner[:TAG]) == (reply.name, reply.key)
            case Announced(seq=seq):
                said = self._entry(seq, Message)
                assert (said.name, said.owner) == (reply.name, ADMIN_OWNER)
                assert said.struck or said.text == reply.text
            case LineStruck(seq=seq, line=line):
                struck = self._entry(seq, Struck)
                assert (struck.line, struck.name) == (line, reply.name)
            case _:
                raise AssertionError(f"answered with {reply}")

    def _entry(self, seq: int, kind: type[B]) -> B:
        body = self.log.rows[seq - 1].body
        assert isinstance(body, kind), f"{seq} was said to be {kind.__name__}, and is {type(body).__name__}"
        return body

    def _check_folds(self) -> None:
        """Assert that the last entries of all keys leave the same orders in force as all do, in the book as well."""
        at, whole = self.server.believed_wall(), standing_after(self.log.rows)
        last = [row for row in self.log.last_of_each_key() if isinstance(row.body, Removed | Banned | Muted)]
        assert standing_after(last) == whole, "the last entries leave other orders standing than all of them"
        for rows in (self.log.rows, self.log.last_of_each_key()):
            book = OrderBook()
            for row in rows:
                book.apply(row.seq, row.at, row.body, row.key)
            self._check_book(book, whole, at)
        if not self.server.room_server.unwritten:
            self._check_book(self.server.room_server.orders.book, whole, at)

    def _check_book(self, book: OrderBook, standing: Sequence[Standing], at: int) -> None:
        in_force = [each for each in standing if each.is_in_force(at)]
        listed = [(order.id, order.kind, order.until, order.body) for order in book.in_force(at)]
        assert listed == [(each.seq, each.verb, each.until, each.body) for each in in_force], "the book says otherwise"


def marker(text: str) -> bytes:
    """Return what stands in nearly every datagram with a part of a line of the simulated people, and in no other."""
    return f"{text.partition(';')[0]};".encode()


def name_key(name: str) -> str:
    return name_rules().key(name)
