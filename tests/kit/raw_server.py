"""A server written from docs/PROTOCOL.md for one peer: it sends what the test says."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypedDict, Unpack

from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.constants import COOKIE, DATA, HELLO, MARK_SIZE, PROLOGUE, RESET, RESP
from sockatuh.protocol.datagrams import line_id, reset_token
from sockatuh.protocol.identity import tag
from sockatuh.protocol.noise import Responder, public_key
from sockatuh.protocol.password_proof import Binding, Offer, PasswordHash

from .bare_room import IDENTITY, LOG_ID, PASSWORD, SERVER, SERVER_KEY, START, Dice
from .overheard import Overheard
from .password_hash import SALT, answer, quick_hash


class Wants(TypedDict, total=False):
    """What a peer knows from the beginning; see PeerOptions."""

    role: int
    pin: bytes | None
    ticket: bytes | None
    salt: bytes | None
    cursor: int
    history: int | None
    meets_nobody_new: bool


class RawServer:
    """A server made by hand for one peer: it answers HELLO and INIT, and then sends what the test says."""

    def __init__(self, peer: Peer, *, seed: int | str = "host", now: float = START) -> None:
        self.peer, self.now = peer, now
        self.overheard = Overheard(peer)
        self.dice = Dice(seed)
        self.private_key = IDENTITY.private_key
        self.cookie = self.dice(16)
        self.cid = 0x51525354555657
        self.ping_s, self.max_text, self.ack_ms, self.resumed = 25, 16_384, 100, False
        self.sent: list[bytes] = []
        """Everything the peer has sent."""
        self.received: list[m.ClientMessage] = []
        self.init_payload: m.InitPayload
        self.channel: Channel
        self.client_cid = 0
        self.client_key = b""
        self.handshake_hash = self.opening_hash = b""
        self.offer: Offer
        self.events: list[pe.PeerEvent] = []
        self.hashes: list[pe.HashWanted] = []
        """What the peer wanted to be hashed."""
        self.is_hashing = True
        """Whether the peer gets each hash at once; else the test supplies it."""

    @property
    def key(self) -> bytes:
        return public_key(self.private_key)

    @property
    def tag(self) -> str:
        """How others see whose key the peer has."""
        return tag(self.client_key)

    def mark(self, number: int) -> bytes:
        """Return the mark of a line of the peer's."""
        return line_id(self.client_key, self.init_payload.stream, number)[:MARK_SIZE]

    @property
    def token(self) -> bytes:
        return reset_token(IDENTITY.reset_key, self.cid)

    def make_cookie(self, hello: bytes, *, key: bytes | None = None, version: int = 1, retry_ms: int = 0) -> bytes:
        """Return a COOKIE for a HELLO, or for an INIT."""
        nonce = hello[4:12] if hello[0] == HELLO else hello[8:16]
        return struct.pack("<BBBB8s16s32sHH", COOKIE, version, 7, 0, nonce, self.cookie, key or self.key, retry_ms, 0)

    def make_resp(self, init: bytes) -> bytes:
        """Return the RESP for an INIT, and open the channel."""
        responder = Responder(self.private_key, PROLOGUE + init[:32], self.dice(32))
        self.init_payload = m.decode_init_payload_untrusted(responder.read_message_untrusted(init[32:]))
        self.client_key, self.client_cid = responder.remote_static, int.from_bytes(init[4:8], "little")
        message = self._finish(responder, 144)
        self.opening_hash = self.handshake_hash
        return struct.pack("<BBHI", RESP, 1, 0, self.client_cid) + message

    def _finish(self, responder: Responder, size: int) -> bytes:
        payload = m.RespPayload(
            self.cid, self.ping_s, 80, self.max_text, self.ack_ms, self.token, "a room", self.resumed
        )
        message = responder.write_message(m.pad_payload(payload, size))
        send_key, receive_key = responder.split()
        self.channel = Channel(send_key, receive_key, self.cid, self.client_cid, self.now)
        self.handshake_hash = responder.handshake_hash
        return message

    def answer_rekey(self, rekey: m.Rekey) -> bytes:
        """Return message 2 for a REKEY, and switch to the new channel; `cid` is to be changed before."""
        responder = Responder(self.private_key, PROLOGUE + self.handshake_hash, self.dice(32))
        responder.read_message_untrusted(rekey.noise)
        self.client_cid = rekey.client_cid
        return self._finish(responder, 144)

    def reset(self, cid: int | None = None, token: bytes | None = None) -> bytes:
        """Return a RESET."""
        cid = self.cid if cid is None else cid
        return (
            bytes([RESET])
            + cid.to_bytes(7, "little")
            + (reset_token(IDENTITY.reset_key, cid) if token is None else token)
        )

    # Steps.

    def tell_raw(self, data: bytes) -> list[bytes]:
        """Give the peer a datagram, and return what it sends."""
        self.peer.receive_datagram(data, SERVER, self.now)
        return self.take() + self.wait(0.0)

    def tell(self, message: m.ServerMessage) -> list[m.ClientMessage]:
        """Seal a message for the peer, and return the messages it sends then."""
        return self.open(self.tell_raw(self.channel.seal(m.encode(message))))

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass, with the peer's timers, and return what it sends."""
        end, sent = self.now + seconds, list[bytes]()
        for _ in range(10_000):
            at = self.peer.get_timer()
            if at is None or at > end:
                self.now = end
                return sent
            self.now = max(self.now, at)
            self.peer.handle_timer(self.now)
            sent += self.take()
        raise AssertionError("the peer's timer never comes to rest")

    def take(self) -> list[bytes]:
        """Take the peer's events and datagrams, as its shell does after each call."""
        while (event := self.peer.next_event()) is not None:
            if not isinstance(event, pe.HashWanted):
                self.events.append(event)
                continue
            self.hashes.append(event)
            if self.is_hashing:
                self.peer.supply_hash(event, answer(event), self.now)
        sent = [data for data, _ in self.peer.datagrams_to_send()]
        for data in sent:
            self.overheard.look(data, self.private_key)
        self.sent += sent
        return sent

    def open(self, datagrams: Sequence[bytes]) -> list[m.ClientMessage]:
        """Return the messages in the peer's DATA datagrams."""
        messages = [
            m.decode_client_message_untrusted(self.channel.open_untrusted(data))
            for data in datagrams
            if data[0] == DATA and int.from_bytes(data[1:8], "little") == self.channel.receive_cid
        ]
        self.received += messages
        return messages

    def shake(self) -> list[m.ClientMessage]:
        """Let the peer connect (it has to know this server's key), and return its first messages."""
        self.peer.connect([SERVER], self.now)
        (hello,) = self.wait(0.0)
        (init,) = self.tell_raw(self.make_cookie(hello))
        return self.open(self.tell_raw(self.make_resp(init)))

    def shake_again(self) -> list[m.ClientMessage]:
        """Shake hands with a peer that dials again within a few seconds, and return its first messages."""
        hellos = [data for data in self.wait(1.8) if data[0] == HELLO]
        (init,) = self.tell_raw(self.make_cookie(hellos[-1]))
        return self.open(self.tell_raw(self.make_resp(init)))

    def admit(
        self,
        *,
        start: int = 0,
        head: int = 0,
        name: str = "ana",
        ticket: bytes = b"ticket",
        log_id: bytes = LOG_ID,
        nodes: tuple[str, ...] = (),
    ) -> list[m.ClientMessage]:
        """Answer the call under way with WELCOME, after a proof if that is needed."""
        confirmation = self.confirm()
        return self.reply(m.Welcome(name, log_id, start, head, ticket, nodes, confirmation))

    def make_offer(self, password: bytes = PASSWORD, *, salt: bytes = SALT, name: str = "ana") -> m.NameValid:
        """Return NAME_VALID with a new offer under the hash of a password."""
        known = PasswordHash.parse(quick_hash(password, salt))
        self.offer = Offer(known, Binding(self.opening_hash, self.key, self.client_key), self.dice)
        return m.NameValid(name, 0, self.offer.share, known.salt, known.cost)

    def confirm(self) -> bytes:
        """Return the confirmation for the JOIN under way, after an offer if it has no proof; "" if it is by ticket."""
        join = self.last_call().body
        assert isinstance(join, m.Join)
        if join.name is None:
            return b""
        if not join.proof:
            self.reply(self.make_offer())
            return self.confirm()
        opened = self.offer.open_untrusted(join.proof, join.name)
        assert opened is not None
        assert opened.password == PASSWORD
        return opened.confirmation

    def reply(self, body: m.AnswerBody) -> list[m.ClientMessage]:
        """Answer the peer's last call."""
        return self.tell(m.Answer(self.last_call().number, body))

    @property
    def proofs(self) -> list[bytes]:
        """The proofs that the peer has sent, each once."""
        joins = (each.body for each in self.received if isinstance(each, m.Call) and isinstance(each.body, m.Join))
        return list(dict.fromkeys(join.proof for join in joins if join.proof))

    def last_call(self) -> m.Call:
        """Return the peer's last call."""
        return [message for message in self.received if isinstance(message, m.Call)][-1]

    def of(self, kind: type[pe.PeerEvent]) -> list[pe.PeerEvent]:
        """Return the peer's events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def make_peer(seed: int | str = "peer", **wants: Unpack[Wants]) -> Peer:
    """Return a peer with a key of its own; by default it knows this server's key."""
    dice = Dice(seed)
    known: Wants = {"pin": SERVER_KEY, **wants}
    return Peer(PeerOptions(dice(32), dice(8), "a test", **known), dice)


def joined_raw_server(seed: int | str = "peer", *, head: int = 0, start: int = 0, **wants: Unpack[Wants]) -> RawServer:
    """Return a hand-made server with a peer in its room."""
    host = RawServer(make_peer(seed, **wants))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.admit(start=start, head=head)
    return host
