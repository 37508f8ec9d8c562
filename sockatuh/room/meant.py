"""Whom an order means by what the admin wrote: a name, `key:TAG`, an address or network, or `name:NAME`.

A name means the key of who is here under it, else of who used it last: names change hands, and somebody who is banned
takes another one. In the classic dialect there is no key; a member of it is its name at its address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from typing import Final

import msgspec

from . import orders as o
from .entries import TAG_LENGTH
from .names import NameInvalid
from .order_book import InForce, OrderBook
from .room import Room
from .targets import Network, OrderKind, Target, Who, address_of, find_network, find_number, is_like_address, plain_host
from .text import clean_line

MAX_NEAREST: Final = 3
"""Names like the one that was not found."""
MAX_COMPARED: Final = 300
"""Names that are compared with it."""
LONGEST_NAME: Final = 128
"""Characters of a text that may be a name."""
_LONGEST_ID: Final = 19
_LOOPBACK: Final = (IPv4Network("127.0.0.1"), IPv6Network("::1"))
"""The addresses from which people on the server's own machine come."""
_LOOPBACKS: Final = IPv4Network("127.0.0.0/8")


class Visit(msgspec.Struct, frozen=True):
    """An open session that is in, or about to be."""

    session: int
    who: Who


class Meant(msgspec.Struct, frozen=True):
    """Whom an order is about, under which name (as it is written), and the addresses it was seen at."""

    target: Target
    name: str
    addresses: tuple[str, ...] = ()


