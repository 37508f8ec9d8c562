"""What the room decides about the admin's orders: what is to be appended, who is removed, and what the admin is told.

Nothing is changed here. An order that is in force removes whoever it is about when its entry is applied, whichever
server wrote that; so a decision only counts them. A kick removes its member in the same transaction, because its entry
without that would be seen as nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from typing import Final, TypeAlias

from msgspec import UNSET, UnsetType

from . import orders as o
from .decisions import Intent, Member
from .entries import Banned, Removed, kind_of
from .moments import rfc3339
from .names import NameInvalid
from .order_book import InForce, OrderBook, Standing
from .room import Room
from .targets import Network, OrderKind, Target, Who, address_of, find_network, find_number, plain_host
from .text import clean_line

TAG_LENGTH: Final = 8
"""Characters of a fingerprint that stand for it, and the fewest by which an order may name a key."""
MAX_NEAREST: Final = 3
"""Names like the one that was not found."""
MAX_COMPARED: Final = 1_000
"""Names that are compared with it."""
LONGEST_NAME: Final = 128
"""Characters of a text that may be a name."""
_LOOPBACK: Final = (IPv4Network("127.0.0.1"), IPv6Network("::1"))
"""The addresses from which people on the server's own machine come."""
_LOOPBACKS: Final = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Visit:
    """An open session that is in, or about to be."""

    session: int
    who: Who


@dataclass(frozen=True, slots=True)
class Given:
    """By whom an order was given, and when (wall time in milliseconds)."""

    actor: o.Actor
    at: int


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom an order is about, under which name (as it is written), and the addresses it was seen at."""

    target: Target
    name: str
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Before:
    """What was decided about an order before, if its append failed because another entry came first.

    `last` are the last seqs of keys as the log told them; `meant` is whom the order is about, whatever they are called
    by now.
    """

    last: dict[str, int] = field(default_factory=dict)
    meant: Meant | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What has to be appended for an order, and the reply, which gets the entry's seq.

    `order` is in force from now on. `leaving` are the name keys of the members whose `left` is appended with it.
    """

    reply: o.Done
    intent: Intent
    order: InForce | None = None
    leaving: tuple[str, ...] = ()


Decision: TypeAlias = Decided | o.OrderDenied


@dataclass(frozen=True, slots=True)
class Concerned:
    """The members whom an order removes, and the sessions it closes."""

    members: tuple[Member, ...]
    visits: tuple[Visit, ...]


