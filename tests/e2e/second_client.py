"""A client written from docs/PROTOCOL.md alone, to find out whether that suffices: it imports nothing of the program.

Where it can, it uses other libraries than the program does: `noise` for the channel, `cpace` for the exchange. It does
what a person's client does at a first meeting, in the room and when it comes back, and no more: it neither roams nor
rekeys, and repairs its log only by asking once for each hole.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import bcrypt
import msgspec
from cpace import CPace, CPaceError, CPaceRole
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

HELLO, COOKIE, INIT, RESP, DATA = range(0xB1, 0xB6)
CALL, SAY, ACK, GET, PING = range(1, 6)
ANSWER, STORED, UNSAID, ENTRIES, ENTRY_PART, PONG, CLOSED, PRESENCE = 16, 17, 18, 20, 21, 23, 26, 27
JOIN, WHO, LEAVE, RENAME, AWAY, STRIKE = range(1, 7)
WELCOME, NAME_VALID, REFUSED, MEMBERS, GOODBYE, NAME_CHANGED, NOTED = range(16, 23)
PRIVATE, RENAMED, STRUCK = 6, 7, 8
PIECE: Final = 1_120
"""The most bytes of a text in one part."""

PATIENCE: Final = 30.0
"""Seconds after which an answer will never come."""

Message = list[Any]
T = TypeVar("T")


class Refused(Exception):
    """The server answered a call with REFUSED, or a line with UNSAID."""

    def __init__(self, code: str, wait_ms: int = 0, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.wait_ms, self.detail = code, wait_ms, detail


class Closed(Exception):
    """The server has ended the session."""

    def __init__(self, code: str, wait_ms: int, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.wait_ms, self.detail = code, wait_ms, detail


class Unproven(Exception):
    """The server's offer cannot be used, or its WELCOME does not prove that it knows the password."""


# Datagrams, §2.


def hello(nonce: bytes) -> bytes:
    return struct.pack("<BBH8s116x", HELLO, 1, 0, nonce)


@dataclass(frozen=True, slots=True)
class Cookie:
    epoch: int
    nonce: bytes
    cookie: bytes
    server_key: bytes

    @classmethod
    def read(cls, datagram: bytes) -> Cookie:
        _, version, epoch, _flags, nonce, cookie, server_key, _retry_ms, _ = struct.unpack("<BBBB8s16s32sHH", datagram)
        assert version == 1
        return cls(epoch, nonce, cookie, server_key)


# The handshake and its channel, §4.


def pad(encoded: bytes, size: int) -> bytes:
    return (struct.pack("<H", len(encoded)) + encoded).ljust(size, b"\0")


def unpad(payload: bytes) -> bytes:
    (length,) = struct.unpack_from("<H", payload)
    return payload[2 : 2 + length]


class Handshake:
    """One attempt: `init` is the datagram to send, `finish` makes a channel of the RESP."""

    def __init__(self, private_key: bytes, cookie: Cookie, cid: int, payload: Message, ephemeral: bytes = b"") -> None:
        self.cid, self.server_key = cid, cookie.server_key
        self.client_key = X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
        header = struct.pack("<BBBBI8s16s", INIT, 1, cookie.epoch, 0, cid, cookie.nonce, cookie.cookie)
        self._noise = NoiseConnection.from_name(b"Noise_IK_25519_ChaChaPoly_BLAKE2s")
        self._noise.set_as_initiator()
        self._noise.set_prologue(b"sockatuh/1\0" + header)
        self._noise.set_keypair_from_private_bytes(Keypair.STATIC, private_key)
        self._noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, cookie.server_key)
        if ephemeral:
            self._noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
        self._noise.start_handshake()
        size = 128 if payload[5] is None else 384
        self.init = header + bytes(self._noise.write_message(pad(msgspec.msgpack.encode(payload), size)))

    def finish(self, resp: bytes) -> Channel:
        payload = msgspec.msgpack.decode(unpad(self._noise.read_message(resp[8:])))
        return Channel(self, self._noise, payload)


