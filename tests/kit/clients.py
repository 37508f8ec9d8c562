"""Clients in the world: one for each dialect, and one that keeps to no rule."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeVar

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.dialer import Dialer
from sockatuh.protocol.client.handshakes import Established
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.client.secure_link import Link
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import COOKIE, RESP
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.password_proof import Binding
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .overheard import Overheard
from .password_hash import answer, quick_hash
from .proofs import forge_proof, pad
from .world import PASSWORD, PartyState, World

STORIES = {m.JOINED: "joined", m.LEFT: "left", m.CLAIMED: "claimed"}

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Client(PartyState):
    """A client of the secure dialect, and everything it received.

    Its methods act at once and let the world settle.
    """

    _: KW_ONLY
    world: World
    peer: Peer
    key: bytes = b""
    name: str = ""
    is_script: bool = False
    has_left: bool = False
    events: list[e.PeerEvent] = field(default_factory=list)
    said: dict[int, str] = field(default_factory=dict)
    """The lines it has said, by number."""
    said_as: dict[int, str] = field(default_factory=dict)
    """What the room called it when it said them, as far as it knew."""
    said_to: dict[int, str] = field(default_factory=dict)
    """To whom: "" to everybody."""
    refused: dict[int, str] = field(default_factory=dict)
    """The codes with which lines were refused, by number."""
    stored: dict[int, int] = field(default_factory=dict)
    """The seqs of acknowledged lines, by number."""
    seen: list[int] = field(default_factory=list)
    """The seqs of all entries that arrived, in order."""
    gone: list[tuple[int, int]] = field(default_factory=list)
    """(after, through) of each range reported as no longer kept."""
    starts: list[int] = field(default_factory=list)
    """The seq after which it was admitted, each time."""
    asked_for: str = ""
    """The name it asked for last."""
    overheard: Overheard = field(init=False)
    _known_as: str = ""

    def __post_init__(self) -> None:
        self.overheard = Overheard(self.peer)

    @property
    def now(self) -> float:
        """Its machine's monotonic clock."""
        return self.clock.read(self.world.now)

    # What it received.

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[T]) -> T:
        return self.all(kind)[-1]

    @property
    def is_in(self) -> bool:
        return bool(self.all(e.Admitted))

    @property
    def is_asking(self) -> bool:
        """Tell whether a request of its has no answer."""
        return len(self.peer._requests) > 0

    @property
    def fingerprint(self) -> str:
        """Whose the lines are that it says."""
        return fingerprint(public_key(self.key))

    @property
    def known_as(self) -> str:
        """What the room calls it, as far as it knows."""
        return self._known_as or self.name

    @property
    def refusals(self) -> list[str]:
        return [event.code for event in self.all(e.JoinRefused)]

    @property
    def entries(self) -> list[m.Entry]:
        return [event.entry for event in self.all(e.EntryArrived)]

    @property
    def story(self) -> list[str]:
        """What the screen would show: lines as `name: text`, or `name → to: text`, the rest as `name joined`."""
        return [_told(entry) for entry in self.entries]

    @property
    def texts(self) -> list[str]:
        """The texts that arrived, in order."""
        return [entry.text for entry in self.entries]

    @property
    def lines(self) -> list[tuple[int, str, str]]:
        """(seq, name, text) of each line that arrived."""
        said = (entry for entry in self.entries if entry.kind in (m.MESSAGE, m.ACTION))
        return [(entry.seq, entry.name, entry.text) for entry in said]

    @property
    def whispers(self) -> list[tuple[str, str, str]]:
        """(name, to, text) of each private line that arrived."""
        return [(entry.name, entry.to, entry.text) for entry in self.entries if entry.kind == m.PRIVATE]

    # What it does.

    def connect(self) -> None:
        self.peer.connect([self.world.server.address], self.now)

    def ask(self, name: str) -> None:
        """Ask to join, without a password."""
        self._note_name(name)
        self.peer.join(name, None, self.now)
        self.world.settle()

    def join(self, name: str, password: str = PASSWORD) -> None:
        self._note_name(name)
        self.peer.join(name, password.encode(), self.now)
        self.world.settle()

    def say(self, text: str, *, action: bool = False, to: str = "") -> int:
        """Say a line; `to` is the addressee of a private one."""
        number = self.peer.say(text, self.now, action=action, to=to)
        self.said[number], self.said_as[number], self.said_to[number] = text, self.known_as, to
        self.world.settle()
        return number

    def whisper(self, to: str, text: str) -> int:
        return self.say(text, to=to)

    def rename(self, name: str) -> int:
        self._note_name(name)
        number = self.peer.rename(name, self.now)
        self.world.settle()
        return number

    def set_away(self, text: str | None) -> int:
        number = self.peer.set_away(text, self.now)
        self.world.settle()
        return number

    def strike(self, seq: int) -> int:
        number = self.peer.strike(seq, self.now)
        self.world.settle()
        return number

    def leave(self) -> None:
        self.peer.leave(self.now)
        self.has_left = True
        self.world.settle()

    def who(self) -> list[str]:
        self.peer.ask_who("", self.now)
        self.world.settle()
        return [member.name for member in self.last(e.MembersListed).members]

    def _note_name(self, name: str) -> None:
        self.asked_for = name
        self.overheard.note_name(name)

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        self.peer.receive_datagram(data, address, now)

    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]:
        datagrams = self.peer.datagrams_to_send()
        identity = getattr(self.world.server, "identity", None)
        for data, _ in datagrams:
            self.overheard.look(data, identity and identity.private_key)
        return datagrams

    def get_timer(self) -> float | None:
        return self.peer.get_timer()

    def handle_timer(self, now: float) -> None:
        self.peer.handle_timer(now)

    def process(self, now: float) -> None:
        while (event := self.peer.next_event()) is not None:
            if isinstance(event, e.HashWanted):
                self.peer.supply_hash(event, answer(event), now)
                continue
            self.events.append(event)
            self._note(event)
            self.world.note(self, event)

    def _note(self, event: e.PeerEvent) -> None:
        match event:
            case e.Admitted(name, start=start):
                self._known_as = name
                self.starts.append(start)
            case e.NameChanged(name):
                self._known_as = name
            case e.LineRefused(number, code):
                assert number not in self.refused, "a line was refused twice"
                self.refused[number] = code
            case e.EntryArrived(entry):
                self.seen.append(entry.seq)
            case e.EntriesGone(stretch):
                self.gone.append((stretch.after, stretch.through))
            case e.LineStored(number, seq):
                assert number not in self.stored, "a line was acknowledged twice"
                self.stored[number] = seq
            case _:
                pass


