"""Who gets a seat in a table that strangers share, and who gives one up for it (docs/PROTOCOL.md §4).

How to think about it: keys are free, addresses are not. So a share of anything belongs to a *place*: an IPv4 address,
or an IPv6 /64. One place may fill a table as long as nobody else wants it, because a whole classroom may sit behind one
router. The rule has three parts:

* As long as a tenth of the seats stays free, anybody takes one. Of the last tenth a place takes a seat only if it
  then holds no more seats than were free (twice as many when somebody returns with a ticket). This is a dynamic
  threshold, as switches use it for shared memory (Choudhury and Hahne, 1998): n crowded places leave 1/(n+1) of the
  table free, and a place with half of the seats never gets into the last tenth.
* Otherwise whoever comes from a place with fewer seats takes the newest seat of the most crowded place. Seats are given
  up in the order of `Standing`; one that is KEPT is never given up. Somebody who returns also takes a seat from a place
  with as many, even from its own.
* Otherwise the newcomer is refused.

A seat may weigh more than one: then `size` and what a place holds are sums of weights, in bytes for instance.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable
from enum import IntEnum
from typing import Final, Generic, TypeVar

import msgspec

Holder = TypeVar("Holder")

RESERVE: Final = 10
"""One in this many seats is reserved for places that hold few."""
_GIVEN_UP: Final = 4


class Standing(IntEnum):
    """What a seat is used for, in the order in which seats are given up."""

    STRANGER = 0
    """A handshake without its first datagram, or a session that has not joined."""
    RETURNING = 1
    """The same, of somebody who has shown a good ticket."""
    GUEST = 2
    """A script or a reader, and its half lines."""
    SURPLUS = 3
    """A member whose contact is lost; a member's second session; a member's half lines."""
    KEPT = 4
    """A member in contact."""


class _Seat(msgspec.Struct, Generic[Holder]):
    holder: Holder
    place: Hashable
    standing: Standing
    weight: int
    order: int


class Seats(Generic[Holder]):
    """A table of at most `size` seats. It only counts: its owner removes whoever gives up a seat."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self._seats: dict[Holder, _Seat[Holder]] = {}
        self._by_order: dict[int, _Seat[Holder]] = {}
        self._held: Counter[Hashable] = Counter()
        self._rows: tuple[dict[Hashable, list[int]], ...] = tuple({} for _ in range(_GIVEN_UP))
        self._last = 0

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, holder: Holder) -> bool:
        return holder in self._seats

    def held_by(self, place: Hashable) -> int:
        """Return the weight of all seats of a place."""
        return self._held[place]

    def weight_of(self, holder: Holder) -> int:
        """Return the weight of a holder's seat, 0 when it has none."""
        seat = self._seats.get(holder)
        return seat.weight if seat is not None else 0

    def seat(self, holder: Holder, place: Hashable, standing: Standing, weight: int = 1) -> None:
        """Seat a holder, whether there is room or not; one that is seated keeps its place and its age."""
        seat = self._seats.get(holder)
        if seat is None:
            self._last += 1
            seat = _Seat(holder, place, standing, weight, self._last)
            self._seats[holder] = self._by_order[seat.order] = seat
        else:
            self._take_out(seat)
            seat.standing, seat.weight = standing, weight
        self._put_in(seat)

    def hand_over(self, holder: Holder, successor: Holder) -> None:
        """Give a holder's seat, if it has one, to `successor`, whose own seat is freed; the seat keeps its age."""
        if (seat := self._seats.get(holder)) is not None and holder != successor:
            self.release(successor)
            del self._seats[holder]
            seat.holder = successor
            self._seats[successor] = seat

    def release(self, holder: Holder) -> None:
        """Free the seat of a holder, if it has one."""
        seat = self._seats.pop(holder, None)
        if seat is not None:
            del self._by_order[seat.order]
            self._take_out(seat)

    def find_victims(
        self, place: Hashable, weight: int = 1, *, returns: bool = False, holder: Holder | None = None
    ) -> list[Holder] | None:
        """Return who gives up a seat for a newcomer from `place`, often nobody; None: the newcomer is refused.

        `returns`: the newcomer has a ticket. `holder`: it has a seat, and wants to change it for one of this weight.
        """
        own = self._seats.get(holder) if holder is not None else None
        if own is not None:
            self._take_out(own)
        try:
            return self._choose(place, weight, returns)
        finally:
            if own is not None:
                self._put_in(own)

    def _choose(self, place: Hashable, weight: int, returns: bool) -> list[Holder] | None:
        free, held = self.size - self.used, self._held[place]
        left = free - weight
        within_share = left >= self.size // RESERVE or held + weight <= (left + 1) * (2 if returns else 1)
        needed = weight - (free if within_share else min(free, 0))
        victims: list[_Seat[Holder]] = []
        try:
            while needed > 0:
                victim = self._find_victim(self._held[place] + (0 if returns else weight))
                if victim is None:
                    return None
                self._take_out(victim)
                victims.append(victim)
                needed -= victim.weight
            return [victim.holder for victim in victims]
        finally:
            for victim in victims:
                self._put_in(victim)

    def _find_victim(self, least: int) -> _Seat[Holder] | None:
        """Find the newest seat of the most crowded place that holds at least `least`, of the lowest standing.

        Among equally crowded places it is the one whose newest seat is oldest, so of single seats the oldest.
        """
        for row in self._rows:
            if row:
                crowded = max(row, key=lambda place: (self._held[place], -row[place][-1]))
                if self._held[crowded] >= least:
                    return self._by_order[row[crowded][-1]]
        return None

    def _put_in(self, seat: _Seat[Holder]) -> None:
        self.used += seat.weight
        self._held[seat.place] += seat.weight
        if seat.standing is not Standing.KEPT:
            insort(self._rows[seat.standing].setdefault(seat.place, []), seat.order)

    def _take_out(self, seat: _Seat[Holder]) -> None:
        self.used -= seat.weight
        self._held[seat.place] -= seat.weight
        if not self._held[seat.place]:
            del self._held[seat.place]
        if seat.standing is not Standing.KEPT:
            row = self._rows[seat.standing]
            orders = row[seat.place]
            del orders[bisect_left(orders, seat.order)]
            if not orders:
                del row[seat.place]


def place_of_text(address: str) -> str:
    """Return the place of an address written as `host`, `host:port` or `[v6]:port`; "" if it is no address."""
    host = address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]
    host = host.partition("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{ipaddress.IPv6Address(found.packed[:8] + bytes(8))}/64"