class Channel:
    """What the two sides have once the handshake is done."""

    def __init__(self, handshake: Handshake, noise: Any, payload: Message) -> None:
        self.client_key, self.server_key = handshake.client_key, handshake.server_key
        self.sid: bytes = noise.get_handshake_hash()
        self.payload = payload
        self.server_cid, self.is_resumed = payload[0], payload[7]
        self.prefix = bytes([DATA]) + handshake.cid.to_bytes(7, "little")
        """How DATA for this client begins."""
        self._to_server = noise.noise_protocol.cipher_state_encrypt
        self._to_client = noise.noise_protocol.cipher_state_decrypt

    def seal(self, message: Message) -> bytes:
        """Return the DATA for a message; the counter is that of the library."""
        header = struct.pack("<B7sQ", DATA, self.server_cid.to_bytes(7, "little"), self._to_server.n)
        ciphertext: bytes = self._to_server.encrypt_with_ad(header, msgspec.msgpack.encode(message))
        return header + ciphertext

    def open(self, datagram: bytes) -> Message:
        (counter,) = struct.unpack_from("<Q", datagram, 8)
        self._to_client.set_nonce(counter)
        message: Message = msgspec.msgpack.decode(self._to_client.decrypt_with_ad(datagram[:16], datagram[16:]))
        return message


# The password, §10.


@dataclass(frozen=True, slots=True)
class Offer:
    """What NAME_VALID says."""

    name: str
    share: bytes
    salt: bytes
    cost: int

    @classmethod
    def read(cls, body: Message) -> Offer:
        number, name, kind, share, salt, cost, *_ = body
        assert number == NAME_VALID
        if kind != 0 or len(share) != 32 or len(salt) != 16 or not 10 <= cost <= 14:
            raise Unproven("offer")
        return cls(name, share, salt, cost)


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BCRYPTS_BASE64 = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@functools.cache
def hash_password(password: str, salt: bytes, cost: int) -> bytes:
    """Return the 60 characters of the hash."""
    written = base64.b64encode(salt).decode().rstrip("=").translate(str.maketrans(BASE64, BCRYPTS_BASE64))
    return bcrypt.hashpw(password.encode(), f"$2b${cost:02}${written}".encode())


def channel_identifier(channel: Channel) -> bytes:
    """Return CI; each part stands behind its length."""
    parts = b"sockatuh/1 password", channel.server_key, channel.client_key
    return b"".join(bytes([len(part)]) + part for part in parts)


class Proof:
    """The client's side of one exchange: `data` goes into JOIN, and `verify` judges the confirmation in WELCOME."""

    def __init__(self, exchange: CPace, sid: bytes, offer: Offer, password: str) -> None:
        try:
            exchange.derive(offer.share, b"")
        except CPaceError:
            raise Unproven("offer") from None
        self.data = exchange.public_share + exchange.tag() + seal(sid, exchange.isk, exchange.tag(), password)
        self.verify = exchange.verify

    @classmethod
    def make(cls, channel: Channel, offer: Offer, name: str, password: str) -> Proof:
        exchange = CPace.start(
            role=CPaceRole.RESPONDER,
            prs=hash_password(password, offer.salt, offer.cost),
            sid=channel.sid,
            ci=channel_identifier(channel),
            ad=name.encode(),
        )
        return cls(exchange, channel.sid, offer, password)


def seal(sid: bytes, isk: bytes, tag: bytes, password: str) -> bytes:
    key = hashlib.sha512(b"sockatuh/1 sealed password" + sid + isk).digest()[:32]
    encoded = password.encode()
    return ChaCha20Poly1305(key).encrypt(bytes(12), (bytes([len(encoded)]) + encoded).ljust(73, b"\0"), tag)


# The session.


@dataclass(frozen=True, slots=True)
class Welcome:
    name: str
    log_id: bytes
    start: int
    head: int
    ticket: bytes
    confirmation: bytes

    @classmethod
    def read(cls, body: Message) -> Welcome:
        number, name, log_id, start, head, ticket, _nodes, confirmation, *_ = body
        assert number == WELCOME
        return cls(name, log_id, start, head, ticket, confirmation)


