"""The real Endpoint with the simplest possible bridge, and constants for the tests of the protocol."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

from sockatuh.protocol import messages as m
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.password_proof import PasswordHash
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.packing import EVERYBODY, Audience, Logged, unshown
from sockatuh.protocol.server.tickets import TicketKey, Tickets

from .password_hash import quick_hash
from .world import PartyState

SERVER: Final[Address] = ("10.0.0.1", 7625)
HOME: Final[Address] = ("10.0.1.1", 40_001)
ELSEWHERE: Final[Address] = ("10.0.2.2", 40_002)
STRANGER: Final[Address] = ("10.66.6.6", 666)
PASSWORD: Final = b"correct horse battery"
LOG_ID: Final = b"the log of rooms"
START: Final = 1000.0
"""The time at which every test starts, in monotonic seconds."""

IDENTITY: Final = ServerIdentity(bytes(range(32)), bytes(range(100, 132)), "the room")
SERVER_KEY: Final = public_key(IDENTITY.private_key)
HASH: Final = PasswordHash.parse(quick_hash(PASSWORD))
TICKET_KEY: Final = TicketKey(b"tick", bytes(range(50, 82)))


def pack_address(address: Address) -> bytes:
    """Return an address as cookies see it: IPv4-mapped, and the port."""
    host: str = address[0]
    port: int = address[1]
    return bytes(10) + b"\xff\xff" + bytes(map(int, host.split("."))) + port.to_bytes(2, "little")


class Dice:
    """Random bytes from a seed; `drawn` counts how often each number of bytes was drawn."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)
        self.drawn: Counter[int] = Counter()

    def __call__(self, count: int) -> bytes:
        self.drawn[count] += 1
        return self._random.randbytes(count)


def no_jitter(count: int) -> bytes:
    """Return bytes that make every jitter a factor of 1."""
    return b"\x80" * count


def strike(seq: int, line: int, shown_to: Audience = EVERYBODY) -> Logged:
    """Return the encoded entry that strikes a line."""
    encoding = m.encode(m.Entry(seq, 1_700_000_000_000 + seq, m.STRUCK, "ana", line=line))
    return Logged(seq, encoding, shown_to, strikes=line)


def entry(
    seq: int,
    text: str = "",
    kind: int = m.MESSAGE,
    mark: bytes = b"",
    shown_to: Audience = EVERYBODY,
    *,
    to: str = "",
) -> Logged:
    """Return an encoded entry as the room server passes it to the endpoint."""
    encoding = m.encode(m.Entry(seq, 1_700_000_000_000 + seq, kind, "ana", text or f"line {seq}", mark, to=to))
    return Logged(seq, encoding, shown_to)


