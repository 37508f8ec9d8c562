"""One session seen from the client: its channels, its rekeying, its end by RESET (docs/PROTOCOL.md §4, §7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS, PING_RETRY_AFTER, PROLOGUE, REKEY_AFTER, RESET_SIZE
from sockatuh.protocol.datagrams import receiver_cid_of
from sockatuh.protocol.messages import (
    ClientMessage,
    Rekey,
    Rekeyed,
    ServerMessage,
    decode_resp_payload_untrusted,
    decode_server_message_untrusted,
    encode,
)
from sockatuh.protocol.noise import Initiator
from sockatuh.protocol.seam import Address

from .clamps import PING_SECONDS
from .dialer import Established
from .liveness import Contact


@dataclass(slots=True)
class _Rekeying:
    """A handshake inside the session that has no answer yet."""

    initiator: Initiator
    request: Rekey
    tries: int
    due_at: float


class Link:
    """Seals what goes and opens what comes; renews its keys about hourly. `out` collects (datagram, address).

    `contact` knows whether the server is still there.
    """

    def __init__(
        self,
        established: Established,
        private_key: bytes,
        random: Callable[[int], bytes],
        out: list[tuple[bytes, Address]],
        now: float,
    ) -> None:
        payload = established.payload
        self.contact = Contact(PING_SECONDS(payload.ping_s), random, now)
        self.address = established.address
        self.server_key = established.server_key
        self._private_key, self._random, self._out = private_key, random, out
        self._channel = established.channel
        self._old: tuple[Channel, float] | None = None
        self._handshake_hash = established.handshake_hash
        self._first_reset = (payload.server_cid, payload.reset_token)
        self._reset = self._first_reset
        self._rekeying: _Rekeying | None = None
        self._rekey_after = REKEY_AFTER * (0.9 + 0.2 * random(1)[0] / 255)
        self._rekey_at = now + self._rekey_after

    def send(self, message: ClientMessage) -> None:
        """Seal and send a message."""
        self._out.append((self._channel.seal(encode(message)), self.address))

    def open_untrusted(self, data: bytes) -> ServerMessage:
        """Return the message in a DATA datagram, or raise ProtocolError."""
        cid = receiver_cid_of(data)
        if cid == self._channel.receive_cid:
            return decode_server_message_untrusted(self._channel.open_untrusted(data))
        if self._rekeying is None and self._old is not None and cid == self._old[0].receive_cid:
            return decode_server_message_untrusted(self._old[0].open_untrusted(data))
        raise ProtocolError("datagram of another session")

    def is_reset(self, data: bytes) -> bool:
        """Tell whether a RESET is for this session and from its server."""
        return len(data) == RESET_SIZE and (receiver_cid_of(data), data[8:]) in (self._first_reset, self._reset)

    def get_timer(self) -> float:
        """Return when `handle_timer` is wanted."""
        rekey_at = self._rekeying.due_at if self._rekeying else self._rekey_at
        return min(rekey_at, self._old[1]) if self._old else rekey_at

    def handle_timer(self, now: float) -> None:
        """Begin a new channel when the present one is old, and ask again if that was not answered."""
        if self._old is not None and self._old[1] <= now:
            self._old = None
        if self._rekeying is None:
            if now >= self._rekey_at or self._channel.wants_rekey(now, self._rekey_after):
                self._begin_rekey(now)
        elif self._rekeying.due_at <= now:
            self._ask_rekey(self._rekeying, now)

    def finish_rekey(self, rekeyed: Rekeyed, now: float) -> None:
        """Use the new channel from now on; ProtocolError if the answer is not the server's."""
        rekeying = self._rekeying
        if rekeying is None:
            return
        payload = decode_resp_payload_untrusted(rekeying.initiator.read_message_untrusted(rekeyed.noise))
        send_key, receive_key = rekeying.initiator.split()
        self._old = self._channel, now + OLD_CHANNEL_SECONDS
        self._channel = Channel(send_key, receive_key, rekeying.request.client_cid, payload.server_cid, now)
        self._handshake_hash = rekeying.initiator.handshake_hash
        self._reset = payload.server_cid, payload.reset_token
        self._rekeying = None
        self._rekey_at = now + self._rekey_after
        self.contact.poke(now)  # the server uses the new channel when something has come on it, and not before

    def _begin_rekey(self, now: float) -> None:
        prologue = PROLOGUE + self._handshake_hash
        initiator = Initiator(self._private_key, self.server_key, prologue, self._random(32))
        client_cid = int.from_bytes(self._random(4), "little") or 1
        request = Rekey(client_cid, initiator.write_message(b""))
        self._rekeying = _Rekeying(initiator, request, 0, now)
        self._ask_rekey(self._rekeying, now)

    def _ask_rekey(self, rekeying: _Rekeying, now: float) -> None:
        self.send(rekeying.request)
        rekeying.due_at = now + PING_RETRY_AFTER[min(rekeying.tries, len(PING_RETRY_AFTER) - 1)]
        rekeying.tries += 1
