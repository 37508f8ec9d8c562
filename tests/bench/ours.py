"""Members of a SockAtuh room, as cheap as honest ones can be written.

They do what docs/PROTOCOL.md asks of a client: shake hands, ask for a name, prove the password, acknowledge, ask for
holes, repeat what has no answer. All have one password, which is hashed once: in real life each has a machine for that.
A datagram's plaintext is the same for all members of a turn, so each is decoded once.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import random
import socket
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bcrypt
from bench.crowd import PATIENCE, QUIET, Spoilt, Tally, check_order, text_of
from bench.process import Server, own_address, served
from cryptography.exceptions import InvalidTag
from machine import free_port

from sockatuh.client.password_hash import hash_password
from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.client.dialer import Dialer
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import ACK_ENTRIES, ACK_PATIENCE, COOKIE, DATA, RESP
from sockatuh.protocol.identity import Invite
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.password_proof import Binding, PasswordHash, prove_untrusted
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

PASSWORD: Final = "tulip-harbor-sixteen"
RECEIVE_BUFFER: Final = 1 << 20
REPEAT_AFTER: Final = 1.0
"""Seconds until what has no answer is sent again: on loopback nothing is late, only lost."""
ASK_AGAIN_AFTER: Final = 0.25
READ_AT_ONCE: Final = 16
REMEMBERED: Final = 256
NONCE_PREFIX: Final = bytes(4)


@dataclass(frozen=True, slots=True)
class DecodedEntries:
    """What a datagram tells: (after, through], and the numbers of the messages in it by seq."""

    after: int
    through: int
    numbers: tuple[tuple[int, int], ...]


class Decoder:
    """Decodes each plaintext once."""

    def __init__(self) -> None:
        self._known: dict[bytes, DecodedEntries | m.ServerMessage] = {}

    def decode(self, plaintext: bytes) -> DecodedEntries | m.ServerMessage:
        """Return what it tells, or another message as it is."""
        known = self._known.get(plaintext)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[plaintext] = _read(m.decode_server_message_untrusted(plaintext))
        return known


def _read(message: m.ServerMessage) -> DecodedEntries | m.ServerMessage:
    if not isinstance(message, m.Entries):
        return message
    items = [m.decode_item_untrusted(item) for item in message.items]
    said = ((item.seq, int(item.text[1:9])) for item in items if isinstance(item, m.Entry) and item.kind == m.MESSAGE)
    return DecodedEntries(message.after, message.through, tuple(said))


class Member:
    """One member; `ticket` lets it join without the password."""

    receives_own_messages = True

    def __init__(self, room: OurRoom, index: int, source: str) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((source, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.sock.setblocking(False)
        self.cursor, self.acked, self.got = 0, 0, 0
        self.holes = 0
        self.channel: Channel | None = None
        self.ticket: bytes | None = None
        self.is_in = False
        self.received: list[tuple[int, int]] | None = None
        self._room, self._index = room, index
        self._out: list[tuple[bytes, Address]] = []
        dice = random.Random(index)
        self._key, self._share = dice.randbytes(32), 0.75 + 0.5 * dice.random()
        self._public_key = public_key(self._key)
        self._binding: Binding | None = None
        """What this session's proof is bound to."""
        self._calls, self._join = 0, m.Join(None, None, 0)
        self._join_at = math.inf
        """When to send it, for the first time or again."""
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(self._key, None, os.urandom, self._timers, self._out)
        self._server = ("127.0.0.1", room.port)
        self._ack_waits = False
        self._ack_by, self._heard_at = 0.0, 0.0
        self._early: dict[int, DecodedEntries] = {}
        self._ask_at, self._head = 0.0, 0
        self._unanswered: dict[int, tuple[bytes, float]] = {}
        self._number = 0
        self._collected: list[tuple[bytes, float]] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    # Coming in.

    def dial(self, now: float) -> None:
        """Begin to shake hands."""
        self.channel, self.is_in, self._join_at = None, False, math.inf
        self._early, self._head, self._unanswered, self._number, self._collected = {}, 0, {}, 0, []
        payload = m.InitPayload("bench", os.urandom(8), 0, None, 0, self.ticket)
        self._dialer.start([self._server], payload, now)
        self.hurry(now)

    def hurry(self, now: float) -> None:
        """Send what is due before one is in."""
        for _ in self._timers.take_due(now):
            self._dialer.handle_timer(now)
        if self._join_at <= now:
            self._join_at = now + REPEAT_AFTER
            self._tell(m.Call(self._calls, self._join))
        self._flush()

    def greet(self) -> None:
        """Take what comes before one is in, and answer it."""
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.sock.recv(2048)
                if data[0] == COOKIE:
                    self._dialer.receive_cookie(data, now)
                elif data[0] == RESP and (made := self._dialer.receive_resp(data, now)) is not None:
                    self.channel, self._calls = made.channel, 0
                    self._binding = Binding(made.handshake_hash, made.server_key, self._public_key)
                    self._room.ack_seconds = made.payload.ack_ms / 1000
                    name = None if made.payload.resumed else f"member {self._index}"
                    self._ask(m.Join(name, None, 0), now)
                elif data[0] == DATA and self.channel is not None:
                    self._hear(m.decode_server_message_untrusted(self.channel.open_untrusted(data)), now)
        self.hurry(now)

    def _hear(self, message: m.ServerMessage, now: float) -> None:
        if isinstance(message, m.Answer) and message.number == self._calls:
            self._take_answer(message.body, now)
        elif isinstance(message, m.Entries):
            self.cursor = max(self.cursor, message.through)

    def _take_answer(self, body: m.AnswerBody, now: float) -> None:
        if isinstance(body, m.Welcome):
            self._enter(body)
        elif isinstance(body, m.NameValid):
            self._ask(self._prove(body), now)
        elif isinstance(body, m.Refused) and body.code == "busy":
            self._ask(self._join, now + body.wait_ms / 1000 * (0.8 + 0.4 * random.random()))
        else:
            raise Spoilt(f"not let in: {body}")

    def _enter(self, welcome: m.Welcome) -> None:
        assert self.channel is not None
        self._decrypt = self.channel._decrypt
        self.cursor = self.acked = welcome.start
        self.ticket, self.is_in, self._join_at = welcome.ticket, True, math.inf

    def _prove(self, offer: m.NameValid) -> m.Join:
        assert self._binding is not None
        secret = hash_password(PASSWORD.encode(), offer.salt, offer.cost)
        proof = prove_untrusted(offer.share, secret, PASSWORD.encode(), offer.name, self._binding, os.urandom)
        return m.Join(offer.name, proof.encoded, 0)

    def _ask(self, join: m.Join, at: float) -> None:
        self._calls += 1
        self._join, self._join_at = join, at

    # Being in.

    def send(self, number: int) -> None:
        """Say a message."""
        self._number += 1
        oldest = next(iter(self._unanswered), self._number)
        say = m.encode(m.Say(self._number, oldest, False, 0, 1, text_of(number)))
        self._unanswered[self._number] = say, time.monotonic() + REPEAT_AFTER
        self._seal(say)

    def collect(self, now: float) -> None:
        """Take what has come as it is."""
        recv, collected = self.sock.recv, self._collected
        with contextlib.suppress(BlockingIOError):
            for _ in range(READ_AT_ONCE):
                collected.append((recv(2048), now))

    def receive(self, tally: Tally) -> None:
        """Decrypt, decode and place it."""
        decrypt, decode = self._decrypt, self._room.decoder.decode
        for data, now in self._collected:
            self._heard_at = now
            try:
                decoded = decode(decrypt(NONCE_PREFIX + data[8:16], data[16:], data[:16]))
            except InvalidTag:
                continue
            if isinstance(decoded, DecodedEntries):
                self._take(decoded, tally)
            elif isinstance(decoded, m.Stored):
                for number, _ in decoded.pairs:
                    self._unanswered.pop(number, None)
            elif isinstance(decoded, m.Head):
                self._learn_head(decoded.seq)
            elif isinstance(decoded, m.Closed):
                raise Spoilt(f"member {self._index} was put out: {decoded.code}")
        self._collected.clear()
        if self.cursor - self.acked >= ACK_ENTRIES:
            self.acknowledge()
        elif not self._ack_waits and self.cursor > self.acked:
            self._ack_waits = True
            self._ack_by = self._heard_at + ACK_PATIENCE * self._share
            self._room.ack_later(self, self._heard_at + self.ack_delay)

    def acknowledge(self) -> None:
        """Acknowledge the cursor if it has moved."""
        if self.cursor > self.acked:
            self.acked = self.cursor
            self._tell(m.Ack(self.cursor))

    @property
    def ack_delay(self) -> float:
        """Seconds of silence after which it acknowledges: what the server named, ± 25 %."""
        return self._room.ack_seconds * self._share

    def ack_due(self, now: float) -> None:
        """Acknowledge, unless more came a moment ago and it has not waited for long."""
        at = min(self._heard_at + self.ack_delay, self._ack_by)
        if at > now and self.cursor > self.acked:
            self._room.ack_later(self, at)
        else:
            self._ack_waits = False
            self.acknowledge()

    def repeat(self, now: float) -> None:
        """Retransmit what has no answer."""
        for number, (say, due_at) in self._unanswered.items():
            if due_at <= now:
                self._unanswered[number] = say, now + REPEAT_AFTER
                self._seal(say)

    def ask(self, now: float) -> bool:
        """Ask for what is missing, unless that was done just now; False if nothing is."""
        through = min(self._early, default=self._head)
        if self.cursor < through and now >= self._ask_at:
            self._ask_at = now + ASK_AGAIN_AFTER
            self._tell(m.Get(self.cursor, through))
        return self.cursor < through

    def _take(self, decoded: DecodedEntries, tally: Tally) -> None:
        if decoded.after > self.cursor:
            if not self._early:
                self.holes += 1
                self._room.lacking.add(self)
            self._early[decoded.after] = decoded
            self.ask(self._heard_at)
            return
        self._place(decoded, tally)
        while self._early and (after := min(self._early)) <= self.cursor:
            self._place(self._early.pop(after), tally)

    def _learn_head(self, seq: int) -> None:
        """Ask for what is missing; if nothing is, the server has missed an acknowledgement."""
        if seq > self.cursor:
            self._head = seq
            self._room.lacking.add(self)
        else:
            self.acked = min(self.acked, seq - 1)

    def _place(self, decoded: DecodedEntries, tally: Tally) -> None:
        if decoded.through <= self.cursor:
            self._learn_head(decoded.through)
            return
        new = (
            decoded.numbers
            if decoded.after == self.cursor
            else [each for each in decoded.numbers if each[0] > self.cursor]
        )
        self.cursor = decoded.through
        self.got += len(new)
        if self.received is not None:
            self.received += new
        if tally.timed:
            tally.note((number for _, number in new), self._heard_at)
        else:
            tally.delivered += len(new)

    def _tell(self, message: m.ClientMessage) -> None:
        self._seal(m.encode(message))

    def _seal(self, plaintext: bytes) -> None:
        assert self.channel is not None
        with contextlib.suppress(BlockingIOError):
            self.sock.sendto(self.channel.seal(plaintext), self._server)

    def _flush(self) -> None:
        for data, _ in self._out:
            self.sock.sendto(data, self._server)
        self._out.clear()


