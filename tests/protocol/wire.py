"""A house and its peers in virtual time, over a network that can be overheard, disturbed and forged."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Unpack

from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address

from .host import Wants, make_peer
from .house import PASSWORD, SERVER, START, House


@dataclass(slots=True)
class Seat:
    """A peer on the wire: its address, and what it has reported."""

    peer: Peer
    address: Address
    events: list[pe.PeerEvent] = field(default_factory=list)

    def of(self, kind: type[pe.PeerEvent]) -> list[pe.PeerEvent]:
        """Return the peer's events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def texts(self) -> list[str]:
        """Return the lines that arrived, in order."""
        return [event.entry.text for event in self.events if isinstance(event, pe.EntryArrived)]


class Wire:
    """A house and its peers in virtual time. `spoil` may drop, change or multiply datagrams."""

    def __init__(self, house: House, *, seed: int = 1, delay: tuple[float, float] = (0.001, 0.001)) -> None:
        self.house = house
        self.now = START
        self.dice = random.Random(seed)
        self.delay = delay
        self.seats: list[Seat] = []
        self.recorded: list[tuple[bytes, Address, Address]] = []
        """All that was sent: (datagram, from, to)."""
        self.spoil: Callable[[bytes, Address, Address], Sequence[bytes]] = lambda data, _from, _to: [data]
        self._agenda: list[tuple[float, int, bytes, Address, Address]] = []
        self._order = itertools.count()

    def seat(
        self, name: str | None = "ana", *, seed: int | str = "peer", connect: bool = True, **wants: Unpack[Wants]
    ) -> Seat:
        """Add a peer, and let it ask to join under a name."""
        seat = Seat(make_peer(seed, **wants), ("10.0.3." + str(len(self.seats) + 1), 40_000))
        self.seats.append(seat)
        if connect:
            seat.peer.connect([SERVER], self.now)
        if name is not None:
            seat.peer.join(name, PASSWORD, self.now)
        self.settle()
        return seat

    def settle(self) -> None:
        """Collect what everybody sends."""
        for seat in self.seats:
            while (event := seat.peer.next_event()) is not None:
                seat.events.append(event)
            for data, to in seat.peer.datagrams_to_send():
                self._send(data, seat.address, to)
        for data, to in self.house.settle(self.now):
            self._send(data, SERVER, to)

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Inject a datagram that nobody here has sent."""
        heapq.heappush(
            self._agenda, (self.now + self.dice.uniform(*self.delay), next(self._order), data, source, target)
        )

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        self.recorded.append((data, source, target))
        for each in self.spoil(data, source, target):
            self.send(each, source, target)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass until a condition holds; return whether it does."""
        self.settle()
        end = self.now + seconds
        while (at := self._next()) is not None and at <= end:
            if until is not None and until():
                return True
            self.now = max(self.now, at)
            self._turn()
            self.settle()
        if until is None:
            self.now = end
        return until is None or until()

    def _next(self) -> float | None:
        timers = [seat.peer.get_timer() for seat in self.seats] + [self.house.endpoint.get_timer()]
        if self._agenda:
            timers.append(self._agenda[0][0])
        return min((at for at in timers if at is not None), default=None)

    def _turn(self) -> None:
        for seat in self.seats:
            at = seat.peer.get_timer()
            if at is not None and at <= self.now:
                seat.peer.handle_timer(self.now)
        at = self.house.endpoint.get_timer()
        if at is not None and at <= self.now:
            self.house.endpoint.handle_timer(self.now)
        while self._agenda and self._agenda[0][0] <= self.now:
            _, _, data, source, target = heapq.heappop(self._agenda)
            if target == SERVER:
                self.house.endpoint.receive_datagram(data, source, self.now)
            for seat in self.seats:
                if seat.address == target:
                    seat.peer.receive_datagram(data, source, self.now)