class Meanings:
    """Finds whom a text means, among those in the room, those it remembers, and the orders in force."""

    def __init__(self, room: Room, book: OrderBook) -> None:
        self._room, self._book = room, book

    def find_here(self, name: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find a member, or a guest, who is here under a name."""
        key = self._room.key_of(name) if len(name) <= LONGEST_NAME else ""
        member, guests = self._room.find_member(key), self._room.guests_of(key)
        found = member or next(iter(guests), None)
        if found is not None and found.owner:
            return Meant(Target(owner=found.owner), found.name)
        hosts = hosts_of(visit for visit in visits if found is not None and visit.session in found.sessions)
        if found is None or not hosts:
            here = (member.name for member in self._room.members)
            return not_found("no_such_member", name, here)
        return Meant(Target(address=hosts[0], name_key=key), found.name, hosts)

    def find_target(self, text: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find what a ban is about."""
        text = text.strip()
        if (found := self._find_by_form(text, visits)) is not None:
            return found
        if (network := find_network(text)) is not None:
            return self._find_bearer(text, network, visits) or _find_address(text, network)
        owner = self._find_owner(text, visits)
        if isinstance(owner, Meant) and not owner.target.owner:
            return o.OrderDenied(code="no_key", name=owner.name, nearest=owner.addresses)
        if isinstance(owner, o.OrderDenied) and is_like_address(text):
            return o.OrderDenied(code="address_invalid", name=_shown(text))
        return owner

    def find_speaker(self, text: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find whom a mute is about."""
        text = text.strip()
        if (found := self._find_by_form(text, visits)) is not None:
            return found
        owner = self._find_owner(text, visits)
        is_address = find_network(text) is not None or is_like_address(text)
        if isinstance(owner, o.OrderDenied) and is_address:
            return o.OrderDenied(code="address_muted", name=_shown(text))
        return owner

    def find_orders(self, text: str, kinds: tuple[OrderKind, ...], at: int) -> list[InForce] | o.OrderDenied:
        """Find the orders in force that a text means, all about one target: by an id, or by whom they are about."""
        text = text.strip()
        numbered = self._find_numbered(text, at)
        if numbered is not None and numbered.kind in kinds:
            return [numbered]
        means = self._means(text)
        found = [order for order in self._book.in_force(at) if order.kind in kinds and means(order)]
        targets = {order.target for order in found}
        if not found and numbered is not None:
            return o.OrderDenied(code="is_mute" if numbered.kind == "mute" else "is_ban", name=text)
        if not found:
            return o.OrderDenied(code="no_such_order", name=_shown(text), nearest=self._like(text, kinds, at))
        if len(targets) > 1:
            return o.OrderDenied(code="ambiguous", name=_shown(text), nearest=_each([order.what for order in found]))
        return found

    def _find_numbered(self, text: str, at: int) -> InForce | None:
        """Find the order in force of which a text is the id."""
        is_id = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID
        return self._book.find_id(int(text), at) if is_id else None

    def find_use(self, name: str) -> Meant | None:
        """Find the key that used a name last, and its address if that is known."""
        use = self._room.use_of(self._room.key_of(name)) if len(name) <= LONGEST_NAME else None
        if use is None:
            return None
        addresses = (use.place,) if find_number(use.place) is not None else ()
        return Meant(Target(owner=use.owner), use.name, addresses)

    def no_such_name(self, name: str) -> o.OrderDenied:
        """Return that the room does not know a name, with those it knows that are like it."""
        known = [member.name for member in self._room.members] + [use.name for use in self._room.uses()]
        return not_found("no_such_name", name, known)

    def _find_by_form(self, text: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied | None:
        form, colon, value = text.partition(":")
        if colon and form == "key":
            return self._find_key(value.strip(), visits)
        return self._find_name(value.strip()) if colon and form == "name" else None

    def _find_name(self, name: str) -> Meant | o.OrderDenied:
        shown = self._room.enforce(name)
        if isinstance(shown, NameInvalid):
            nearest = (shown.suggestion,) if shown.suggestion else ()
            return o.OrderDenied(code="name_invalid", name=_shown(name), nearest=nearest)
        return Meant(Target(name_key=self._room.key_of(shown)), shown)

    def _find_bearer(self, text: str, network: Network, visits: Sequence[Visit]) -> o.OrderDenied | None:
        """Return that an address is somebody's name as well: perhaps they took it to have another one banned."""
        key = self._room.key_of(text)
        if not (self._room.find_member(key) or self._room.guests_of(key) or self._room.use_of(key)):
            return None
        owner = self._find_owner(text, visits)
        if not isinstance(owner, Meant):
            return None
        named = f"key:{owner.target.owner[:TAG_LENGTH]}" if owner.target.owner else f"name:{owner.name}"
        return o.OrderDenied(code="ambiguous", name=_shown(text), nearest=(named, str(network)))

    def _find_owner(self, name: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        here = self.find_here(name, visits)
        return here if isinstance(here, Meant) else self.find_use(name) or self.no_such_name(name)

    def _find_key(self, tag: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find the one key that begins with a tag, among those that are here or remembered, or have orders."""
        names = {order.body.owner: order.body.name for order in self._book}
        names |= {visit.who.owner: "" for visit in visits if visit.who.owner not in names}
        names |= {use.owner: use.name for use in self._room.uses()}
        names |= {member.owner: member.name for member in self._room.members}
        found = sorted(owner for owner in names if owner.startswith(tag)) if len(tag) >= TAG_LENGTH else []
        if not found:
            return o.OrderDenied(code="no_such_key", name=_shown(tag))
        if len(found) > 1:
            return o.OrderDenied(code="ambiguous", name=_shown(tag), nearest=_each([f"key:{key}" for key in found]))
        return Meant(Target(owner=found[0]), names[found[0]])

    def _means(self, text: str) -> Callable[[InForce], bool]:
        """Return what tells whether a text means an order in force."""
        form, colon, value = text.partition(":")
        if colon and form == "key" and len(value) >= TAG_LENGTH:
            return lambda order: order.target.owner.startswith(value)
        if colon and form == "name":
            key = self._room.key_of(value[:LONGEST_NAME])
            return lambda order: order.target == Target(name_key=key)
        if (network := find_network(text)) is not None:
            address = address_of(network)
            return lambda order: order.target == Target(address=address)
        use, name = self.find_use(text), text.casefold()
        owner = use.target.owner if use is not None else ""
        return lambda order: (
            order.what == text
            or (owner != "" and order.target.owner == owner)
            or (order.body.name.casefold() == name and bool(order.target.owner or order.target.address))
        )

    def _like(self, text: str, kinds: tuple[OrderKind, ...], at: int) -> tuple[str, ...]:
        """Return the targets of orders in force that mention a name."""
        name = text.casefold()
        orders = (order for order in self._book.in_force(at) if order.kind in kinds)
        return _each([order.what for order in orders if order.body.name.casefold() == name])[:MAX_NEAREST]


def hosts_of(visits: Iterable[Visit]) -> tuple[str, ...]:
    """Return the addresses of sessions, each once."""
    return _each([plain_host(visit.who.host) for visit in visits])


def not_found(code: str, name: str, known: Iterable[str]) -> o.OrderDenied:
    """Return that a name is none of those `known`, with those that are most like it."""
    return o.OrderDenied(code=code, name=_shown(name), nearest=_nearest(name, known))


def _find_address(text: str, network: Network) -> Meant | o.OrderDenied:
    address, host = address_of(network), text.partition("/")[0]
    if network.prefixlen == 0:
        return o.OrderDenied(code="everybody", name=address)
    is_range = network.num_addresses > 1 and _overlap(network, _LOOPBACKS)
    if is_range or any(_overlap(network, own) for own in _LOOPBACK):
        return o.OrderDenied(code="own_loopback", name=address)
    if find_number(host) != (network.version, int(network.network_address)):
        return o.OrderDenied(code="host_bits", name=_shown(text), nearest=(address, plain_host(host)))
    return Meant(Target(address=address), "")


def _overlap(network: Network, other: Network) -> bool:
    return network.version == other.version and network.overlaps(other)


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _shown(name: str) -> str:
    return clean_line(name[:LONGEST_NAME])


def _nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are most like one that was not found."""
    if len(name) > LONGEST_NAME:
        return ()
    first = name[:1].casefold()
    alike = dict.fromkeys(each for each in known if each[:1].casefold() == first)
    return tuple(get_close_matches(name, islice(alike, MAX_COMPARED), MAX_NEAREST))