def _told(entry: m.Entry) -> str:
    match entry.kind:
        case m.MESSAGE:
            return f"{entry.name}: {entry.text}"
        case m.ACTION:
            return f"* {entry.name} {entry.text}"
        case m.PRIVATE:
            return f"{entry.name} → {entry.to}: {entry.text}"
        case m.RENAMED:
            return f"{entry.name} is now {entry.text}"
        case m.STRUCK:
            return f"{entry.name}'s line {entry.line} was struck"
        case kind:
            return f"{entry.name} {STORIES[kind]}"


@dataclass(slots=True, eq=False)
class ClassicClient(PartyState):
    """A client of the classic dialect: bytes out, bytes in."""

    _: KW_ONLY
    world: World
    password: str = PASSWORD
    received: list[bytes] = field(default_factory=list)
    outbox: list[bytes] = field(default_factory=list)

    @property
    def may_have_changed(self) -> bool:
        return bool(self.outbox)

    def send(self, data: bytes) -> list[bytes]:
        """Send a datagram and return what came in answer."""
        before = len(self.received)
        self.outbox.append(data)
        self.world.settle()
        return self.received[before:]

    def join(self, name: str) -> None:
        assert self.send(b"Username:" + name.encode()) == [b"Username valid!"]
        assert self.send(b"Password:" + self.password.encode()) == [b"Berhasil bergabung!"]

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        del address, now
        self.received.append(data)

    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]:
        datagrams, self.outbox = self.outbox, []
        return [(data, self.world.server.address) for data in datagrams]

    def get_timer(self) -> float | None:
        return None

    def handle_timer(self, now: float) -> None:
        """Do nothing: nothing is ever due."""

    def process(self, now: float) -> None:
        """Do nothing: it reports nothing."""