class OurRoom:
    """A crowd in a SockAtuh room. Each member has an address of its own: the server counts by address.

    `first` is the index of the first: another index is another key, name and address.
    """

    def __init__(self, port: int, members: int, *, first: int = 0, kind: type[Member] = Member) -> None:
        self.port = port
        self.decoder = Decoder()
        self.ack_seconds = 0.1
        self.links = [kind(self, index, own_address(index)) for index in range(first, first + members)]
        self._acks: list[tuple[float, int, Member]] = []
        self.lacking: set[Member] = set()
        self._next_repeat = 0.0

    @property
    def quiet(self) -> float:
        """Return the seconds of silence after which all is acknowledged."""
        return QUIET

    def join(self, at_once: int) -> float:
        """Have everybody join, so many at a time; return the seconds it took. TimeoutError if somebody is not in."""
        began, waiting = time.monotonic(), list(self.links)
        coming: list[Member] = []
        while waiting or coming:
            at_most = at_once if self.links[0].is_in else 1  # bcrypt looks at the first password only
            now = time.monotonic()
            if now - began > PATIENCE + len(self.links) / 50:
                raise TimeoutError(f"{len(waiting) + len(coming)} members were not let in")
            while waiting and len(coming) < at_most:
                coming.append(waiting.pop(0))
                coming[-1].dial(now)
            for member in coming:
                member.greet()
            coming = [member for member in coming if not member.is_in]
        return time.monotonic() - began

    def ack_later(self, member: Member, at: float) -> None:
        """Have a member see at some time whether to acknowledge."""
        heapq.heappush(self._acks, (at, id(member), member))

    def tend(self, now: float) -> None:
        """Acknowledge and repeat what is due."""
        while self._acks and self._acks[0][0] <= now:
            heapq.heappop(self._acks)[2].ack_due(now)
        self.lacking -= {member for member in self.lacking if not member.ask(now)}
        if now >= self._next_repeat:
            self._next_repeat = now + REPEAT_AFTER / 4
            for member in self.links[:64]:  # whoever speaks is among the first
                member.repeat(now)

    def begin(self) -> None:
        """Forget what came until now."""
        for member in self.links:
            member.got, member.holes, member.received = 0, 0, None
        self.links[-1].received = []

    def check(self, sent: Sequence[int]) -> str:
        """Raise Spoilt unless everybody got every message once; by seq, so in one order."""
        received = self.links[-1].received or []
        numbers = [number for _, number in received]
        check_order(numbers, sent)
        for index, member in enumerate(self.links):
            if member.got != len(sent):
                raise Spoilt(f"member {index} got {member.got} of {len(sent)} messages")
        holes = sum(member.holes for member in self.links)
        return f"{holes} holes repaired" if holes else ""


