"""The server's door: address proof, handshakes, and pending handshakes (docs/PROTOCOL.md §3, §4).

Nothing is kept for a stranger. HELLO is answered from the datagram alone. INIT is processed only when its cookie has
proved the address and the rate admits it. A finished handshake is kept as a `Pending`, bounded in number and time; the
first datagram that its keys open makes it a session.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import (
    COOKIE,
    HELLO_SIZE,
    INIT_HEADER_SIZE,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    PROLOGUE,
    RESP,
    RESP_SIZE,
    TAG_SIZE,
    VERSION,
)
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT, INIT_STRUCT, RESP_STRUCT, reset_token
from sockatuh.protocol.messages import InitPayload, RespPayload, decode_init_payload_untrusted, pad_payload
from sockatuh.protocol.noise import Responder, public_key
from sockatuh.protocol.seam import Address
from sockatuh.seats import Seats, Standing

from .cookie import CookieJar
from .events import HandshakeRefused, ServerEvent
from .limits import Limits
from .rate_limit import BucketTable, SketchLimiter, TokenBucket, place_of, prefix_of
from .tickets import Ticket, Tickets

RESP_PAYLOAD_SIZE = RESP_SIZE - RESP_STRUCT.size - 32 - TAG_SIZE

RETRY_MS = 1000
"""What a client is asked to wait, in milliseconds, when handshakes come too fast."""
STRANGERS_PER_PREFIX = 16_000
"""HELLOs of one /24 or /64 answered at once, and half as many a second; forged ones shut out only that network."""
RARE_AFTER = 60.0
"""Seconds without a handshake after which an address counts as rare."""
RARE_SHARE = 0.25
"""Share of the common rate that is kept for rare addresses, for when the others have used it up."""
MAX_ADDRESSES = 4_096
"""Addresses for which a rate of handshakes is kept."""


class ServerIdentity(msgspec.Struct, frozen=True):
    """The keys of a server, which outlive the process, and the name of its room."""

    private_key: bytes
    reset_key: bytes
    room: str


class Pending(msgspec.Struct, frozen=True):
    """A handshake that was answered and waits for the client's first datagram."""

    cid: int
    channel: Channel
    address: Address
    packed: bytes
    client_key: bytes
    init: bytes
    resp: bytes
    payload: InitPayload
    ticket: Ticket | None
    reset_token: bytes
    handshake_hash: bytes
    created_at: float


