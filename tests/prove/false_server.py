"""A server that answers in the place of one that the client has never met, and does not know the room's password."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, TypeAlias

from e2e.running import hash_password
from kit.raw_server import RawServer, make_peer

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import DATA, HELLO, INIT, SALT_SIZE
from sockatuh.protocol.password_proof import Binding, Offer, PasswordHash
from sockatuh.protocol.seam import Address

GUESS: Final = "a false guess"


@dataclass(slots=True, eq=False)
class Meeting:
    """One session with a client; `heard` is what it said, opened with the session's keys."""

    host: RawServer
    init: bytes
    resp: bytes
    offers: list[Offer] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    answers: dict[int, m.AnswerBody | m.Closed] = field(default_factory=dict)

    @property
    def binding(self) -> Binding:
        return Binding(self.host.opening_hash, self.host.key, self.host.client_key)


Trick: TypeAlias = Callable[["FalseServer", Meeting, m.Join], m.AnswerBody | m.Closed]
"""How it answers a JOIN."""


class FalseServer:
    """Runs in the loop on a port of its own; use it as a context manager. `resumed`: it likes any ticket."""

    def __init__(self, trick: Trick, *, resumed: bool = False, key: bytes | None = None) -> None:
        self.meetings: list[Meeting] = []
        self.datagrams: list[bytes] = []
        self.joins: list[m.Join] = []
        self._trick, self._resumed, self._key = trick, resumed, key
        self._fault: Exception | None = None
        """What went wrong with a trick; it is raised at the end."""
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)

    def __enter__(self) -> FalseServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._fault is not None:
            raise self._fault

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def key(self) -> bytes:
        return self._host().key

    @property
    def proofs(self) -> set[bytes]:
        """Every proof that it was given."""
        return {join.proof for join in self.joins if join.proof}

    @property
    def said(self) -> bytes:
        """Everything that clients have sent, as it was sent and opened, handshakes included."""
        opened = [heard for meeting in self.meetings for heard in meeting.heard]
        return b"\n".join([*self.datagrams, *opened])

    @property
    def tickets(self) -> list[bytes]:
        """The tickets that it was shown."""
        return [ticket for meeting in self.meetings if (ticket := meeting.host.init_payload.ticket)]

    def offer(self, meeting: Meeting, name: str, known: PasswordHash | None = None) -> m.NameValid:
        """Make an offer as a server does that has the hash of its guess."""
        offer = Offer(known or guessed(), meeting.binding, meeting.host.dice)
        meeting.offers.append(offer)
        return m.NameValid(name, 0, offer.share, offer.known.salt, offer.known.cost)

    # Datagrams.

    def _host(self, seed: int = 0) -> RawServer:
        host = RawServer(make_peer(), seed=seed, now=time.monotonic())
        host.resumed, host.cid = self._resumed, 0x5151 + seed
        if self._key is not None:
            host.private_key = self._key
        return host

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self._socket.recvfrom(2048)
                self.datagrams.append(data)
                try:
                    self._take(data, address)
                except ProtocolError:
                    continue
                except Exception as error:
                    self._fault = self._fault or error

    def _take(self, data: bytes, address: Address) -> None:
        match data[0]:
            case kind if kind == HELLO:
                self._socket.sendto(self._host().make_cookie(data), address)
            case kind if kind == INIT:
                meeting = next((each for each in self.meetings if each.init == data), None)
                if meeting is None:
                    host = self._host(len(self.meetings) + 1)
                    self.meetings.append(meeting := Meeting(host, data, host.make_resp(data)))
                self._socket.sendto(meeting.resp, address)
            case kind if kind == DATA:
                cid = int.from_bytes(data[1:8], "little")
                for meeting in self.meetings:
                    if meeting.host.cid == cid:
                        self._hear(meeting, meeting.host.channel.open_untrusted(data), address)

    def _hear(self, meeting: Meeting, plaintext: bytes, address: Address) -> None:
        meeting.heard.append(plaintext)
        match m.decode_client_message_untrusted(plaintext):
            case m.Call(number, m.Join() as join):
                if number not in meeting.answers:
                    self.joins.append(join)
                    meeting.answers[number] = self._trick(self, meeting, join)
                answer = meeting.answers[number]
                self._tell(meeting, answer if isinstance(answer, m.Closed) else m.Answer(number, answer), address)
            case m.Call(number, m.Leave()):
                self._tell(meeting, m.Answer(number, m.Goodbye()), address)
            case m.Ping(nonce):
                self._tell(meeting, m.Pong(nonce, 0), address)
            case _:
                pass

    def _tell(self, meeting: Meeting, message: m.ServerMessage, address: Address) -> None:
        self._socket.sendto(meeting.host.channel.seal(m.encode(message)), address)


def guessed(guess: str = GUESS) -> PasswordHash:
    """Return the hash of a password, made as a room's server makes it."""
    return PasswordHash.parse(hash_password(guess))


# Tricks.


def welcome(confirmation: bytes = b"") -> m.Welcome:
    return m.Welcome("ana", b"the log of rooms", 0, 0, b"a ticket", (), confirmation)


def another_password(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody | m.Closed:
    """Behave as the server of another room."""
    if not join.proof:
        return server.offer(meeting, join.name or "ana")
    return m.Refused("password_wrong", 0)


def welcome_at_once(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody | m.Closed:
    """Let everybody in, whatever they ask."""
    del server, meeting, join
    return welcome()


def confirm_with(confirmation: Callable[[Meeting, bytes], bytes]) -> Trick:
    """Let in whoever sends a proof, with a made-up confirmation."""

    def trick(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody | m.Closed:
        if not join.proof:
            return server.offer(meeting, join.name or "ana")
        return welcome(confirmation(meeting, join.proof))

    return trick


def offer_with(**changes: object) -> Trick:
    """Offer what no room offers."""

    def trick(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody | m.Closed:
        offer = server.offer(meeting, join.name or "ana")
        return m.NameValid(**{key: getattr(offer, key) for key in offer.__struct_fields__} | changes)

    return trick


def after_proof(answer: Callable[[FalseServer, Meeting, m.Join], m.AnswerBody | m.Closed]) -> Trick:
    """Make an offer, and answer each proof so."""

    def trick(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody | m.Closed:
        return answer(server, meeting, join) if join.proof else server.offer(meeting, join.name or "ana")

    return trick


def fresh_salt() -> PasswordHash:
    """Return a hash with a salt that nobody has seen."""
    return replace(guessed(), salt=os.urandom(SALT_SIZE))