class Decisions:
    """Decides about orders, from what the room and the book are at this moment."""

    def __init__(self, room: Room, book: OrderBook) -> None:
        self._room, self._book = room, book

    def decide(self, order: o.Order, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        """Decide about an order; `visits` are all sessions that are in or about to be."""
        reason = clean_line(getattr(order, "reason", "")).strip()
        if len(reason) > o.MAX_REASON:
            return o.OrderDenied(code="text_too_long")
        match order:
            case o.Kick():
                return self._kick(order, reason, given, visits, before)
            case o.Ban():
                return self._ban(order, reason, given, visits, before)
            case _:
                return o.OrderDenied(code="unknown")

    def find_removed(self, order: InForce, visits: Sequence[Visit]) -> Concerned:
        """Return whom an order removes: members all of whose sessions it is about, or who were lost at its address."""
        concerned = [visit for visit in visits if order.concerns(visit.who, self._room.knew)]
        closed = frozenset(visit.session for visit in concerned)
        members = [member for member in self._room.members if self._is_removed(member, order, closed)]
        return Concerned(tuple(members), tuple(concerned))

    def _is_removed(self, member: Member, order: InForce, closed: frozenset[int]) -> bool:
        if member.sessions:
            return member.sessions <= closed
        return order.concerns(Who(member.owner, member.place.partition("/")[0], member.key), self._room.knew)

    # Orders.

    def _kick(self, order: o.Kick, reason: str, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        is_sure = order.yes or before.meant is not None
        meant = before.meant or self._find_here(order.name, visits)
        if isinstance(meant, o.OrderDenied):
            return meant
        before.meant = meant
        until = given.at + _milliseconds(order.for_, o.KICK_SECONDS)
        target = meant.target
        body = Removed(meant.name, target.owner, target.address, *_by(given), reason, rfc3339(until))
        new = self._order("kick", target, body, given.at, until)
        removed = self.find_removed(new, visits)
        if (denied := self._object(new, removed, given.at, is_sure=is_sure)) is not None:
            return denied
        reply = o.Kicked(
            seq=0,
            name=meant.name,
            key=target.owner[:TAG_LENGTH],
            sessions=len(removed.visits),
            addresses=_hosts(removed.visits),
            until=body.until,
            reason=reason,
            members=self._room.count,
        )
        leaving = tuple(member.key for member in removed.members)
        return Decided(reply, self._intent(new, before.last), new, leaving)

    def _ban(self, order: o.Ban, reason: str, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        is_sure = order.yes or before.meant is not None
        meant = before.meant or self._find_meant(order.target, visits)
        if isinstance(meant, o.OrderDenied):
            return meant
        target = meant.target
        if order.strangers and not target.address:
            return o.OrderDenied(code="not_an_address")
        before.meant = meant
        span = None if order.for_ is None else _milliseconds(order.for_, o.BAN_SECONDS)
        until = None if span is None else given.at + span
        end = None if until is None else rfc3339(until)
        body = Banned(meant.name, target.owner, target.address, *_by(given), reason, end, order.strangers)
        new = self._order("ban", target, body, given.at, until)
        removed = self.find_removed(new, visits)
        if (denied := self._object(new, removed, given.at, is_sure=is_sure)) is not None:
            return denied
        replaced = self._book.find(new.log_key, given.at)
        own = {visit.session for visit in removed.visits}
        addresses = meant.addresses or (_hosts(removed.visits) if target.owner else ())
        reply = o.BanSet(
            id=0,
            what=new.what,
            name=meant.name,
            key=target.owner[:TAG_LENGTH],
            until=end,
            strangers=order.strangers,
            reason=reason,
            removed=tuple(member.name for member in removed.members),
            members=self._room.count,
            addresses=addresses,
            others=self._members_at(addresses, [visit for visit in visits if visit.session not in own]),
            replaced=replaced.id if replaced is not None else 0,
        )
        return Decided(reply, self._intent(new, before.last), new)

    # Targets.

    def _find_here(self, name: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find a member, or a guest, who is here under a name."""
        key = self._room.key_of(name) if len(name) <= LONGEST_NAME else ""
        member, guests = self._room.find_member(key), self._room.guests_of(key)
        if member is None and not guests:
            here = [member.name for member in self._room.members]
            return o.OrderDenied(code="no_such_member", name=clean_line(name), nearest=_nearest(name, here))
        found = member or guests[0]
        if found.owner:
            return Meant(Target(owner=found.owner), found.name)
        hosts = _hosts([visit for visit in visits if visit.session in found.sessions])
        if not hosts:  # it has just gone
            return o.OrderDenied(code="no_such_member", name=found.name)
        return Meant(Target(address=hosts[0], name_key=key), found.name)

    def _find_meant(self, text: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find whom a text means: a name's key, `key:TAG`, an address or network, or `name:NAME`."""
        form, colon, value = text.strip().partition(":")
        if colon and form == "key":
            return self._find_key(value.strip(), visits)
        if colon and form == "name":
            return self._find_name(value.strip())
        if find_network(text.strip()) is not None:
            return _find_address(text.strip())
        return self._find_owner(text.strip(), visits)

    def _find_name(self, name: str) -> Meant | o.OrderDenied:
        shown = self._room.enforce(name)
        if isinstance(shown, NameInvalid):
            nearest = (shown.suggestion,) if shown.suggestion else ()
            return o.OrderDenied(code="name_invalid", name=clean_line(name[:LONGEST_NAME]), nearest=nearest)
        return Meant(Target(name_key=self._room.key_of(shown)), shown)

    def _find_owner(self, name: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find the key of who is here under a name, or used it last."""
        here = self._find_here(name, visits)
        if isinstance(here, Meant):
            if not here.target.owner:
                return o.OrderDenied(code="no_key", name=here.name, nearest=(here.target.address,))
            return here
        use = self._room.use_of(self._room.key_of(name)) if len(name) <= LONGEST_NAME else None
        if use is None:
            known = [use.name for use in self._room.uses()] + [member.name for member in self._room.members]
            return o.OrderDenied(
                code="no_such_name", name=clean_line(name[:LONGEST_NAME]), nearest=_nearest(name, known)
            )
        address = (use.place,) if find_number(use.place) is not None else ()
        return Meant(Target(owner=use.owner), use.name, address)

    def _find_key(self, tag: str, visits: Sequence[Visit]) -> Meant | o.OrderDenied:
        """Find the one key that begins with a tag, among those that are here, are remembered, or are banned."""
        names: dict[str, str] = {use.owner: use.name for use in self._room.uses()}
        names |= {order.body.owner: order.body.name for order in self._book if order.body.owner}
        names |= {member.owner: member.name for member in self._room.members if member.owner}
        names |= {visit.who.owner: names.get(visit.who.owner, "") for visit in visits if visit.who.owner}
        found = sorted(owner for owner in names if owner.startswith(tag)) if len(tag) >= TAG_LENGTH else []
        if not found:
            return o.OrderDenied(code="no_such_key", name=clean_line(tag[:LONGEST_NAME]))
        if len(found) > 1:
            return o.OrderDenied(code="ambiguous", name=tag, nearest=tuple(f"key:{owner}" for owner in found))
        return Meant(Target(owner=found[0]), names[found[0]])

    # What an order would do.

    def _order(self, kind: OrderKind, target: Target, body: Standing, at: int, until: int | None) -> InForce:
        return InForce(0, kind, target.log_key(kind), target, body, at, until)

    def _object(self, new: InForce, removed: Concerned, at: int, *, is_sure: bool) -> o.OrderDenied | None:
        """Return why an order is not carried out though it is clear what it means."""
        count, members = len(removed.members), self._room.count
        if not is_sure and members > 2 and 2 * count >= members:
            return o.OrderDenied(code="half_the_room", name=new.what, count=count, members=members)
        if self._book.find(new.log_key, at) is None and self._book.count(at) >= o.MAX_IN_FORCE:
            return o.OrderDenied(code="too_many_orders", count=o.MAX_IN_FORCE)
        return None

    def _intent(self, new: InForce, last: Mapping[str, int]) -> Intent:
        expect = last.get(new.log_key, self._book.last_seq(new.log_key))
        return Intent(kind_of(new.body), new.body, new.log_key, expect)

    def _members_at(self, addresses: Collection[str], visits: Sequence[Visit]) -> tuple[str, ...]:
        """Return the names of the members who have a session at one of these addresses."""
        keys = {visit.who.name_key for visit in visits if plain_host(visit.who.host) in addresses}
        return tuple(member.name for member in self._room.members if member.key in keys)


def _find_address(text: str) -> Meant | o.OrderDenied:
    network = find_network(text)
    if network is None:
        return o.OrderDenied(code="unknown")
    address = address_of(network)
    if network.prefixlen == 0:
        return o.OrderDenied(code="everybody", name=address)
    is_range = network.num_addresses > 1 and _overlap(network, _LOOPBACKS)
    if is_range or any(_overlap(network, own) for own in _LOOPBACK):
        return o.OrderDenied(code="own_loopback", name=address)
    return Meant(Target(address=address), "")


def _overlap(network: Network, other: Network) -> bool:
    return network.version == other.version and network.overlaps(other)


def _milliseconds(span: float | UnsetType, usual: float) -> int:
    return int((usual if span is UNSET else span) * 1000)


def _by(given: Given) -> tuple[int | None, str]:
    """Return the uid and the login name that an entry keeps of whoever gave an order."""
    return given.actor.uid, clean_line(given.actor.name)[: o.MAX_CLAIMED]


def _hosts(visits: Iterable[Visit]) -> tuple[str, ...]:
    """Return the addresses of sessions, each once."""
    return tuple(dict.fromkeys(plain_host(visit.who.host) for visit in visits))


def _nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are most like one that was not found."""
    if len(name) > LONGEST_NAME:
        return ()
    first = name[:1].casefold()
    candidates = dict.fromkeys(each for each in known if each[:1].casefold() == first)
    return tuple(get_close_matches(name, islice(candidates, MAX_COMPARED), MAX_NEAREST))
