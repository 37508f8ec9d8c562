"""The admin's orders in force: who may not join, who may say nothing, and which names nobody may bear.

A fold over the log, as `PresenceFold` is: it takes all entries in order, or only the last one of each key, with the
same result. Of each target and kind the last order counts, until its end or until it is lifted. A look-up takes about
as long for ten thousand orders as for one: keys and names are looked up in a dict, an address once for each length of
prefix among the networks.

Times are wall time in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from .entries import Banned, Body, Muted, Ordered, Removed, what_of
from .log import MAX_SEQ
from .moments import find_moment
from .targets import OrderKind, Target, Who, find_number, find_prefix, plain_host

Standing: TypeAlias = Removed | Banned | Muted
"""The entries of orders that stay in force."""
Knew: TypeAlias = Callable[[str, int], bool]
"""Tells whether a key had used a name of the room before an entry of the log."""


class InForce(msgspec.Struct, eq=False):
    """An order that was given `at` and ends at `until` (None: never). `id`: the seq of its entry, 0 until it has one.

    `hits` counts the joins, or for a mute the lines, refused by it since the server started; `hit_at` is the last one.
    """

    id: int
    kind: OrderKind
    log_key: str
    target: Target
    body: Standing
    at: int
    until: int | None
    hits: int = 0
    hit_at: int | None = None

    @property
    def what(self) -> str:
        """Whom it is about, as lists write it."""
        return what_of(self.body)

    def holds(self, at: int) -> bool:
        """Tell whether it has not ended."""
        return self.until is None or at < self.until

    def hit(self, at: int) -> None:
        """Count somebody who was refused by it."""
        self.hits += 1
        self.hit_at = at

    def seconds_left(self, at: int) -> float:
        """Return for how long it is in force; 0.0: for ever."""
        return 0.0 if self.until is None else max(0.001, (self.until - at) / 1000)

    def concerns(self, who: Who, knew: Knew) -> bool:
        """Tell whether it is about somebody."""
        return self.target.concerns(who) and not self._spares(who, knew)

    def _spares(self, who: Who, knew: Knew) -> bool:
        is_for_strangers = isinstance(self.body, Banned) and self.body.strangers
        return is_for_strangers and knew(who.owner, self.id or MAX_SEQ)


def order_of(seq: int, at: int, body: Standing, log_key: str) -> InForce | None:
    """Return the order of an entry, None if its key is no order's."""
    if (found := Target.find(log_key)) is None:
        return None
    kind, target = found
    return InForce(seq, kind, log_key, target, body, at, _end_of(body.until))