class Door:
    """Answers HELLO and INIT; keeps the pending handshakes."""

    def __init__(
        self,
        identity: ServerIdentity,
        tickets: Tickets,
        limits: Limits,
        random: Callable[[int], bytes],
        dropped: Counter[str],
        events: deque[ServerEvent],
    ) -> None:
        self.public_key = public_key(identity.private_key)
        self.tickets = tickets
        self.ack_ms = limits.ack_milliseconds
        self._identity, self._limits, self._random = identity, limits, random
        self._dropped, self._events = dropped, events
        self._cookies = CookieJar(random(32))
        self._strangers = SketchLimiter(random(32), STRANGERS_PER_PREFIX)
        self._cookie_rate = TokenBucket(limits.cookies_per_second, limits.cookies_per_second)
        self._rate = TokenBucket(limits.handshakes_per_second, limits.handshakes_per_second)
        self._rare_rate = TokenBucket(*_rare_rate(limits))
        self._address_rate = BucketTable(limits.handshakes_per_address, limits.handshakes_burst, MAX_ADDRESSES)
        self._by_cookie: dict[bytes, Pending] = {}
        self._by_cid: dict[int, Pending] = {}
        self._seats: Seats[int] = Seats(limits.pending)

    def __len__(self) -> int:
        return len(self._by_cid)

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on."""
        self._limits = limits
        self._seats.size = limits.pending
        self._cookie_rate.replace_rate(limits.cookies_per_second, limits.cookies_per_second)
        self._rate.replace_rate(limits.handshakes_per_second, limits.handshakes_per_second)
        self._rare_rate.replace_rate(*_rare_rate(limits))
        self._address_rate.replace_rate(limits.handshakes_per_address, limits.handshakes_burst, MAX_ADDRESSES)

    def void_tickets(self) -> None:
        """Void the tickets that came with pending handshakes."""
        self._by_cid = {cid: replace(pending, ticket=None) for cid, pending in self._by_cid.items()}
        self._by_cookie = {pending.init[16:32]: pending for pending in self._by_cid.values()}

    def find(self, cid: int) -> Pending | None:
        """Return the pending handshake with this connection id, if there is one."""
        return self._by_cid.get(cid)

    def hello(self, data: bytes, packed: bytes, now: float) -> bytes | None:
        """Return the COOKIE for a HELLO, or None."""
        if len(data) != HELLO_SIZE:
            self._dropped["size"] += 1
            return None
        _, version, _, nonce = HELLO_STRUCT.unpack_from(data)
        if not self._admit_stranger(packed, now):
            self._dropped["rate"] += 1
            return None
        return self._cookie(packed, nonce, now, 0, version)

    def init(self, data: bytes, address: Address, packed: bytes, now: float) -> bytes | None:
        """Return the RESP (or the COOKIE) for an INIT, or None."""
        if len(data) not in (INIT_SIZE, INIT_TICKET_SIZE):  # 1. size
            self._dropped["size"] += 1
            return None
        _, version, epoch, _, client_cid, nonce, cookie = INIT_STRUCT.unpack_from(data)
        pending = self._by_cookie.get(cookie)
        if pending is not None and pending.packed == packed and pending.init == data:  # 2. the same INIT again
            return pending.resp
        if version != VERSION or not self._cookies.verify(packed, nonce, epoch, cookie, now):  # 3. address
            if not self._admit_stranger(packed, now):
                self._dropped["rate"] += 1
                return None
            return self._cookie(packed, nonce, now, 0, version)
        if not self._admit_handshake(packed, now):  # 4. rate
            self._refuse("rate", address)
            return self._cookie(packed, nonce, now, RETRY_MS, version)
        place = place_of(packed)
        if self._seats.find_victims(place, returns=len(data) == INIT_TICKET_SIZE) is None:  # 5. a seat
            self._refuse("crowded", address)
            return self._cookie(packed, nonce, now, RETRY_MS, version)
        try:  # 6. Noise, 7. payload
            pending = self._shake_hands(data, client_cid, address, packed, now)
        except ProtocolError:
            self._refuse("handshake", address)
            return None
        # Not before: an attacker who sees an INIT could lock its client out by sending a corrupted copy first.
        self._cookies.consume(cookie, now)
        victims = self._seats.find_victims(place, returns=pending.ticket is not None)
        if victims is None:  # it had the size of an INIT with a ticket, but no valid one
            self._refuse("crowded", address)
            return self._cookie(packed, nonce, now, RETRY_MS, version)
        for cid in victims:
            self.remove(self._by_cid[cid])
        self._by_cookie[cookie] = self._by_cid[pending.cid] = pending
        self._seats.seat(pending.cid, place, standing_of(pending))
        return pending.resp

    def remove(self, pending: Pending) -> None:
        """Remove a pending handshake: it has become a session, lost its seat, or expired."""
        del self._by_cid[pending.cid]
        del self._by_cookie[pending.init[16:32]]
        self._seats.release(pending.cid)

    def expire(self, now: float) -> None:
        """Remove the handshakes whose first datagram has not come in time."""
        for pending in list(self._by_cid.values()):
            if pending.created_at + self._limits.pending_seconds > now:
                return  # they are in order of age
            self.remove(pending)

    def respond(
        self, responder: Responder, client_cid: int, now: float, *, resumed: bool
    ) -> tuple[bytes, int, Channel, bytes]:
        """Return Noise message 2, the new server_cid, its channel and its reset token."""
        cid = int.from_bytes(self._random(7), "little") or 1
        token = reset_token(self._identity.reset_key, cid)
        limits = self._limits
        payload = RespPayload(
            cid,
            limits.ping_seconds,
            limits.idle_seconds,
            limits.text_bytes,
            self.ack_ms,
            token,
            self._identity.room,
            resumed,
        )
        message = responder.write_message(pad_payload(payload, RESP_PAYLOAD_SIZE))
        send_key, receive_key = responder.split()
        return message, cid, Channel(send_key, receive_key, cid, client_cid, now), token

    def responder(self, prologue: bytes) -> Responder:
        """Begin the server's side of a Noise handshake."""
        return Responder(self._identity.private_key, prologue, self._random(32))

    def _shake_hands(self, data: bytes, client_cid: int, address: Address, packed: bytes, now: float) -> Pending:
        responder = self.responder(PROLOGUE + data[:INIT_HEADER_SIZE])
        payload = decode_init_payload_untrusted(responder.read_message_untrusted(data[INIT_HEADER_SIZE:]))
        ticket = self._open_ticket(payload.ticket, responder.remote_static)
        message, cid, channel, token = self.respond(responder, client_cid, now, resumed=ticket is not None)
        resp = RESP_STRUCT.pack(RESP, VERSION, 0, client_cid) + message
        return Pending(
            cid,
            channel,
            address,
            packed,
            responder.remote_static,
            data,
            resp,
            payload,
            ticket,
            token,
            responder.handshake_hash,
            now,
        )

    def _open_ticket(self, ticket: bytes | None, client_key: bytes) -> Ticket | None:
        if ticket is None:
            return None
        try:
            return self.tickets.open_untrusted(ticket, client_key)
        except ProtocolError:
            return None

    def _refuse(self, reason: str, address: Address) -> None:
        self._dropped[reason] += 1
        self._events.append(HandshakeRefused(address, reason))

    def _admit_stranger(self, packed: bytes, now: float) -> bool:
        return self._strangers.allow(prefix_of(packed), now) and self._cookie_rate.take(now)

    def _admit_handshake(self, packed: bytes, now: float) -> bool:
        place = place_of(packed)
        is_rare = self._address_rate.idle(place, now) >= RARE_AFTER
        return self._address_rate.take(place, now) and (self._rate.take(now) or (is_rare and self._rare_rate.take(now)))

    def _cookie(self, packed: bytes, nonce: bytes, now: float, retry_ms: int, version: int) -> bytes:
        epoch, cookie = self._cookies.create(packed, nonce, now) if version == VERSION else (0, bytes(16))
        return COOKIE_STRUCT.pack(COOKIE, VERSION, epoch, 0, nonce, cookie, self.public_key, retry_ms, 0)


def standing_of(pending: Pending) -> Standing:
    """Return the standing of a handshake, or the session it becomes: it decides who gives up a seat first."""
    return Standing.STRANGER if pending.ticket is None else Standing.RETURNING


def _rare_rate(limits: Limits) -> tuple[float, float]:
    rate = RARE_SHARE * limits.handshakes_per_second
    return rate, max(1.0, rate)