class LawlessClient(PartyState):
    """A client that keeps to no rule: it claims anything in the handshake, and sends any message."""

    def __init__(self, world: World, address: Address, key: bytes, payload: m.InitPayload) -> None:
        super().__init__(address)
        self.received: list[m.ServerMessage] = []
        self._world, self._key = world, key
        self._out: list[tuple[bytes, Address]] = []
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(key, None, world.dice.randbytes, self._timers, self._out)
        self._dialer.start([world.server.address], payload, world.now)
        self._link: Link | None = None
        self._established: Established | None = None

    def send(self, message: m.ClientMessage) -> None:
        assert self._link is not None
        self._link.send(message, self._world.now)
        self._world.settle()

    def join(
        self,
        name: str,
        password: str = PASSWORD,
        *,
        number: int = 1,
        history: int | None = None,
        shown: str | None = None,
        padded: bytes | None = None,
    ) -> None:
        """Ask for an offer and send a proof for it, as the calls `number` and the next."""
        self.send(m.Call(number, m.Join(name, b"", history)))
        self.send(m.Call(number + 1, self.prove(name, password, history=history, shown=shown, padded=padded)))

    def prove(
        self,
        name: str,
        password: str = PASSWORD,
        *,
        history: int | None = None,
        shown: str | None = None,
        padded: bytes | None = None,
    ) -> m.Join:
        """Return the JOIN with a proof for the last offer.

        `shown` is the password whose hash it shows, if another; `padded` is sealed in place of the padded password.
        """
        offer = [answer for answer in self.answers() if isinstance(answer, m.NameValid)][-1]
        met = self._established
        assert met is not None
        binding = Binding(met.handshake_hash, met.server_key, public_key(self._key))
        secret = quick_hash(shown or password, offer.salt, offer.cost).encode()
        sealed = pad(password.encode()) if padded is None else padded
        proof = forge_proof(offer.share, secret, sealed, name, binding, self._world.dice.randbytes)
        return m.Join(name, proof.encoded, history)

    def read(self, after: int, through: int) -> list[m.Entry]:
        """Read a range of the log, with as many requests as it takes."""
        found: list[m.Entry] = []
        while after < through:
            before = len(self.received)
            self.send(m.Get(after, through))
            answers = [each for each in self.received[before:] if isinstance(each, m.Entries)]
            assert answers, "it was not answered"
            found += [m.decode_entry_untrusted(item) for each in answers for item in each.items]
            after = max(each.through for each in answers)
        return found

    def answers(self) -> list[m.AnswerBody]:
        return [each.body for each in self.received if isinstance(each, m.Answer)]

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        del address
        if data[0] == COOKIE:
            self._dialer.receive_cookie(data, now)
        elif data[0] == RESP:
            established = self._established = self._dialer.receive_resp(data, now)
            assert established is not None
            self._link = Link(
                established, self._key, self._world.dice.randbytes, TimerTable(ClientTimer), self._out, now
            )
        elif self._link is not None:
            with contextlib.suppress(ProtocolError):  # for one who was at this address before
                self.received.append(m.decode_server_message_untrusted(self._link.open_untrusted(data)))

    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]:
        datagrams, self._out[:] = [*self._out], []
        return datagrams

    def get_timer(self) -> float | None:
        return self._timers.next_at()

    def handle_timer(self, now: float) -> None:
        for _ in self._timers.take_due(now):
            self._dialer.handle_timer(now)

    def process(self, now: float) -> None:
        """Do nothing: what came was received already."""
