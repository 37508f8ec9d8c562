"""Sessions made without a handshake, and what is sent to them."""

from __future__ import annotations

from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.server.door import Pending
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.password_offers import PasswordOffers
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.session import Rekeying, Session, open_session
from sockatuh.protocol.server.tickets import Ticket

from .bare_room import HASH, SERVER_KEY, START, Dice

KEY, STREAM = b"k" * 32, b"stream 1"
CLIENT_CID = 1


def place(number: int) -> bytes:
    """Return an IPv4 address as cookies see it, without the port."""
    return bytes(10) + b"\xff\xff\x0a\x00" + number.to_bytes(2, "big")


TICKET = Ticket("ana", b"l" * 16, 70)


def make_pending(
    cid: int = 5,
    *,
    key: bytes = KEY,
    stream: bytes = STREAM,
    source: bytes = place(1),
    flags: int = 0,
    ticket: Ticket | None = TICKET,
) -> Pending:
    """Return a finished handshake; both directions have the same, all-zero key."""
    payload = m.InitPayload("a test", stream, flags, b"l" * 16, 77, None)
    address, packed = ("10.0.0.9", cid), source + b"\1\2"
    return Pending(
        cid, make_channel(cid), address, packed, key, b"", b"", payload, ticket, bytes(16), b"old hash", START
    )


def make_channel(cid: int) -> Channel:
    """Return the server's end of a channel."""
    return Channel(bytes(32), bytes(32), cid, CLIENT_CID, START)


def make_rekeying(cid: int) -> Rekeying:
    """Return a new channel that was agreed on but not used yet."""
    return Rekeying(b"request", b"reply", make_channel(cid), b"new hash")


def make_session(cid: int = 5, limits: Limits | None = None, *, joined: bool = True, flags: int = 0) -> Session:
    """Return an open session, a member's by default."""
    session = open_session(make_pending(cid, flags=flags), limits or Limits(), START)
    if joined:
        session.name = "ana"
    return session


def make_offers() -> PasswordOffers:
    """Return the offers of a server whose password is that of the bare room."""
    return PasswordOffers(HASH, SERVER_KEY, Dice("offers"))


class Opener:
    """Opens what is sent to the sessions made here."""

    def __init__(self, out: Outgoing, *sessions: Session) -> None:
        self._out = out
        self._ends = {
            session.address: (session.cid, Channel(bytes(32), bytes(32), CLIENT_CID, session.cid, START))
            for session in sessions
        }

    def read(self) -> list[m.ServerMessage]:
        """Return the messages that were sent."""
        return [message for _, message in self.read_by_cid()]

    def read_by_cid(self) -> list[tuple[int, m.ServerMessage]]:
        """Return (cid, message) for each message that was sent."""
        received: list[tuple[int, m.ServerMessage]] = []
        while datagrams := self._out.take():
            for datagram, address in datagrams:
                cid, end = self._ends[address]
                received.append((cid, m.decode_server_message_untrusted(end.open_untrusted(datagram))))
        return received
