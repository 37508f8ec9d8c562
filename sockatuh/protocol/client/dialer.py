"""The client's way to a session: HELLO → COOKIE → (is this the server I mean?) → INIT → RESP (docs/PROTOCOL.md §3, §4).

Every address the server's name stands for is tried at once; the first whose COOKIE comes back is used. Answers are
known by nonce and handshake, never by where they come from. It never gives up by itself.

Nothing proves a COOKIE, and whoever sees a HELLO or an INIT can be faster than the server. So a COOKIE never takes back
what was done: a doubtful one leaves room for another, and a handshake that was begun can still be answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import (
    COOKIE_SIZE,
    HELLO,
    HELLO_SIZE,
    INIT,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    PROLOGUE,
    RECONNECT_INTERVAL,
    RESP_SIZE,
    TAG_SIZE,
    VERSION,
)
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT, INIT_STRUCT, RESP_STRUCT
from sockatuh.protocol.messages import InitPayload, RespPayload, decode_resp_payload_untrusted, pad_payload
from sockatuh.protocol.noise import Initiator
from sockatuh.protocol.seam import Address

from .clamps import COOKIE_SECONDS
from .obstacles import Obstacle, Obstacles

RETRY: Final = (0.25, 0.5, RECONNECT_INTERVAL)
"""Seconds to the next HELLO or INIT; the last for ever."""
INIT_TRIES: Final = 8
"""INITs without an answer before the client asks for a cookie again."""
MAX_ATTEMPTS: Final = 8
"""Handshakes that may still be answered, each begun with another cookie."""
COOKIE_PAUSE: Final = 0.02
"""Seconds from one INIT to the next that another cookie is a reason for."""
NOISE_OVERHEAD: Final = 32 + 32 + TAG_SIZE + TAG_SIZE
"""Bytes of Noise message 1 around its payload."""


class Dialing(Enum):
    """Where the way to a session has come to."""

    IDLE = auto()
    ASKING = auto()
    CHECKING = auto()
    SHAKING = auto()


@dataclass(frozen=True, slots=True)
class Offer:
    """A server answered: its key and the version it speaks."""

    server_key: bytes
    version: int
    address: Address


@dataclass(frozen=True, slots=True)
class Established:
    """A session: its channel, where the server is, and what it said of itself."""

    channel: Channel
    address: Address
    server_key: bytes
    payload: RespPayload
    handshake_hash: bytes


@dataclass(frozen=True, slots=True)
class _Cookie:
    """An address proof for one INIT."""

    address: Address
    nonce: bytes
    epoch: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A handshake that was begun: whoever answers it has the server's key."""

    initiator: Initiator
    init: bytes
    address: Address
    server_key: bytes