class SecondClient:
    """One person's client: each method returns when the server has answered."""

    channel: Channel

    def __init__(self, port: int, private_key: bytes) -> None:
        self.private_key = private_key
        self.ticket: bytes | None = None
        self.stream = os.urandom(8)
        self.pin: bytes | None = None
        self.name = ""
        """What the room calls it."""
        self.presence: dict[str, tuple[int, str]] = {}
        """(state, text) of whoever was told of in PRESENCE."""
        self.log_id: bytes | None = None
        self.cursor = 0
        self.entries: dict[int, Message] = {}
        self.round_trips = 0
        """Questions asked after the handshake."""
        self._calls = self._lines = self._named_at = 0
        self._parts: dict[int, dict[int, bytes]] = {}
        self._is_in = False
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    def __enter__(self) -> SecondClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    # The handshake.

    def shake_hands(self) -> None:
        nonce, cid = os.urandom(8), os.urandom(4)
        cookie = self._ask(hello(nonce), lambda data: _find_cookie(data, nonce))
        assert self.pin in (None, cookie.server_key)
        ticket = self.ticket if self.pin else None
        payload = ["second client", self.stream, 0, self.log_id, self.cursor, ticket]
        handshake = Handshake(self.private_key, cookie, int.from_bytes(cid, "little"), payload)
        resp = self._ask(handshake.init, lambda data: data if (data[0], data[4:8]) == (RESP, cid) else None)
        self.channel = handshake.finish(resp)
        self._calls = self.round_trips = 0
        self._is_in = False

    # Joining.

    def ask_for_name(self, name: str) -> Offer:
        return Offer.read(self.call([JOIN, name, None, None]))

    def ask_for_offer(self, name: str) -> Offer:
        return Offer.read(self.call([JOIN, name, b"", None]))

    def prove(self, proof: Proof, name: str) -> Welcome:
        """Join with a proof; the server's key is pinned if it has proved itself."""
        welcome = Welcome.read(self.call([JOIN, name, proof.data, 0]))
        if not proof.verify(welcome.confirmation):
            raise Unproven("welcome")
        self.pin = self.channel.server_key
        return self._begin(welcome)

    def come_back(self) -> Welcome:
        """Join by ticket."""
        assert self.pin == self.channel.server_key
        assert self.channel.is_resumed
        return self._begin(Welcome.read(self.call([JOIN, None, None, None])))

    def _begin(self, welcome: Welcome) -> Welcome:
        self._is_in = True
        self.log_id, self.cursor, self.ticket = welcome.log_id, welcome.start, welcome.ticket
        self.name, self._named_at = welcome.name, welcome.head
        self.read_through(welcome.head)
        return welcome

    # In the room.

    @property
    def tag(self) -> str:
        """Whose its entries are, as others are told it."""
        fingerprint = base64.b64encode(hashlib.sha256(self.channel.client_key).digest())
        return fingerprint.decode()[:8]

    def say(self, text: str, *, to: str = "") -> int:
        """Say a line, to everybody or privately, and return its place once it is stored; raises Refused."""
        self._lines += 1
        number = self._lines
        pieces = cut(text.encode(), PIECE - len(to.encode()))
        parts = [
            [SAY, number, number, False, index, len(pieces), piece, *([to] if to and index == 0 else [])]
            for index, piece in enumerate(pieces)
        ]
        for part in parts[1:]:
            self._send(part)  # the rest with the first, which is repeated until there is an answer

        def answer(m: Message) -> Message | None:
            """Return [seq], or [no seq, code, and what else UNSAID says]."""
            if m[:2] == [UNSAID, number]:
                return [0, *m[2:5]]
            return [dict(m[1])[number]] if m[0] == STORED and number in dict(m[1]) else None

        seq, *refused = self._exchange(parts[0], answer)
        if refused:
            raise Refused(*refused)
        assert isinstance(seq, int)
        return seq

    def rename(self, name: str) -> str:
        """Take another name, and return it as the room writes it."""
        number, self.name, ticket, *_ = self.call([RENAME, name])
        assert number == NAME_CHANGED
        self.ticket = ticket or self.ticket
        return self.name

    def be_away(self, text: str | None) -> None:
        """Be away with a text, or (None) be back."""
        assert self.call([AWAY, text])[:1] == [NOTED]

    def strike(self, seq: int) -> None:
        """Have the text of an own line removed."""
        assert self.call([STRIKE, seq])[:1] == [NOTED]

    def who(self) -> dict[str, Message]:
        """Return everybody in the room by name: each as [name, tag, dialect, present, since, as, away]."""
        found: dict[str, Message] = {}
        more, after = True, ""
        while more:
            number, members, more, *_ = self.call([WHO, after])
            assert number == MEMBERS
            found |= {member[0]: member for member in members}
            after = members[-1][0] if members else after
        return found

    def read_through(self, seq: int) -> None:
        """Receive entries until none up to this one is missing."""
        while self.cursor < seq:
            self._exchange([GET, self.cursor, seq, []], lambda m: m if m[0] == ENTRIES else None)

    def listen_until(self, seq: int) -> None:
        """Receive entries until this one has been pushed."""
        while seq not in self.entries:
            self._receive()

    def listen_for(self, holds: Callable[[], bool]) -> None:
        """Receive what comes until something holds."""
        while not holds():
            self._receive()

    def acknowledge(self) -> None:
        self._send([ACK, self.cursor])

    def ping(self) -> Message:
        nonce = os.urandom(8)
        pong: Message = self._exchange([PING, nonce], lambda m: m if m[:2] == [PONG, nonce] else None)
        return pong

    def leave(self) -> None:
        assert self.call([LEAVE]) == [GOODBYE]

    # Datagrams.

    def call(self, body: Message) -> Message:
        self._calls += 1
        number = self._calls
        self.round_trips += 1
        answer: Message = self._exchange([CALL, number, body], lambda m: m[2] if m[:2] == [ANSWER, number] else None)
        if answer[0] == REFUSED:
            raise Refused(*answer[1:4])
        return answer

    def _send(self, message: Message) -> None:
        self._socket.send(self.channel.seal(message))

    def _exchange(self, message: Message, find: Callable[[Message], T | None]) -> T:
        """Send a message, each time sealed anew, until an answer to it is found."""
        return self._ask(lambda: self.channel.seal(message), lambda data: find(self._open(data)))

    def _ask(self, datagram: bytes | Callable[[], bytes], find: Callable[[bytes], T | None]) -> T:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._socket.send(datagram if isinstance(datagram, bytes) else datagram())
            self._socket.settimeout(0.25)
            with contextlib.suppress(TimeoutError):
                while True:
                    found = find(self._socket.recv(2048))
                    if found is not None:
                        return found
        raise TimeoutError("the server did not answer")

    def _receive(self) -> None:
        self._socket.settimeout(PATIENCE)
        self._open(self._socket.recv(2048))

    def _open(self, datagram: bytes) -> Message:
        if not datagram.startswith(self.channel.prefix):
            return [0]  # a repetition from the handshake, or from the session before
        message = self.channel.open(datagram)
        if message[0] == ENTRIES and self._is_in:
            self._read_entries(*message[1:5])
        elif message[0] == ENTRY_PART and self._is_in:
            self._read_part(*message[1:5])
        elif message[0] == PRESENCE:
            self.presence |= {name: (state, text) for name, _, state, text, *_ in message[2]}
        if message[0] == CLOSED:
            raise Closed(*message[1:4])
        return message

    def _read_entries(self, after: int, through: int, _end: bool, items: list[Message]) -> None:
        for item in items:
            if len(item) > 2:
                self._read_entry(item)
        if after <= self.cursor:
            self.cursor = max(self.cursor, through)

    def _read_part(self, seq: int, index: int, count: int, piece: bytes) -> None:
        parts = self._parts.setdefault(seq, {})
        parts[index] = piece
        if len(parts) == count:
            encoded = b"".join(parts[each] for each in range(count))
            self._read_entries(seq - 1, seq, False, [msgspec.msgpack.decode(encoded)])

    def _read_entry(self, entry: Message) -> None:
        """Note an entry; another session of ours may have asked for another name, and a line may be struck."""
        seq, _, kind, name, text, _, tag, *_ = entry
        self.entries[seq] = entry
        if kind == RENAMED and seq > self._named_at and (name, tag) == (self.name, self.tag):
            self.name, self._named_at = text, seq
        if kind == STRUCK:
            self.entries.pop(entry[9], None)


def cut(text: bytes, first: int) -> list[bytes]:
    """Cut a text into parts, the first of which is at most so long."""
    return [text[:first], *(text[at : at + PIECE] for at in range(first, len(text), PIECE))]


def _find_cookie(datagram: bytes, nonce: bytes) -> Cookie | None:
    return Cookie.read(datagram) if (datagram[0], datagram[4:12]) == (COOKIE, nonce) else None
