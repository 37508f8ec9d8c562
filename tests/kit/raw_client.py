"""A client written from docs/PROTOCOL.md, which can do what an honest program never does."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import HELLO, INIT, PROLOGUE, RESP
from sockatuh.protocol.noise import Initiator, public_key
from sockatuh.protocol.password_proof import Binding, Proof
from sockatuh.protocol.seam import Address

from .bare_room import HOME, PASSWORD, SERVER_KEY, START, BareRoom, Dice
from .password_hash import quick_hash
from .proofs import forge_proof, pad


class RawClient:
    """A client made by hand: it sends only what the test says, and opens what it receives."""

    def __init__(
        self, bare_room: BareRoom, address: Address = HOME, *, seed: int | str = "guest", now: float = START
    ) -> None:
        self.bare_room, self.address, self.now = bare_room, address, now
        self.dice = Dice(seed)
        self.private_key = self.dice(32)
        self.key = public_key(self.private_key)
        self.stream = self.dice(8)
        self.cid = int.from_bytes(self.dice(4), "little")
        self.nonce = self.dice(8)
        self.init = b""
        self.resp = b""
        self.payload: m.RespPayload
        self.channel: Channel
        self.handshake_hash = self.opening_hash = b""
        self.proof: Proof
        self.calls = 0
        self.received: list[m.ServerMessage] = []
        self.elsewhere: list[tuple[bytes, Address]] = []
        """What the server sent to other addresses."""

    # Bytes, as the protocol specifies them.

    def hello(self, version: int = 1) -> bytes:
        return struct.pack("<BBH8s116x", HELLO, version, 0, self.nonce)

    def make_init(
        self,
        epoch: int,
        cookie: bytes,
        *,
        ticket: bytes | None = None,
        flags: int = 0,
        log_id: bytes | None = None,
        cursor: int = 0,
        payload: bytes | None = None,
        version: int = 1,
    ) -> tuple[bytes, Initiator]:
        header = struct.pack("<BBBBI8s16s", INIT, version, epoch, 0, self.cid, self.nonce, cookie)
        initiator = Initiator(self.private_key, SERVER_KEY, PROLOGUE + header, self.dice(32))
        if payload is None:
            init = m.InitPayload("a test", self.stream, flags, log_id, cursor, ticket)
            payload = m.pad_payload(init, 128 if ticket is None else 384)
        return header + initiator.write_message(payload), initiator

    # Steps.

    def send_raw(self, data: bytes, address: Address | None = None) -> list[bytes]:
        """Send a datagram and return the answers to the address it came from."""
        address = address or self.address
        sent = self.bare_room.receive(data, address, self.now)
        self.elsewhere += [(answer, to) for answer, to in sent if to != address]
        return [answer for answer, to in sent if to == address]

    def ask_cookie(self) -> tuple[int, bytes]:
        """Send HELLO and return (epoch, cookie)."""
        (answer,) = self.send_raw(self.hello())
        return answer[2], answer[12:28]

    def shake(
        self, *, ticket: bytes | None = None, flags: int = 0, log_id: bytes | None = None, cursor: int = 0
    ) -> RawClient:
        """Go through the handshake; the session is pending then."""
        epoch, cookie = self.ask_cookie()
        self.init, initiator = self.make_init(epoch, cookie, ticket=ticket, flags=flags, log_id=log_id, cursor=cursor)
        (self.resp,) = self.send_raw(self.init)
        assert self.resp[0] == RESP
        self.payload = m.decode_resp_payload_untrusted(initiator.read_message_untrusted(self.resp[8:]))
        send_key, receive_key = initiator.split()
        self.channel = Channel(send_key, receive_key, self.cid, self.payload.server_cid, self.now)
        self.handshake_hash = self.opening_hash = initiator.handshake_hash
        return self

    def join(self, name: str = "ana", password: bytes | None = PASSWORD, history: int | None = None) -> RawClient:
        """Join, by the ticket if there is no password, and check that it was admitted."""
        if password is None:
            self.call(m.Join(None, None, history))
        else:
            self.call(self.prove(name, password, history))
        assert isinstance(self.answer(), m.Welcome)
        return self

    def prove(self, name: str = "ana", password: bytes = PASSWORD, history: int | None = None) -> m.Join:
        """Ask for an offer, and return the JOIN with the proof for it."""
        self.call(m.Join(name, b"", history))
        return self.prove_by(self.answer(), name, password, history)

    def prove_by(
        self, offer: m.AnswerBody, name: str = "ana", password: bytes = PASSWORD, history: int | None = None
    ) -> m.Join:
        """Return the JOIN with a proof for an offer."""
        return self.forge(offer, pad(password), name, password, history)

    def forge(
        self,
        offer: m.AnswerBody,
        padded: bytes,
        name: str = "ana",
        shown: bytes = PASSWORD,
        history: int | None = None,
    ) -> m.Join:
        """Return the JOIN with a proof that shows the hash of `shown`, and seals `padded`."""
        assert isinstance(offer, m.NameValid)
        binding = Binding(self.opening_hash, SERVER_KEY, self.key)
        secret = quick_hash(shown, offer.salt, offer.cost).encode()
        self.proof = forge_proof(offer.share, secret, padded, name, binding, self.dice)
        return m.Join(name, self.proof.encoded, history)

    def send(self, message: m.ClientMessage, address: Address | None = None) -> list[m.ServerMessage]:
        """Send a message, and return what was sent to the address it came from."""
        return self.read(self.send_raw(self.channel.seal(m.encode(message)), address))

    def call(self, body: m.CallBody) -> list[m.ServerMessage]:
        """Make the next call."""
        self.calls += 1
        return self.send(m.Call(self.calls, body))

    def say(self, number: int, text: str | bytes, oldest: int = 1) -> list[m.ServerMessage]:
        """Say a short line."""
        piece = text if isinstance(text, bytes) else text.encode()
        return self.send(m.Say(number, oldest, False, 0, 1, piece))

    def read(self, datagrams: Sequence[bytes | tuple[bytes, Address]]) -> list[m.ServerMessage]:
        """Open the datagrams that are for this guest, and keep their messages."""
        messages: list[m.ServerMessage] = []
        for each in datagrams:
            data = each if isinstance(each, bytes) else each[0]
            try:
                messages.append(m.decode_server_message_untrusted(self.channel.open_untrusted(data)))
            except ProtocolError:
                continue
        self.received += messages
        return messages

    # A new channel.

    def make_rekey(self, cid: int) -> tuple[m.Rekey, Initiator]:
        """Return the REKEY for a channel on which this guest is `cid`."""
        initiator = Initiator(self.private_key, SERVER_KEY, PROLOGUE + self.handshake_hash, self.dice(32))
        return m.Rekey(cid, initiator.write_message(b"")), initiator

    def finish_rekey(self, rekey: m.Rekey, initiator: Initiator, rekeyed: m.Rekeyed) -> Channel:
        """Use the channel that was agreed on, and return the previous one."""
        old = self.channel
        self.payload = m.decode_resp_payload_untrusted(initiator.read_message_untrusted(rekeyed.noise))
        send_key, receive_key = initiator.split()
        self.channel = Channel(send_key, receive_key, rekey.client_cid, self.payload.server_cid, self.now)
        self.handshake_hash = initiator.handshake_hash
        return old

    def rekey(self, cid: int = 77) -> Channel:
        """Go through a rekeying, and return the previous channel; the new one is not used yet."""
        rekey, initiator = self.make_rekey(cid)
        (rekeyed,) = self.send(rekey)
        assert isinstance(rekeyed, m.Rekeyed)
        return self.finish_rekey(rekey, initiator, rekeyed)

    def wait(self, seconds: float) -> list[m.ServerMessage]:
        """Let time pass, and return what was received in it."""
        self.now += seconds
        return self.read(self.bare_room.timer(self.now))

    def answer(self) -> m.AnswerBody:
        """Return the body of the last ANSWER."""
        return [message.body for message in self.received if isinstance(message, m.Answer)][-1]