class OrderBook:
    """All orders in force, and those that have ended and were not forgotten yet."""

    def __init__(self) -> None:
        self._orders: dict[str, InForce] = {}
        self._by_id: dict[int, InForce] = {}
        self.mutes = 0
        """How many of them are mutes."""
        self.changes = 0
        """Counts what was put, dropped or moved."""
        self._networks: dict[int, dict[int, dict[int, InForce]]] = {4: {}, 6: {}}
        """By version of IP and bits that vary: the bans of networks of that size, by the bits that do not."""

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[InForce]:
        return iter(self._orders.values())

    def apply(self, seq: int, at: int, body: Body, key: str | None) -> InForce | None:
        """Apply an entry; return the order that is in force by it, if there is one."""
        if key is None or not isinstance(body, Ordered):
            return None
        self.drop(key)
        if not isinstance(body, Removed | Banned | Muted):
            return None
        order = order_of(seq, at, body, key)
        if order is not None:
            self.put(order)
        return order

    def put(self, order: InForce) -> None:
        """Add an order in the place of the one with the same key."""
        self.drop(order.log_key)
        self.changes += 1
        self._orders[order.log_key] = self._by_id[order.id] = order
        self.mutes += order.kind == "mute"
        if (place := _place_of(order)) is not None:
            version, bits, prefix = place
            self._networks[version].setdefault(bits, {})[prefix] = order

    def has(self, order: InForce) -> bool:
        """Tell whether an order was not replaced since it was put here."""
        return self._orders.get(order.log_key) is order

    def drop(self, log_key: str) -> None:
        """Remove the order with a key, if there is one."""
        if (order := self._orders.pop(log_key, None)) is None:
            return
        self.changes += 1
        self._by_id.pop(order.id, None)
        self.mutes -= order.kind == "mute"
        if (place := _place_of(order)) is not None:
            version, bits, prefix = place
            of_size = self._networks[version].get(bits, {})
            if of_size.get(prefix) is order:
                del of_size[prefix]
                if not of_size:
                    del self._networks[version][bits]

    def forget_ended(self, at: int) -> None:
        """Forget the orders that have ended."""
        for key in [key for key, order in self._orders.items() if not order.holds(at)]:
            self.drop(key)

    def shift(self, by: int, after: int) -> None:
        """Move the ends of the orders whose entries come after `after`: the wall clock was set by so much meanwhile."""
        self.changes += 1
        for order in self._orders.values():
            if order.id > after and order.until is not None:
                order.until += by

    def last_seq(self, log_key: str) -> int:
        """Return the seq of the order with a key, 0 if none is known; the log may have a later entry that lifted it."""
        order = self._orders.get(log_key)
        return order.id if order is not None else 0

    def in_force(self, at: int) -> list[InForce]:
        """Return the orders in force, the oldest first."""
        return sorted((order for order in self._orders.values() if order.holds(at)), key=lambda order: order.id)

    def count(self, at: int) -> int:
        """Return how many orders are in force."""
        return sum(order.holds(at) for order in self._orders.values())

    def find(self, log_key: str, at: int) -> InForce | None:
        """Find the order in force with a key."""
        order = self._orders.get(log_key)
        return order if order is not None and order.holds(at) else None

    def find_id(self, number: int, at: int) -> InForce | None:
        """Find the order in force with an id."""
        order = self._by_id.get(number)
        return order if order is not None and order.holds(at) else None

    def find_bar(self, who: Who, at: int, knew: Knew) -> InForce | None:
        """Find the order because of which somebody may not join; a ban before a kick, which ends sooner."""
        if not self._orders:
            return None
        if who.owner and (order := self._find_own("ban", who, at)) is not None:
            return order
        for order in self._of_networks(who.host):
            if order.holds(at) and order.concerns(who, knew):
                return order
        return self._find_own("kick", who, at)

    def find_reserved(self, name_key: str, at: int) -> InForce | None:
        """Find the ban of a name."""
        return self.find(Target(name_key=name_key).log_key("ban"), at) if self._orders else None

    def find_mute(self, who: Who, at: int) -> InForce | None:
        """Find the order because of which somebody may say nothing."""
        if not self.mutes:
            return None
        return self._find_own("mute", who, at) or self.find(Target(name_key=who.name_key).log_key("mute"), at)

    def of_addresses(self, at: int) -> list[InForce]:
        """Return the bans of addresses and networks in force, the oldest first."""
        found = (order for sizes in self._networks.values() for orders in sizes.values() for order in orders.values())
        return sorted((order for order in found if order.holds(at)), key=lambda order: order.id)

    def _find_own(self, kind: OrderKind, who: Who, at: int) -> InForce | None:
        """Find the order about somebody's key, or about a classic member."""
        own = Target(owner=who.owner) if who.owner else Target(address=plain_host(who.host), name_key=who.name_key)
        return self.find(own.log_key(kind), at)

    def _of_networks(self, host: str) -> Iterator[InForce]:
        """Yield the orders about networks that a host is in."""
        if (number := find_number(host)) is None:
            return
        version, address = number
        for bits, orders in self._networks[version].items():
            if (order := orders.get(address >> bits)) is not None:
                yield order


def _place_of(order: InForce) -> tuple[int, int, int] | None:
    """Return where a ban of a network stands in the index; None for other orders."""
    target = order.target
    is_of_network = order.kind == "ban" and target.address and not target.name_key
    return find_prefix(target.address) if is_of_network else None


def _end_of(until: str | None) -> int | None:
    """Return the end of an order. One that cannot be read is none: the order stays until somebody lifts it."""
    return None if until is None else find_moment(until)