CONFIG_NAME: Final = "sockatuh.toml"
CONFIG: Final = """
host = "0.0.0.0"
port = {port}
room = "bench"
password_hash = "{hash}"
state_dir = "{state}"
log_format = "json"
log_level = "warning"
max_members = 10000
[limits]
lines_per_second = 1e6
lines_burst = 1000000
ping_seconds = 3600
idle_seconds = 7200
handshakes_per_second = 1e6
cookies_per_second = 1e6
pending = 10000
sessions = 12000
"""


@contextlib.contextmanager
def sockatuh(
    directory: Path, python: str, *, port: int = 0, cost: int = 10, tree: Path | None = None
) -> Iterator[tuple[Server, int]]:
    """Run our server with its limits lifted, and bcrypt at some cost; yields it and its port.

    `tree` is another checkout whose server to run instead.
    """
    port = port or free_port()
    config = directory / CONFIG_NAME
    if not config.exists():  # another hash would end the tickets
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode()
        config.write_text(CONFIG.format(port=port, hash=hashed, state=directory / "state"), "utf-8")
    command = [python, "-m", "sockatuh", "serve", "--config", str(config)]
    with served(command, directory, environ_of(tree)) as server:
        invited(directory / "said")
        yield server, port


def environ_of(tree: Path | None) -> dict[str, str]:
    """Return an environment in which `python -m sockatuh` is this checkout's program, or another's.

    Its modules are compiled once, as an installed program's are, whatever PYTHONDONTWRITEBYTECODE says here.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environ | ({"PYTHONPATH": str(tree)} if tree is not None else {})


def prepare(directory: Path) -> None:
    """Hash the password as the server in `directory` has it, once for all members of this process."""
    config = tomllib.loads((directory / CONFIG_NAME).read_text("utf-8"))
    known = PasswordHash.parse(config["password_hash"])
    hash_password(PASSWORD.encode(), known.salt, known.cost)


def invited(said: Path) -> Invite:
    """Wait for the invite a server prints when it is ready, and return it; TimeoutError."""
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        words = said.read_text("utf-8").split()
        for word in words:
            if word.startswith("sockatuh://"):
                return Invite.parse_untrusted(word)
        time.sleep(0.002)
    raise TimeoutError(f"the server did not start; it said: {said.read_text('utf-8')[-300:]}")
