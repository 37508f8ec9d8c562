"""Tickets: with one a key comes back under the same name without the password (docs/PROTOCOL.md §9).

A ticket is also the only proof a client can show of how far the log once reached: the server itself sealed in it which
log it was, and its last seq at that time. A client's cursor proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import LOG_ID_SIZE, TAG_SIZE

_KEY_ID_SIZE: Final = 4
_NONCE_SIZE: Final = 12
_HEADER_SIZE: Final = _KEY_ID_SIZE + _NONCE_SIZE

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[str, bytes, int])


class TicketKey(msgspec.Struct, frozen=True):
    """A key that seals tickets: its id on the wire (4 bytes), and the secret (32 bytes)."""

    key_id: bytes
    key: bytes


class Ticket(msgspec.Struct, frozen=True):
    """What a ticket says: the holder's name, and the last `seq` of the log `log_id` when the ticket was made."""

    name: str
    log_id: bytes
    seq: int


def password_generation(password_hash: str) -> bytes:
    """Return 8 bytes that differ for each password, so that a new one voids the tickets of the previous one."""
    return hashlib.blake2s(password_hash.encode()).digest()[:8]


class Tickets:
    """Seals with the first of `keys` (at least one), and opens with any of them.

    `generation` is the `password_generation` of the room's password; tickets made under another one do not open.
    """

    __slots__ = ("_ciphers", "_generation", "_sealing")

    def __init__(self, keys: Sequence[TicketKey], generation: bytes) -> None:
        self._generation = generation
        self.replace_keys(keys)

    def replace_keys(self, keys: Sequence[TicketKey]) -> None:
        """Use these keys from now on; tickets sealed with other keys no longer open."""
        if not keys:
            raise ValueError("no ticket key")
        self._sealing = keys[0].key_id
        # From the last, so that the first stands where two share an id.
        self._ciphers = {key.key_id: ChaCha20Poly1305(key.key) for key in reversed(keys)}

    def replace_generation(self, generation: bytes) -> None:
        """Seal and open for another password from now on; tickets of the present one no longer open."""
        self._generation = generation

    def seal(self, ticket: Ticket, client_key: bytes, random: Callable[[int], bytes]) -> bytes:
        """Return a ticket as bytes that are valid only together with proof of `client_key`."""
        nonce = random(_NONCE_SIZE)
        body = _encoder.encode([ticket.name, ticket.log_id, ticket.seq])
        sealed = self._ciphers[self._sealing].encrypt(nonce, body, self._associated_data(self._sealing, client_key))
        return self._sealing + nonce + sealed

    def open_untrusted(self, ticket: bytes, client_key: bytes) -> Ticket:
        """Return what a ticket says, or raise ProtocolError if it is not valid for that key."""
        key_id = ticket[:_KEY_ID_SIZE]
        cipher = self._ciphers.get(key_id)
        if cipher is None or len(ticket) < _HEADER_SIZE + TAG_SIZE:
            raise ProtocolError("ticket of an unknown key")
        nonce, sealed = ticket[_KEY_ID_SIZE:_HEADER_SIZE], ticket[_HEADER_SIZE:]
        try:
            opened = Ticket(*_decoder.decode(cipher.decrypt(nonce, sealed, self._associated_data(key_id, client_key))))
        except (InvalidTag, msgspec.MsgspecError, ValueError):
            raise ProtocolError("ticket does not verify") from None
        if len(opened.log_id) != LOG_ID_SIZE or opened.seq < 0:
            raise ProtocolError("ticket of no log")
        return opened

    def _associated_data(self, key_id: bytes, client_key: bytes) -> bytes:
        return key_id + client_key + self._generation
