"""A client without manners: the real handshake and the real channel, and no rule about what is sent when."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
from e2e.running import PASSWORD

from sockatuh.client.password_hash import hash_password
from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.dialer import Dialer
from sockatuh.protocol.client.handshakes import Established
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import COOKIE, DATA, INIT, PROLOGUE, RESP
from sockatuh.protocol.noise import Initiator, public_key
from sockatuh.protocol.password_proof import Binding, prove_untrusted
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

DIALS_FOR: Final = 15.0
"""Seconds after which the server does not want this client."""
ANSWERS_WITHIN: Final = 5.0
GRAIN: Final = 0.001
"""Seconds between two looks at the clock of one who keeps a rate."""


class NotAnswered(Exception):
    """The server said nothing to something that has an answer."""


class Rogue:
    """One client at `host`; `told` counts what the server said, refusals by their code."""

    def __init__(
        self,
        port: int,
        key: bytes | None = None,
        *,
        host: str = "127.0.0.1",
        flags: int = 0,
        stream: bytes | None = None,
        version: str = "rogue",
    ) -> None:
        self.key = key or os.urandom(32)
        self.owner = public_key(self.key)
        self.told: Counter[str] = Counter()
        self.longest_wait = 0.0
        """Seconds: the longest the server has asked it to wait."""
        self.socket = open_socket(host)
        self._init = b""
        self._server: Address = ("127.0.0.1", port)
        self._payload = m.InitPayload(version, stream or os.urandom(8), flags, None, 0, None)
        self._out: list[tuple[bytes, Address]] = []
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(self.key, None, os.urandom, self._timers, self._out)
        self._established: Established | None = None
        self._calls = 0

    def close(self) -> None:
        self.socket.close()

    # Manners.

    def shake(self, seconds: float = DIALS_FOR) -> Rogue:
        """Go through the handshake; the server keeps it as pending until something is said."""
        self._established = None
        ends_at = time.monotonic() + seconds
        self._dialer.pin = None  # whoever has the port now
        self._dialer.start([self._server], self._payload, time.monotonic())
        while self._established is None:
            now = time.monotonic()
            if now > ends_at:
                raise NotAnswered("handshake")
            for _ in self._timers.take_due(now):
                self._dialer.handle_timer(now)
            self._flush()
            wait = min(ends_at, self._timers.next_at() or ends_at) - now
            for data in self.receive(max(0.0, wait)):
                self._take(data, time.monotonic())
        return self

    def join(self, name: str, password: str = PASSWORD, *, history: int = 0) -> m.AnswerBody:
        """Ask for an offer and prove the password; return the last answer."""
        offer = self.ask(m.Join(name, b"", history))
        if not isinstance(offer, m.NameValid):
            return offer
        secret = hash_password(password.encode(), offer.salt, offer.cost)
        return self.ask(msgspec.structs.replace(self.prove(offer, name, password, secret), history=history))

    def prove(self, offer: m.NameValid, name: str, password: str, secret: bytes) -> m.Join:
        """Return the JOIN with a proof of a password for an offer; `secret` is the hash that it shows."""
        assert self._established is not None
        binding = Binding(self._established.handshake_hash, self._established.server_key, self.owner)
        proof = prove_untrusted(offer.share, secret, password.encode(), name, binding, os.urandom)
        return m.Join(name, proof.encoded, 0)

    def ask(self, body: m.CallBody, seconds: float = ANSWERS_WITHIN) -> m.AnswerBody:
        """Make a call until it is answered."""
        self._calls += 1
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            self.send(m.Call(self._calls, body))
            for message in self.hear(0.5):
                if isinstance(message, m.Answer) and message.number == self._calls:
                    return message.body
        raise NotAnswered(type(body).__name__)

    # No manners.

    def send(self, message: m.ClientMessage, via: socket.socket | None = None) -> None:
        """Seal a message and send it at once, from another socket if one is given."""
        assert self._established is not None
        self._out.append((self._established.channel.seal(m.encode(message)), self._server))
        self._flush(via)

    def throw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._out.append((data, self._server))
        self._flush()

    def begin_rekey(self) -> bytes:
        """Return the Noise message that asks for a new channel."""
        assert self._established is not None
        prologue = PROLOGUE + self._established.handshake_hash
        return Initiator(self.key, self._established.server_key, prologue, os.urandom(32)).write_message(b"")

    def receive(self, seconds: float = 0.0, via: socket.socket | None = None) -> list[bytes]:
        """Return the datagrams that are there; wait for the first of them at most so long."""
        found: list[bytes] = []
        sock = via or self.socket
        if seconds:
            watch = select.poll()  # select() knows no descriptor over 1,023
            watch.register(sock, select.POLLIN)
            watch.poll(seconds * 1000)
        try:
            while True:
                found.append(sock.recv(2048))
        except BlockingIOError:
            return found

    def receive_one(self) -> None:
        """Take one datagram, if one is there."""
        with contextlib.suppress(BlockingIOError):
            self.socket.recv(2048)

    def hear(self, seconds: float = 0.0, via: socket.socket | None = None) -> list[m.ServerMessage]:
        """Return the messages that are there; wait for the first of them at most so long."""
        messages = []
        for data in self.receive(seconds, via):
            if data[:1] == bytes([DATA]) and self._established is not None:
                try:
                    plaintext = self._established.channel.open_untrusted(data)
                    self.note_opened(plaintext)
                    messages.append(m.decode_server_message_untrusted(plaintext))
                except ProtocolError:  # for one who was at this address before
                    continue
                self._note(messages[-1])
        return messages

    def note_opened(self, plaintext: bytes) -> None:
        """Look at what was sealed for this client; a hook for those who keep it."""

    def _take(self, data: bytes, now: float) -> None:
        if data[0] == COOKIE:
            self._dialer.receive_cookie(data, now)
        elif data[0] == RESP and (established := self._dialer.receive_resp(data, now)):
            self._established = established
            self._calls = 0

    def _note(self, message: m.ServerMessage) -> None:
        wait_ms = 0
        match message:
            case m.Answer(_, m.Refused(code, wait_ms)):
                self.told[code] += 1
            case m.Closed(code, wait_ms):
                self.told[f"closed: {code}"] += 1
            case m.Unsaid(_, code):
                self.told[code] += 1
            case m.Progress(_, _, _, wait_ms) if wait_ms:
                self.told["wait"] += 1
            case m.Answer(_, body):
                self.told[type(body).__name__] += 1
            case _:
                self.told[type(message).__name__] += 1
        self.longest_wait = max(self.longest_wait, wait_ms / 1000)

    @property
    def init(self) -> bytes:
        """The last INIT, as it was sent."""
        return self._init

    def _flush(self, via: socket.socket | None = None) -> None:
        for data, address in self._out:
            if data[:1] == bytes([INIT]):
                self._init = data
            try:
                (via or self.socket).sendto(data, address)
            except BlockingIOError:  # our own buffer is full: it is lost, as it would be on the way
                continue
        self._out.clear()


def open_socket(host: str, port: int = 0) -> socket.socket:
    """Return a socket at any address of this machine."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


def paced(rate: float, seconds: float) -> Iterator[int]:
    """Count up at so many a second, for so long; what the machine cannot keep up with is left out."""
    began_at = time.monotonic()
    number = 0
    while (passed := time.monotonic() - began_at) < seconds:
        due = int(passed * rate)
        if number >= due:
            time.sleep(GRAIN)
        for _ in range(min(due - number, 256)):
            yield number
            number += 1
