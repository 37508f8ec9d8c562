"""One session at the client: its channels, their renewal, and RESET (docs/PROTOCOL.md §4, §7)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS, PING_RETRY_AFTER, PROLOGUE, REKEY_AFTER, RESET_SIZE
from sockatuh.protocol.datagrams import jitter, receiver_cid_of
from sockatuh.protocol.messages import (
    ClientMessage,
    Rekey,
    Rekeyed,
    decode_resp_payload_untrusted,
    encode,
)
from sockatuh.protocol.noise import Initiator
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .bounds import PING_SECONDS
from .handshakes import Established
from .liveness import Contact
from .timers import ClientTimer


class _Rekeying(msgspec.Struct):
    """A handshake inside the session that has no answer yet."""

    initiator: Initiator
    request: Rekey
    tries: int = 0


class Link:
    """Seals outgoing and opens incoming datagrams; renews its keys about hourly. `out` collects (datagram, address).

    `contact` knows whether the server is still there.
    """

    def __init__(
        self,
        established: Established,
        private_key: bytes,
        random: Callable[[int], bytes],
        timers: TimerTable[ClientTimer],
        out: list[tuple[bytes, Address]],
        now: float,
    ) -> None:
        payload = established.payload
        self.contact = Contact(PING_SECONDS(payload.ping_s), random, timers, now)
        self.address = established.address
        self.server_key = established.server_key
        self._private_key, self._random, self._timers, self._out = private_key, random, timers, out
        self._channel = established.channel
        self._old: Channel | None = None
        self._handshake_hash = established.handshake_hash
        self._first_reset = (payload.server_cid, payload.reset_token)
        self._reset = self._first_reset
        self._rekeying: _Rekeying | None = None
        self._rekey_after = REKEY_AFTER * jitter(random, 0.1)
        timers.set(ClientTimer.REKEY, now + self._rekey_after)

    def send(self, message: ClientMessage, now: float) -> None:
        """Seal and send a message."""
        self._out.append((self._channel.seal(encode(message)), self.address))
        self.contact.sent(now)
        if self._rekeying is None and self._channel.wants_rekey(now, self._rekey_after):
            self._timers.set_by(ClientTimer.REKEY, now)

    def open_untrusted(self, data: bytes) -> bytes:
        """Return the encoded message in a DATA datagram, or raise ProtocolError if it is not authentic or not new."""
        cid = receiver_cid_of(data)
        if cid == self._channel.receive_cid:
            return self._channel.open_untrusted(data)
        if self._rekeying is None and self._old is not None and cid == self._old.receive_cid:
            return self._old.open_untrusted(data)
        raise ProtocolError("datagram of another session")

    def is_reset(self, data: bytes) -> bool:
        """Tell whether a RESET is for this session and from its server."""
        return len(data) == RESET_SIZE and (receiver_cid_of(data), data[8:]) in (self._first_reset, self._reset)

    def drop_old_channel(self) -> None:
        """Stop reading the channel that was replaced."""
        self._old = None

    def rekey(self, now: float) -> None:
        """Request a new channel; until there is an answer, repeat the same request."""
        if self._rekeying is None:
            initiator = Initiator(self._private_key, self.server_key, PROLOGUE + self._handshake_hash, self._random(32))
            client_cid = int.from_bytes(self._random(4), "little") or 1
            self._rekeying = _Rekeying(initiator, Rekey(client_cid, initiator.write_message(b"")))
        self.send(self._rekeying.request, now)
        wait = PING_RETRY_AFTER[min(self._rekeying.tries, len(PING_RETRY_AFTER) - 1)]
        self._timers.set(ClientTimer.REKEY, now + wait)
        self._rekeying.tries += 1

    def finish_rekey(self, rekeyed: Rekeyed, now: float) -> None:
        """Use the new channel from now on; ProtocolError if the answer is not the server's."""
        rekeying = self._rekeying
        if rekeying is None:
            return
        payload = decode_resp_payload_untrusted(rekeying.initiator.read_message_untrusted(rekeyed.noise))
        send_key, receive_key = rekeying.initiator.split()
        self._old = self._channel
        self._timers.set(ClientTimer.OLD_CHANNEL, now + OLD_CHANNEL_SECONDS)
        self._channel = Channel(send_key, receive_key, rekeying.request.client_cid, payload.server_cid, now)
        self._handshake_hash = rekeying.initiator.handshake_hash
        self._reset = payload.server_cid, payload.reset_token
        self._rekeying = None
        self._timers.set(ClientTimer.REKEY, now + self._rekey_after)
        self.contact.poke(now)  # the server seals with the new channel only when it has received something on it
