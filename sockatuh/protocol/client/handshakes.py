"""The client's handshakes: INITs that were sent, and the RESP that makes one of them a session (docs/PROTOCOL.md §4).

Whoever answers an INIT has the private key that belongs to the server key it was made for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import INIT, INIT_SIZE, INIT_TICKET_SIZE, PROLOGUE, RESP_SIZE, TAG_SIZE, VERSION
from sockatuh.protocol.datagrams import INIT_STRUCT, RESP_STRUCT
from sockatuh.protocol.messages import InitPayload, RespPayload, decode_resp_payload_untrusted, pad_payload
from sockatuh.protocol.noise import Initiator
from sockatuh.protocol.seam import Address

MAX_HANDSHAKES: Final = 8
"""Handshakes that can still be answered, each begun with another cookie; a further one replaces the oldest."""
NOISE_OVERHEAD: Final = 32 + 32 + TAG_SIZE + TAG_SIZE
"""Bytes of Noise message 1 around its payload."""


class Cookie(msgspec.Struct, frozen=True):
    """The contents of a COOKIE: proof of our address for one INIT, and the key its sender claims to have."""

    address: Address
    nonce: bytes
    epoch: int
    cookie: bytes
    server_key: bytes


class Established(msgspec.Struct, frozen=True):
    """A session: its channel, where the server is, and what the server sent about itself."""

    channel: Channel
    address: Address
    server_key: bytes
    payload: RespPayload
    handshake_hash: bytes


class Handshakes:
    """The newest handshakes of one client; each of them can still be answered."""

    def __init__(self, private_key: bytes, random: Callable[[int], bytes]) -> None:
        self._private_key, self._random = private_key, random
        self._open: OrderedDict[int, tuple[Initiator, Cookie]] = OrderedDict()

    def begin(self, cookie: Cookie, payload: InitPayload) -> bytes:
        """Begin a handshake and return its INIT; ProtocolError if the server's key is of low order."""
        client_cid = int.from_bytes(self._random(4), "little") or 1
        header = INIT_STRUCT.pack(INIT, VERSION, cookie.epoch, 0, client_cid, cookie.nonce, cookie.cookie)
        initiator = Initiator(self._private_key, cookie.server_key, PROLOGUE + header, self._random(32))
        size = INIT_SIZE if payload.ticket is None else INIT_TICKET_SIZE
        message = initiator.write_message(pad_payload(payload, size - len(header) - NOISE_OVERHEAD))
        self._open[client_cid] = initiator, cookie
        if len(self._open) > MAX_HANDSHAKES:
            self._open.popitem(last=False)
        return header + message

    def finish_untrusted(self, resp: bytes, now: float) -> Established:
        """Return the session that a RESP makes, or raise ProtocolError if it answers none of the handshakes."""
        if len(resp) != RESP_SIZE:
            raise ProtocolError("RESP of another size")
        _, version, _, client_cid = RESP_STRUCT.unpack_from(resp)
        if version != VERSION or client_cid not in self._open:
            raise ProtocolError("RESP to no handshake of ours")
        initiator, cookie = self._open[client_cid]
        payload = decode_resp_payload_untrusted(initiator.read_message_untrusted(resp[RESP_STRUCT.size :]))
        send_key, receive_key = initiator.split()
        channel = Channel(send_key, receive_key, client_cid, payload.server_cid, now)
        return Established(channel, cookie.address, cookie.server_key, payload, initiator.handshake_hash)

    def clear(self) -> None:
        """Erase all handshakes, and with them the keys that could decrypt a recorded one."""
        self._open.clear()
