"""The world of a test: parties with cores, the network between them, and one clock, all in virtual time.

A party is anything with an address and the five methods of a core. Datagrams and timers are entries of one agenda;
`settle` does everything that is due by now, `advance` and `run` let time pass. Where the network has no delay, a whole
conversation happens at one moment.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sockatuh.protocol.seam import Address

from .weather import CALM, Weather

START = 1000.0
"""The time at which every test starts, in monotonic seconds."""
PASSWORD = "tulip harbor sixteen"
RESTLESS = 1_000_000
"""More actions than this at one moment count as an endless loop."""


@dataclass(slots=True)
class Clock:
    """A machine's monotonic clock, which stands still while the machine is suspended; `behind` is in seconds."""

    behind: float = 0.0
    stands_still: bool = False

    def read(self, now: float) -> float:
        return now - self.behind


class Party(Protocol):
    """Who can send and receive. `alarm_at`: when its timer goes off by the world's clock, as far as that is known."""

    address: Address
    clock: Clock
    cut_off: bool
    alarm_at: float

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None: ...
    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]: ...
    def get_timer(self) -> float | None: ...
    def handle_timer(self, now: float) -> None: ...

    @property
    def may_have_changed(self) -> bool:
        """Tell whether the test may have acted on it without the world noticing."""

    def process(self, now: float) -> None:
        """Process the core's events: called whenever something has happened to it, before its datagrams are sent."""


@dataclass(slots=True, eq=False)
class PartyState:
    """What the world keeps of each party; a base class for them."""

    address: Address
    clock: Clock = field(default_factory=Clock)
    cut_off: bool = False
    """Whether it can neither send nor receive."""
    alarm_at: float = float("inf")

    @property
    def may_have_changed(self) -> bool:
        return True


class World:
    """A server, those who talk to it, and the network between."""

    def __init__(self, server: Party, *, seed: int = 1, weather: Weather = CALM) -> None:
        self.server = server
        self.clients: list[Party] = []
        self.now = START
        self.weather = weather
        self.dice = random.Random(seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._touched: dict[Party, None] = {}
        """Parties with something to process."""

    # Time.

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), do))

    def settle(self) -> None:
        """Do everything that is due by now."""
        self._touched[self.server] = None
        self._touched |= dict.fromkeys(client for client in self.clients if client.may_have_changed)
        self._go_on(self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.settle()
        end = self.now + seconds
        self._go_on(end)
        self.now = end

    def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let time pass until something holds."""
        end = self.now + seconds
        while not holds():
            assert self.now < end, "it never came"
            self.advance(0.05)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let `seconds` pass, or stop as soon as `until` holds; return whether it does (without it: True)."""
        self.settle()
        end = self.now + seconds
        reached = self._go_on(end, until)
        if until is None:
            self.now = end
        return reached

    def _go_on(self, end: float, until: Callable[[], bool] | None = None) -> bool:
        """Do what is due, in order; at one moment, first all that arrives, then what comes of it."""
        at, count = self.now, 0
        while True:
            if self._agenda and self._agenda[0][0] <= self.now:
                heapq.heappop(self._agenda)[2]()
            elif self._touched:
                self.attend_next()
            elif until is not None and until():
                return True
            elif self._agenda and self._agenda[0][0] <= end:
                self.now = self._agenda[0][0]
            else:
                return until is None
            count = count + 1 if self.now == at else 0
            at = self.now
            assert count < RESTLESS, "it does not come to rest"

    def attend_next(self) -> None:
        """Process one party with something pending: the server only when no client is left."""
        party = next((each for each in self._touched if each is not self.server), self.server)
        del self._touched[party]
        self.attend(party)

    # Parties.

    def attend(self, party: Party) -> None:
        """Process what has happened to a party, send what it has to send, and set its alarm."""
        now = party.clock.read(self.now)
        party.process(now)
        while datagrams := party.datagrams_to_send():
            for data, address in datagrams:
                if not party.cut_off:
                    self._send(data, party.address, address)
        at = party.get_timer()
        if at is not None:
            alarm_at = max(at + party.clock.behind, self.now)
            if alarm_at < party.alarm_at:
                party.alarm_at = alarm_at
                late = 1e-6 if party.clock.behind else 0.0  # the two clocks differ by a rounding
                self.after(alarm_at - self.now + late, lambda: self._alarm(party, alarm_at))

    def _alarm(self, party: Party, alarm_at: float) -> None:
        if party.alarm_at != alarm_at:
            return  # another one was set for earlier, and has gone off
        if party.clock.stands_still:
            self.after(0.05, lambda: self._alarm(party, alarm_at))
            return
        party.alarm_at = float("inf")
        at, now = party.get_timer(), party.clock.read(self.now)
        if at is not None and at <= now:
            party.handle_timer(now)
        self._touched[party] = None

    def suspend(self, party: Party, seconds: float) -> None:
        """Let a machine sleep: nothing comes or goes, and its monotonic clock stands still."""
        was_cut_off = party.cut_off
        party.cut_off = party.clock.stands_still = True
        self.run(seconds)
        party.cut_off, party.clock.stands_still = was_cut_off, False
        party.clock.behind += seconds
        party.alarm_at = float("inf")  # by its clock, what was to wake it is due later

    def note(self, party: Party, event: object) -> None:
        """Inspect what a client reports; a hook for worlds that check it."""

    # The network.

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Inject a forged datagram into the network."""
        self.after(self.weather.lateness(self.dice), lambda: self._deliver(data, source, target))

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        """Take a party's datagram onto the network, which may lose, double or spoil it."""
        for each in self.weather.pass_on(data, self.dice):
            self.send(each, source, target)

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        if target == self.server.address:
            self._hand_over(self.server, data, source)
            return
        for client in self.clients:
            if client.address == target:
                self._hand_over(client, data, source)

    def _hand_over(self, party: Party, data: bytes, source: Address) -> None:
        if not party.cut_off:
            party.receive_datagram(data, source, party.clock.read(self.now))
            self._touched[party] = None
