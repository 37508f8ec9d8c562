"""Finds out whether a server answers, how fast, and with which key, without joining (docs/PROTOCOL.md §12).

The dialer does it, up to RESP, with a private key that is made for this and thrown away: so the server learns nothing
about who asks, and no DATA follows, so no session is opened. A COOKIE, which is timed, proves nothing; RESP does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, HELLO, RESP
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT
from sockatuh.protocol.messages import InitPayload
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .dialer import Dialer
from .events import KeyMismatch, VersionDiffers
from .obstacles import Obstacle, is_ours
from .timers import ClientTimer

MOST_ADDRESSES: Final = 8


class Answered(msgspec.Struct, frozen=True):
    """Whoever is at `address` has the private key that belongs to `key` (32 bytes), and calls the room `room`.

    `seconds` passed from its first HELLO to the COOKIE.
    """

    key: bytes
    address: Address
    room: str
    seconds: float


class Unanswered(msgspec.Struct, frozen=True):
    """Time is up. `obstacles` are what stood in the way, by address; `met`: something answered, and proved no key."""

    obstacles: tuple[tuple[Address, Obstacle], ...]
    met: bool


PingResult: TypeAlias = Answered | Unanswered | KeyMismatch | VersionDiffers


class Pinging:
    """Asks a server at some addresses, for `seconds` at most. `pin` is its key (32 bytes), None if that is unknown."""

    def __init__(
        self, addresses: Sequence[Address], pin: bytes | None, random: Callable[[int], bytes], seconds: float
    ) -> None:
        self._addresses, self._seconds = addresses[:MOST_ADDRESSES], seconds
        self._random = random
        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[PingResult] = deque()
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(random(32), pin, random, self._timers, self._out)
        self._obstacles: dict[Address, Obstacle] = {}
        self._asked: dict[bytes, tuple[Address, float]] = {}
        """Where and when the first HELLO with each nonce was sent."""
        self._took: dict[Address, float] = {}
        """Seconds to the first COOKIE from each address."""
        self._ends_at: float | None = None

    def start(self, now: float) -> None:
        """Begin; `now` is monotonic seconds. One result is reported at the end."""
        self._ends_at = now + self._seconds
        self._dialer.start(self._addresses, InitPayload("", self._random(8), 0, None, 0, None), now)
        self.handle_timer(now)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> None:
        """Note what stands in the way to an address; it ends nothing, because anybody can forge it."""
        if address in self._addresses:
            self._obstacles[address] = obstacle

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram from anybody; never raises, whatever it contains."""
        kind = data[0] if data else 0
        if self._ends_at is None:
            return
        if kind == COOKIE and len(data) == COOKIE_SIZE:
            if (asked := self._asked.get(COOKIE_STRUCT.unpack(data)[4])) is not None:
                self._took.setdefault(asked[0], now - asked[1])
            self._dialer.receive_cookie(data, now)
        elif kind == RESP:
            established = self._dialer.receive_resp(data, now)
            if established is not None:
                at = established.address
                self._end(Answered(established.server_key, at, established.payload.room, self._took.get(at, 0.0)))
        elif not is_ours(data):
            self.note_obstacle(address, Obstacle.FOREIGN)
        self.handle_timer(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for _ in self._timers.take_due(now):
            wrong = self._dialer.handle_timer(now)
            if wrong is not None:
                self._end(wrong)
        if self._ends_at is not None and self._ends_at <= now:
            self._end(Unanswered(tuple(self._obstacles.items()), met=bool(self._took)))
        self._note_hellos(now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        return min((at for at in (self._ends_at, self._timers.next_at()) if at is not None), default=None)

    def next_event(self) -> PingResult | None:
        """Return the result, once it stands."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send."""
        out = [*self._out]
        self._out.clear()
        return out

    def _note_hellos(self, now: float) -> None:
        """Note when the dialer's HELLOs are sent; of those that are repeated, the first counts."""
        for data, address in self._out:
            if data[0] == HELLO:
                self._asked.setdefault(HELLO_STRUCT.unpack_from(data)[3], (address, now))

    def _end(self, result: PingResult) -> None:
        if self._ends_at is not None:
            self._dialer.stop()
            self._ends_at = None
            self._events.append(result)
