"""Those who come to a hall: clients of either dialect, and one that keeps to no rule."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.dialer import Dialer
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.client.secure_link import Link
from sockatuh.protocol.client.timers import Timer
from sockatuh.protocol.constants import COOKIE, RESP
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

if TYPE_CHECKING:
    from .hall import Hall

SERVER: Address = ("10.0.0.1", 7625)
PASSWORD = "tulip harbor sixteen"
STORIES = {m.JOINED: "joined", m.LEFT: "left", m.CLAIMED: "claimed"}

T = TypeVar("T")


class Guest(Protocol):
    """Whoever has an address."""

    address: Address

    def hear(self, data: bytes) -> None:
        """Take a datagram of the server."""

    def do_due(self) -> None:
        """Do what is due now."""

    def due_at(self) -> float | None:
        """Return when there is something to do."""

    def take_datagrams(self) -> list[bytes]:
        """Return and forget what is to be sent."""


@dataclass(slots=True)
class Person:
    """A client of the secure dialect, and everything it was told."""

    hall: Hall
    peer: Peer
    key: bytes
    address: Address
    cut_off: bool = False
    events: list[e.PeerEvent] = field(default_factory=list)

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[T]) -> T:
        return self.all(kind)[-1]

    @property
    def is_in(self) -> bool:
        return bool(self.all(e.Admitted))

    @property
    def refusals(self) -> list[str]:
        return [event.code for event in self.all(e.JoinRefused)]

    @property
    def story(self) -> list[str]:
        """What the screen would show: lines as `name: text`, actions as `* name text`, the rest as `name joined`."""
        return [_told(event.entry) for event in self.all(e.EntryArrived)]

    @property
    def stored(self) -> dict[int, int]:
        return {event.number: event.seq for event in self.all(e.LineStored)}

    def ask(self, name: str) -> None:
        self.peer.join(name, None, self.hall.now)
        self.hall.settle()

    def join(self, name: str, password: str = PASSWORD) -> None:
        self.peer.join(name, password, self.hall.now)
        self.hall.settle()

    def say(self, text: str, *, action: bool = False) -> int:
        number = self.peer.say(text, self.hall.now, action=action)
        self.hall.settle()
        return number

    def leave(self) -> None:
        self.peer.leave(self.hall.now)
        self.hall.settle()

    def who(self) -> list[str]:
        self.peer.ask_who("", self.hall.now)
        self.hall.settle()
        return [member.name for member in self.last(e.MembersListed).members]

    def hear(self, data: bytes) -> None:
        if not self.cut_off:
            self.peer.receive_datagram(data, SERVER, self.hall.now)

    def due_at(self) -> float | None:
        return self.peer.get_timer()

    def do_due(self) -> None:
        self.peer.handle_timer(self.hall.now)

    def take_datagrams(self) -> list[bytes]:
        while (event := self.peer.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, e.ServerOffered):
                self.peer.trust(self.hall.now)
        datagrams = [data for data, _ in self.peer.datagrams_to_send()]
        return [] if self.cut_off else datagrams


def _told(entry: m.Entry) -> str:
    match entry.kind:
        case m.MESSAGE:
            return f"{entry.name}: {entry.text}"
        case m.ACTION:
            return f"* {entry.name} {entry.text}"
        case kind:
            return f"{entry.name} {STORIES[kind]}"


@dataclass(slots=True)
class Teletype:
    """A client of the classic dialect: bytes out, bytes in."""

    hall: Hall
    address: Address
    heard: list[bytes] = field(default_factory=list)
    outbox: list[bytes] = field(default_factory=list)

    def send(self, data: bytes) -> list[bytes]:
        """Send a datagram and return what it was answered with."""
        before = len(self.heard)
        self.outbox.append(data)
        self.hall.settle()
        return self.heard[before:]

    def join(self, name: str) -> None:
        assert self.send(b"Username:" + name.encode()) == [b"Username valid!"]
        assert self.send(b"Password:" + PASSWORD.encode()) == [b"Berhasil bergabung!"]

    def hear(self, data: bytes) -> None:
        self.heard.append(data)

    def due_at(self) -> float | None:
        return None

    def do_due(self) -> None:
        """Nothing is ever due."""

    def take_datagrams(self) -> list[bytes]:
        datagrams, self.outbox = self.outbox, []
        return datagrams


class Outlaw:
    """A client that keeps to no rule: it claims any payload in the handshake, and sends whatever message it likes."""

    def __init__(self, hall: Hall, address: Address, key: bytes, payload: m.InitPayload) -> None:
        self.address = address
        self.heard: list[m.ServerMessage] = []
        self._hall, self._key, self._payload = hall, key, payload
        self._out: list[tuple[bytes, Address]] = []
        self._timers = TimerTable(Timer)
        self._dialer = Dialer(key, None, hall.random, self._timers, self._out)
        self._dialer.start([SERVER], self._payload, hall.now)
        self._link: Link | None = None

    def send(self, message: m.ClientMessage) -> None:
        assert self._link is not None
        self._link.send(message, self._hall.now)
        self._hall.settle()

    def read(self, after: int, through: int) -> list[m.Entry]:
        """Ask for a stretch of the log, on and on as far as the answers lead, and return what is in it."""
        found: list[m.Entry] = []
        while after < through:
            before = len(self.heard)
            self.send(m.Get(after, through))
            told = [each for each in self.heard[before:] if isinstance(each, m.Entries)]
            assert told, "it was not answered"
            found += [m.decode_entry_untrusted(item) for each in told for item in each.items]
            after = max(each.through for each in told)
        return found

    def answers(self) -> list[m.AnswerBody]:
        return [each.body for each in self.heard if isinstance(each, m.Answer)]

    def hear(self, data: bytes) -> None:
        now = self._hall.now
        if data[0] == COOKIE:
            self._dialer.receive_cookie(data, now)
            self._dialer.trust(now)
        elif data[0] == RESP:
            established = self._dialer.receive_resp(data, now)
            assert established is not None
            self._link = Link(established, self._key, self._hall.random, TimerTable(Timer), self._out, now)
        elif self._link is not None:
            with contextlib.suppress(ProtocolError):  # for one who was at this address before
                self.heard.append(self._link.open_untrusted(data))

    def due_at(self) -> float | None:
        return self._timers.next_at()

    def do_due(self) -> None:
        for _ in self._timers.take_due(self._hall.now):
            self._dialer.handle_timer(self._hall.now)

    def take_datagrams(self) -> list[bytes]:
        out = [data for data, _ in self._out]
        self._out.clear()
        return out
