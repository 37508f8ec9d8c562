"""Finds out how well a server can be reached, without joining its room (docs/PROTOCOL.md §7).

    ASKING    five HELLOs to each address, to count and time the answers
    SHAKING   the handshake, at the address that answered best
    FILLING   PINGs padded to the longest datagram, which opens a session
    PROBING   PINGs of the usual size, if none of those was answered
    LEAVING   LEAVE, until it is answered

The private key is made for this one session and thrown away. Nothing here needs the client's own, the server is not to
learn who asks, and no session of the client's own key is counted or replaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import (
    COOKIE,
    COOKIE_SIZE,
    DATA,
    HELLO,
    HELLO_SIZE,
    MAX_PLAINTEXT,
    RESP,
    VERSION,
)
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT
from sockatuh.protocol.messages import (
    Answer,
    Call,
    Closed,
    InitPayload,
    Leave,
    Ping,
    Pong,
    decode_server_message_untrusted,
    encode,
    encode_padded,
)
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .dialer import Dialer
from .events import KeyMismatch, VersionDiffers
from .obstacles import Obstacle, is_ours
from .room_proofs import RoomProven
from .timers import ClientTimer

HELLOS: Final = 5
HELLO_INTERVAL: Final = 0.1
PATIENCE: Final = 1.0
"""Seconds from the last HELLO in which answers still count."""
SHAKING_SECONDS: Final = 3.0
PING_AFTER: Final = (0.3, 0.5, 0.7)
"""Seconds in which each PING may be answered before the next one."""
LEAVE_AFTER: Final = (0.2, 0.2, 0.2)
"""The same for LEAVE."""
MOST_ADDRESSES: Final = 4


class Step(Enum):
    """How far a checkup has got."""

    ASKING = auto()
    SHAKING = auto()
    FILLING = auto()
    PROBING = auto()
    LEAVING = auto()
    ENDED = auto()


class Path(Enum):
    """What the way to the server carries."""

    UNTRIED = auto()
    WHOLE = auto()
    """The longest datagrams."""
    NARROW = auto()
    """Short datagrams only."""
    SILENT = auto()
    """No datagram of a session was answered."""


class Contact(msgspec.Struct):
    """How one address answered: seconds from each HELLO to its COOKIE, and what stood in the way, if anything did."""

    seconds: list[float] = msgspec.field(default_factory=list)
    obstacle: Obstacle | None = None


class CheckupEnded(msgspec.Struct, frozen=True):
    """The results stand."""


class Checkup:
    """One checkup of a server at some addresses. `pin` is its key (32 bytes), None if that is not known.

    The results: `contacts`, in the order of the addresses; `wrong`, if another key or version answered; `room`, once
    the key is proven; `path`.
    """

    def __init__(self, addresses: Sequence[Address], pin: bytes | None, random: Callable[[int], bytes]) -> None:
        self.contacts = {address: Contact() for address in addresses[:MOST_ADDRESSES]}
        self.wrong: KeyMismatch | VersionDiffers | None = None
        self.room: RoomProven | None = None
        self.path = Path.UNTRIED
        self._random = random
        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[CheckupEnded] = deque()
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(random(32), pin, random, self._timers, self._out)
        self._asked: dict[bytes, tuple[Address, float]] = {}
        """The HELLOs without an answer, by nonce: where and when each was sent."""
        self._step = Step.ASKING
        self._tries = 0
        self._at: float | None = None
        self._nonce = random(8)
        self._channel: Channel | None = None
        self._address: Address | None = None

    @property
    def best(self) -> Address | None:
        """The address that answered most often, and then the fastest; None if none did."""
        answered = [address for address, contact in self.contacts.items() if contact.seconds]
        times = {address: self.contacts[address].seconds for address in answered}
        return min(answered, key=lambda address: (-len(times[address]), min(times[address])), default=None)

    def start(self, now: float) -> None:
        """Begin; `now` is monotonic seconds. CheckupEnded is reported at the end."""
        self._at = now
        self.handle_timer(now)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> None:
        """Note what stands in the way to an address; it ends nothing, because anybody can forge it."""
        if address in self.contacts:
            self.contacts[address].obstacle = obstacle

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram from anybody; never raises, whatever it contains."""
        kind = data[0] if data else 0
        if kind == COOKIE and len(data) == COOKIE_SIZE:
            self._receive_cookie(data, now)
        elif kind == RESP and self._step is Step.SHAKING:
            self._receive_resp(data, now)
        elif kind == DATA and self._channel is not None:
            self._receive_data(data, self._channel, now)
        elif not is_ours(data):
            self.note_obstacle(address, Obstacle.FOREIGN)
        self.handle_timer(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for _ in self._timers.take_due(now):
            self.wrong = self._dialer.handle_timer(now)
            if self.wrong is not None:
                self._end()
        while self._at is not None and self._at <= now:
            self._go_on(now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        return min((at for at in (self._at, self._timers.next_at()) if at is not None), default=None)

    def next_event(self) -> CheckupEnded | None:
        """Return the next thing that happened."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send."""
        out = [*self._out]
        self._out.clear()
        return out

    def _go_on(self, now: float) -> None:
        """Send the next datagram of this step; after the last, go on to the next step."""
        match self._step:
            case Step.ASKING:
                self._ask(now)
            case Step.FILLING:
                self._repeat(encode_padded(Ping(self._nonce), MAX_PLAINTEXT), PING_AFTER, Step.PROBING, now)
            case Step.PROBING:
                self.path = Path.SILENT  # unless a PONG comes
                self._repeat(encode(Ping(self._nonce)), PING_AFTER, Step.LEAVING, now)
            case Step.LEAVING:
                self._repeat(encode(Call(1, Leave())), LEAVE_AFTER, Step.ENDED, now)
            case _:
                self._end()

    def _ask(self, now: float) -> None:
        if self._tries == HELLOS:
            self._shake(now)
            return
        for address in self.contacts:
            nonce = self._random(8)
            self._asked[nonce] = address, now
            self._out.append((HELLO_STRUCT.pack(HELLO, VERSION, 0, nonce).ljust(HELLO_SIZE, b"\0"), address))
        self._tries += 1
        self._at = now + (HELLO_INTERVAL if self._tries < HELLOS else PATIENCE)

    def _shake(self, now: float) -> None:
        if self.best is None:
            self._end()
            return
        self._enter(Step.SHAKING, now + SHAKING_SECONDS)
        self._dialer.start([self.best], InitPayload("", self._random(8), 0, None, 0, None), now)
        self.handle_timer(now)

    def _receive_cookie(self, data: bytes, now: float) -> None:
        if (asked := self._asked.pop(COOKIE_STRUCT.unpack(data)[4], None)) is None:
            self._dialer.receive_cookie(data, now)
            return
        address, at = asked
        self.contacts[address].seconds.append(now - at)
        if self._step is Step.ASKING and self._tries == HELLOS and not self._asked:
            self._at = now

    def _receive_resp(self, data: bytes, now: float) -> None:
        established = self._dialer.receive_resp(data, now)
        if established is not None:
            self.room = RoomProven(established.server_key, established.address, established.payload.room)
            self._channel, self._address = established.channel, established.address
            self._enter(Step.FILLING, now)

    def _receive_data(self, data: bytes, channel: Channel, now: float) -> None:
        try:
            message = decode_server_message_untrusted(channel.open_untrusted(data))
        except ProtocolError:
            return
        match message:
            case Pong(nonce=nonce) if nonce == self._nonce and self._step in (Step.FILLING, Step.PROBING):
                self.path = Path.WHOLE if self._step is Step.FILLING else Path.NARROW
                self._enter(Step.LEAVING, now)
            case Answer() | Closed():
                self._end()
            case _:
                pass

    def _repeat(self, plaintext: bytes, schedule: Sequence[float], then: Step, now: float) -> None:
        """Send a message of the session once more; after the last time, go on to the step that follows."""
        if self._tries == len(schedule) or self._channel is None or self._address is None:
            if then is Step.ENDED:
                self._end()
            else:
                self._enter(then, now)
            return
        self._out.append((self._channel.seal(plaintext), self._address))
        self._at = now + schedule[self._tries]
        self._tries += 1

    def _enter(self, step: Step, at: float) -> None:
        self._step, self._tries, self._at = step, 0, at
        if step is Step.PROBING:
            self._nonce = self._random(8)  # a late answer to a long PING is no answer to a short one

    def _end(self) -> None:
        if self._step is not Step.ENDED:
            self._dialer.stop()
            self._step, self._at, self._channel = Step.ENDED, None, None
            self._events.append(CheckupEnded())
