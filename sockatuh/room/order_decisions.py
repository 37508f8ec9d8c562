"""What the room decides about the admin's orders: what is to be appended, who is removed, and what the admin is told.

Nothing is changed here. An order that is in force removes whoever it is about when its entry is applied, whichever
server wrote that; so a decision only counts them. A kick removes its member in the same transaction, because its entry
alone shows nothing to anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from . import orders as o
from .decisions import Intent, Member
from .entries import (
    ADMIN_OWNER,
    TAG_LENGTH,
    Banned,
    Body,
    Message,
    Muted,
    Released,
    Removed,
    Unbanned,
    Unmuted,
    kind_of,
)
from .guests import Guest
from .meant import LONGEST_NAME, Meanings, Meant, Visit, hosts_of
from .moments import rfc3339
from .order_book import InForce, OrderBook, Standing
from .room import Room
from .targets import OrderKind, Target, Who, plain_host
from .text import clean_line, clean_text

SMALL_ROOM: Final = 2
"""Members of a room of which an order may remove half without asking."""


class Given(msgspec.Struct, frozen=True):
    """By whom an order was given, and when (wall time in milliseconds)."""

    actor: o.Actor
    at: int

    @property
    def by(self) -> tuple[int, str]:
        """The uid and the login name that an entry keeps."""
        return self.actor.uid, clean_line(self.actor.name)[: o.MAX_CLAIMED]


class Before(msgspec.Struct):
    """What was decided about an order before, if its append failed because another entry came first.

    `last` are the last seqs of keys as the log told them; `meant` is whom the order is about, whatever they are called
    by now.
    """

    last: dict[str, int] = msgspec.field(default_factory=dict)
    meant: Meant | None = None


class Unkeyed(msgspec.Struct, frozen=True):
    """An entry to be appended whatever comes before it; `strikes` is the line whose text is removed by it."""

    body: Body
    strikes: int | None = None


class Decided(msgspec.Struct, frozen=True):
    """What has to be appended for an order, and the reply, which gets the entry's seq.

    `order` is in force from now on. `leaving` are the name keys of the members whose `left` is appended with it.
    """

    reply: o.Done
    entry: Intent | Unkeyed
    order: InForce | None = None
    leaving: tuple[str, ...] = ()


Decision: TypeAlias = Decided | o.OrderDenied


class Concerned(msgspec.Struct, frozen=True):
    """The members whom an order removes, and the sessions it closes."""

    members: tuple[Member, ...]
    visits: tuple[Visit, ...]


class Decisions:
    """Decides about orders, from what the room and the book are at this moment.

    `announce_as` is the name the admin speaks under, `text_bytes` the longest text.
    """

    def __init__(self, room: Room, book: OrderBook, *, announce_as: str, text_bytes: int) -> None:
        self._room, self._book, self._meanings = room, book, Meanings(room, book)
        self.announce_as, self.text_bytes = announce_as, text_bytes

    def decide(self, order: o.RoomOrder, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        """Decide about an order; `visits` are all sessions that are in or about to be."""
        if (reason := o.find_reason(order)) is None:
            return o.OrderDenied(code="text_too_long")
        match order:
            case o.Kick():
                return self._kick(order, reason, given, visits, before)
            case o.Ban():
                return self._ban(order, reason, given, visits, before)
            case o.Mute():
                return self._mute(order, reason, given, visits, before)
            case o.Unban(target=text):
                return self._lift(text, ("ban", "kick"), given)
            case o.Unmute(name=text):
                return self._lift(text, ("mute",), given)
            case o.Release():
                return self._release(order, reason, given)
            case o.Announce():
                return self._announce(order, given)

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

    # Orders that stay in force.

    def _kick(self, order: o.Kick, reason: str, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        is_sure = order.yes or before.meant is not None
        meant = before.meant or self._meanings.find_here(order.name, visits)
        if isinstance(meant, o.OrderDenied):
            return meant
        before.meant, target = meant, meant.target
        until = given.at + _milliseconds(order.for_, o.KICK_SECONDS)
        body = Removed(meant.name, target.owner, target.address, *given.by, reason, rfc3339(until))
        new = _order("kick", target, body, given.at, until)
        removed = self.find_removed(new, visits)
        denied = (None if is_sure else self._find_half(new, removed)) or self._find_excess(new, given.at)
        if denied is not None:
            return denied
        reply = o.Kicked(
            seq=0,
            name=meant.name,
            key=target.owner[:TAG_LENGTH],
            sessions=len(removed.visits),
            addresses=hosts_of(removed.visits),
            until=body.until,
            reason=reason,
            members=self._room.count,
            removed=tuple(member.name for member in removed.members),
        )
        leaving = tuple(member.key for member in removed.members)
        return Decided(reply, self._intent(new, before), new, leaving)

    def _ban(self, order: o.Ban, reason: str, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        is_sure = order.yes or before.meant is not None
        meant = before.meant or self._meanings.find_target(order.target, visits)
        if isinstance(meant, o.OrderDenied):
            return meant
        if order.strangers and not meant.target.address:
            return o.OrderDenied(code="not_an_address")
        before.meant, target = meant, meant.target
        until = _until(order.for_, o.BAN_SECONDS, given.at)
        end = None if until is None else rfc3339(until)
        body = Banned(meant.name, target.owner, target.address, *given.by, reason, end, order.strangers)
        new = _order("ban", target, body, given.at, until)
        removed = self.find_removed(new, visits)
        denied = (None if is_sure else self._find_half(new, removed)) or self._find_excess(new, given.at)
        if denied is not None:
            return denied
        addresses = (hosts_of(removed.visits) or meant.addresses) if target.owner else ()
        own = {visit.session for visit in removed.visits}
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
            replaced=self._replaced(new, given.at),
        )
        return Decided(reply, self._intent(new, before), new)

    def _mute(self, order: o.Mute, reason: str, given: Given, visits: Sequence[Visit], before: Before) -> Decision:
        meant = before.meant or self._meanings.find_speaker(order.name, visits)
        if isinstance(meant, o.OrderDenied):
            return meant
        before.meant, target = meant, meant.target
        until = _until(order.for_, o.MUTE_SECONDS, given.at)
        end = None if until is None else rfc3339(until)
        body = Muted(meant.name, target.owner, target.address, *given.by, reason, end)
        new = _order("mute", target, body, given.at, until)
        if (denied := self._find_excess(new, given.at)) is not None:
            return denied
        reply = o.MuteSet(
            id=0,
            what=new.what,
            name=meant.name,
            key=target.owner[:TAG_LENGTH],
            until=end,
            reason=reason,
            replaced=self._replaced(new, given.at),
        )
        return Decided(reply, self._intent(new, before), new)

    def _lift(self, text: str, kinds: tuple[OrderKind, ...], given: Given) -> Decision:
        """Decide about lifting the orders that a text means: a ban, and the kick of the same target with it."""
        found = self._meanings.find_orders(text, kinds, given.at)
        if isinstance(found, o.OrderDenied):
            return found
        found.sort(key=lambda order: kinds.index(order.kind))
        intent: Intent | None = None
        for order in reversed(found):
            intent = _lifting(order, given, intent)
        if intent is None:
            return o.OrderDenied(code="no_such_order")
        return Decided(o.Lifted(seq=0, id=found[0].id, order=found[0].kind, what=found[0].what), intent)

    # Names and lines.

    def _release(self, order: o.Release, reason: str, given: Given) -> Decision:
        key = self._room.key_of(order.name[:LONGEST_NAME])
        if (here := self._find_here(key)) is not None:
            return o.OrderDenied(code="present", name=here.name)
        use = self._room.use_of(key)
        if use is None or self._room.owner_of(key, given.at) != use.owner:
            unknown = self._meanings.no_such_name(order.name)
            return o.OrderDenied(code="name_free", name=unknown.name, nearest=unknown.nearest)
        body = Released(use.name, use.owner, *given.by, reason)
        intent = Intent(kind_of(body), body, key, self._room.last_seq(key))
        reply = o.NameReleased(seq=0, name=use.name, key=use.owner[:TAG_LENGTH], used=rfc3339(use.at))
        return Decided(reply, intent)

    def _announce(self, order: o.Announce, given: Given) -> Decision:
        text, key = clean_text(order.text), self._room.key_of(self.announce_as)
        if not text:
            return o.OrderDenied(code="text_empty")
        if len(text.encode()) > self.text_bytes:
            return o.OrderDenied(code="text_too_long")
        if (here := self._find_here(key)) is not None:
            return o.OrderDenied(code="name_taken", name=here.name)
        by, as_ = given.by
        body = Message(self.announce_as, ADMIN_OWNER, text, action=False, by=by, as_=as_)
        return Decided(o.Announced(seq=0, name=body.name, text=text, members=self._room.count), Unkeyed(body))

    def _find_here(self, key: str) -> Member | Guest | None:
        return self._room.find_member(key) or next(iter(self._room.guests_of(key)), None)

    # What an order would do.

    def _find_half(self, new: InForce, removed: Concerned) -> o.OrderDenied | None:
        """Return that an order removes so many that whoever gave it has to say that this is meant."""
        count, members = len(removed.members), self._room.count
        if members > SMALL_ROOM and 2 * count >= members:
            return o.OrderDenied(code="half_the_room", name=new.what, count=count, members=members)
        return None

    def _find_excess(self, new: InForce, at: int) -> o.OrderDenied | None:
        """Return that so many orders are in force that there can be no more."""
        if self._book.find(new.log_key, at) is None and self._book.count(at) >= o.MAX_IN_FORCE:
            return o.OrderDenied(code="too_many_orders", count=o.MAX_IN_FORCE)
        return None

    def _intent(self, new: InForce, before: Before) -> Intent:
        expect = before.last.get(new.log_key, self._book.last_seq(new.log_key))
        return Intent(kind_of(new.body), new.body, new.log_key, expect)

    def _replaced(self, new: InForce, at: int) -> int:
        replaced = self._book.find(new.log_key, at)
        return replaced.id if replaced is not None else 0

    def _members_at(self, addresses: Collection[str], visits: Sequence[Visit]) -> tuple[str, ...]:
        """Return the names of the members who have a session at one of these addresses."""
        if not addresses:
            return ()
        keys = {visit.who.name_key for visit in visits if plain_host(visit.who.host) in addresses}
        return tuple(member.name for member in self._room.members if member.key in keys)


def _order(kind: OrderKind, target: Target, body: Standing, at: int, until: int | None) -> InForce:
    return InForce(0, kind, target.log_key(kind), target, body, at, until)


def _lifting(order: InForce, given: Given, also: Intent | None) -> Intent:
    old = order.body
    kind = Unmuted if order.kind == "mute" else Unbanned
    body = kind(old.name, old.owner, old.address, *given.by, "", order.id)
    return Intent(kind_of(body), body, order.log_key, order.id, also)


def _milliseconds(span: float | UnsetType, usual: float) -> int:
    return int((usual if span is UNSET else span) * 1000)


def _until(span: o.Span, usual: float, at: int) -> int | None:
    return None if span is None else at + _milliseconds(span, usual)