class BareRoom(PartyState):
    """A server: the real Endpoint, and a bridge that stores lines at once, in memory. It can be a party of a world."""

    def __init__(self, limits: Limits | None = None, *, head: int = 0, seed: int | str = "house") -> None:
        super().__init__(SERVER)
        self.identity, self.limits = IDENTITY, limits or Limits()
        self.dice = Dice(seed)
        self.tickets = Tickets([TICKET_KEY], b"password")
        self.log: dict[int, Logged] = {}
        self.head = head
        self.events: list[ev.ServerEvent] = []
        self.said: list[ev.LineReceived] = []
        self.storing = True
        """Whether lines are stored; if not, they wait in `said` for `store`."""
        self.answering = True
        """Whether calls are answered; if not, they wait in `events`."""
        self.floor = 0
        self.refusal: m.Refused | None = None
        """What every JOIN is answered with, if anything."""
        self._seq_of: dict[bytes, int] = {}
        self.endpoint: Endpoint
        self.restart()

    def restart(self) -> None:
        """Forget every session, as a crash does; keys and log stay."""
        self.endpoint = Endpoint(
            self.identity,
            self.tickets,
            HASH,
            log_id=LOG_ID,
            head=self.head,
            limits=self.limits,
            random=self.dice,
            pack_address=pack_address,
        )
        self.drawn_at_start = Counter(self.dice.drawn)

    def receive(self, data: bytes, address: Address, now: float) -> list[tuple[bytes, Address]]:
        """Give the endpoint one datagram, do what it asks for, and return what it sends."""
        self.endpoint.receive_datagram(data, address, now)
        return self.settle(now)

    def timer(self, now: float) -> list[tuple[bytes, Address]]:
        """Fire every timer that is due, each at its own time, and return what is sent."""
        sent: list[tuple[bytes, Address]] = []
        while (at := self.endpoint.get_timer()) is not None and at <= now:
            self.endpoint.handle_timer(at)
            sent += self.settle(at)
        return sent

    def settle(self, now: float) -> list[tuple[bytes, Address]]:
        """Answer the events and return what is to be sent."""
        self.process(now)
        sent: list[tuple[bytes, Address]] = []
        while datagrams := self.endpoint.datagrams_to_send():
            sent += datagrams
        return sent

    # As a party of the world.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        self.endpoint.receive_datagram(data, address, now)

    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]:
        return self.endpoint.datagrams_to_send()

    def get_timer(self) -> float | None:
        return self.endpoint.get_timer()

    def handle_timer(self, now: float) -> None:
        self.endpoint.handle_timer(now)

    def process(self, now: float) -> None:
        """Answer the events."""
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
            self._answer(event, now)

    # The log.

    def publish(self, *entries: Logged, head: int, now: float) -> list[tuple[bytes, Address]]:
        """Commit entries, and unshown ones up to `head`; return what is sent."""
        rest = [unshown(seq) for seq in range(entries[-1].seq + 1, head + 1)]
        self.log |= {each.seq: each for each in (*entries, *rest)}
        self.head = head
        self.endpoint.publish([*entries, *rest], now)
        return self.settle(now)

    def store(self, now: float) -> list[tuple[bytes, Address]]:
        """Store the lines that wait, and return what is sent."""
        waiting, self.said = self.said, []
        for line in waiting:
            self._store(line, now)
        return self.settle(now)

    def of(self, kind: type[ev.ServerEvent]) -> list[ev.ServerEvent]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def texts(self) -> list[str]:
        """Return the lines in the log, in order."""
        return [m.decode_entry_untrusted(each.encoding).text for _, each in sorted(self.log.items()) if each.is_shown]

    def _answer(self, event: ev.ServerEvent, now: float) -> None:
        match event:
            case ev.JoinAsked() if self.answering:
                self._join(event, now)
            case ev.WhoAsked(cid, number, after) if self.answering:
                names = [name for name in ("ana", "budi", "cem") if name > after]
                info = tuple(m.MemberInfo(name, "", "secure", True, 1) for name in names[:2])
                self.endpoint.answer(cid, number, m.Members(info, len(names) > 2))
            case ev.RenameAsked(cid, number, name) if self.answering:
                self.endpoint.rename(cid, name)
                self.endpoint.answer_rename(cid, number, name, None)
            case ev.AwayAsked(cid, number) if self.answering:
                self.endpoint.answer(cid, number, m.Noted())
            case ev.LineReceived() if self.storing:
                self._store(event, now)
            case ev.LineReceived():
                self.said.append(event)
            case ev.EntriesWanted(cid, after, through):
                kept = [self.log[seq] for seq in range(after + 1, through + 1) if seq in self.log]
                self.endpoint.supply(cid, after, through, kept)
            case _:
                pass

    def _join(self, event: ev.JoinAsked, now: float) -> None:
        if self.refusal is not None:
            self.endpoint.answer(event.cid, event.number, self.refusal)
        elif event.name == "taken":
            self.endpoint.answer(event.cid, event.number, m.Refused("name_taken", 0, "taken"))
        elif event.by_ticket or (event.has_proof and self._is_right(event)):
            start = max(self.endpoint.resume_point_of(event.cid).cursor, self.floor)
            self.endpoint.admit(event.cid, event.number, event.name, start, self.floor, now)
        elif not event.has_proof:
            self.endpoint.accept_name(event.cid, event.number, event.name)
        else:
            self.endpoint.answer(event.cid, event.number, m.Refused("password_wrong", 5_000))

    def _is_right(self, event: ev.JoinAsked) -> bool:
        opened = self.endpoint.open_proof(event.cid, event.name)
        return opened is not None and opened.password == PASSWORD

    def _store(self, line: ev.LineReceived, now: float) -> None:
        seq = self._seq_of.get(line.id)
        if seq is None:
            seq = self._seq_of[line.id] = self.head = self.head + 1
            kind = m.PRIVATE if line.to else m.ACTION if line.action else m.MESSAGE
            self.log[seq] = entry(seq, line.text, kind, line.id[:6], to=line.to)
            self.endpoint.publish([self.log[seq]], now)
        self.endpoint.answer_lines([(line.cid, line.number, seq)], now)