class Dialer:
    """One client's handshakes, one at a time. `out` collects (datagram, address)."""

    def __init__(self, private_key: bytes, random: Callable[[int], bytes], out: list[tuple[bytes, Address]]) -> None:
        self._private_key, self._random, self._out = private_key, random, out
        self.state = Dialing.IDLE
        self.due_at: float | None = None
        self._tries = 0
        self._addresses: Sequence[Address] = ()
        self._obstacles = Obstacles()
        self._nonces: dict[bytes, Address] = {}
        self._cookie: _Cookie | None = None
        self._not_before = 0.0
        self._server_key = b""
        self._payload: InitPayload | None = None
        self._attempts: OrderedDict[int, _Attempt] = OrderedDict()
        self._attempt: _Attempt | None = None
        self._init_at = 0.0
        self._hello_at = 0.0

    def start(self, addresses: Sequence[Address], at: float) -> None:
        """Ask every address from `at` (monotonic seconds) on."""
        if addresses != self._addresses or self.state is Dialing.IDLE:
            self._obstacles.begin(addresses)
        self._addresses = addresses
        self._nonces = {self._random(8): address for address in addresses}
        self._cookie = None
        self._enter(Dialing.ASKING, at)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> tuple[tuple[Address, Obstacle], ...] | None:
        """Note what stands in the way of an address, and return what is to be reported; it changes nothing."""
        return self._obstacles.note(address, obstacle) if self.state is Dialing.ASKING else None

    def stop(self) -> None:
        """Dial no more, and forget what would open a handshake that somebody has recorded."""
        self._attempts.clear()
        self._attempt = None
        self._enter(Dialing.IDLE, None)

    def trust(self, payload: InitPayload, now: float) -> None:
        """Go on to INIT: the offered key is the server's that is meant."""
        if self.state is Dialing.CHECKING:
            self._payload = payload
            self._attempt = None
            self._enter(Dialing.SHAKING, max(now, self._not_before))

    def doubt(self, now: float) -> None:
        """Wait on for another answer: what was offered is not what is meant, but may have been forged."""
        if self.state is Dialing.CHECKING:
            self._enter(Dialing.ASKING, min(self._hello_at, now + RETRY[0]))
            self._tries = 1

    def is_round_over(self, now: float) -> bool:
        """Tell whether a HELLO has had its time, and the next is due."""
        return self.state is Dialing.ASKING and self._tries > 0 and self.due_at is not None and self.due_at <= now

    def handle_timer(self, now: float) -> None:
        """Send HELLO or INIT (again) when due."""
        if self.due_at is None or self.due_at > now:
            return
        if self.state is Dialing.SHAKING and self._tries >= INIT_TRIES:
            self.start(self._addresses, now)
        if self.state is Dialing.ASKING:
            for nonce, address in self._nonces.items():
                self._out.append((HELLO_STRUCT.pack(HELLO, VERSION, 0, nonce).ljust(HELLO_SIZE, b"\0"), address))
        else:
            self._send_init(now)
        spread = 0.9 + 0.2 * self._random(1)[0] / 255
        self.due_at = now + RETRY[min(self._tries, len(RETRY) - 1)] * spread
        self._tries += 1

    def receive_cookie(self, data: bytes, now: float) -> Offer | None:
        """Take a COOKIE; return the offer if the server's key is to be checked now."""
        if len(data) != COOKIE_SIZE:
            return None
        _, version, epoch, _, nonce, cookie, server_key, retry_ms, _ = COOKIE_STRUCT.unpack(data)
        address = self._nonces.get(nonce)
        if address is None or self.state not in (Dialing.ASKING, Dialing.SHAKING):
            return None
        not_before = now + COOKIE_SECONDS(retry_ms / 1000)
        if self.state is Dialing.SHAKING:
            if version == VERSION:
                self._receive_another_cookie(_Cookie(address, nonce, epoch, cookie), server_key, not_before)
            return None
        self._cookie = _Cookie(address, nonce, epoch, cookie)
        self._server_key = server_key
        self._not_before = not_before
        self._hello_at = self.due_at or now
        self._enter(Dialing.CHECKING, None)
        return Offer(server_key, version, address)

    def receive_resp(self, data: bytes, now: float) -> Established | None:
        """Take a RESP; return the session it makes."""
        if len(data) != RESP_SIZE:
            return None
        _, version, _, client_cid = RESP_STRUCT.unpack_from(data)
        attempt = self._attempts.get(client_cid)
        if version != VERSION or attempt is None:
            return None
        initiator = attempt.initiator
        try:
            payload = decode_resp_payload_untrusted(initiator.read_message_untrusted(data[RESP_STRUCT.size :]))
        except ProtocolError:
            return None
        send_key, receive_key = initiator.split()
        channel = Channel(send_key, receive_key, client_cid, payload.server_cid, now)
        self.stop()
        return Established(channel, attempt.address, attempt.server_key, payload, initiator.handshake_hash)

    def _receive_another_cookie(self, cookie: _Cookie, server_key: bytes, at: float) -> None:
        """Heed the COOKIE an INIT was answered with: its cookie was stale, or handshakes come too fast."""
        current = self._cookie
        if server_key != self._server_key or current is None or cookie.address != current.address:
            return
        if cookie != current:
            self._cookie, self._attempt = cookie, None
            self.due_at = max(at, self._init_at + COOKIE_PAUSE)
        elif self.due_at is not None:
            self.due_at = max(self.due_at, at)

    def _send_init(self, now: float) -> None:
        cookie, payload = self._cookie, self._payload
        if cookie is None or payload is None:
            return
        if self._attempt is None:
            try:
                self._attempt = self._begin(cookie, payload)
            except ProtocolError:  # no honest server has such a key
                self.start(self._addresses, now)
                return
        self._init_at = now
        self._out.append((self._attempt.init, self._attempt.address))

    def _begin(self, cookie: _Cookie, payload: InitPayload) -> _Attempt:
        """Begin a handshake; ProtocolError if the server's key is of low order."""
        client_cid = int.from_bytes(self._random(4), "little") or 1
        header = INIT_STRUCT.pack(INIT, VERSION, cookie.epoch, 0, client_cid, cookie.nonce, cookie.cookie)
        initiator = Initiator(self._private_key, self._server_key, PROLOGUE + header, self._random(32))
        size = INIT_SIZE if payload.ticket is None else INIT_TICKET_SIZE
        message = initiator.write_message(pad_payload(payload, size - len(header) - NOISE_OVERHEAD))
        attempt = _Attempt(initiator, header + message, cookie.address, self._server_key)
        self._attempts[client_cid] = attempt
        if len(self._attempts) > MAX_ATTEMPTS:
            self._attempts.popitem(last=False)
        return attempt

    def _enter(self, state: Dialing, due_at: float | None) -> None:
        self.state, self.due_at, self._tries = state, due_at, 0
