"""Tickets: how the same key comes back under the same name without a password (docs/PROTOCOL.md §9).

A ticket is also the only thing a client can show that proves where the log once was: the server itself sealed in it
which log it was and how far that had come. A client's cursor proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class TicketKey:
    """One key that seals tickets: its name on the wire (4 bytes), and the secret (32 bytes)."""

    key_id: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says: its holder's name, and that the log `log_id` had come to `seq` when it was made."""

    name: str
    log_id: bytes
    seq: int


def password_generation(password_hash: str) -> bytes:
    """Return the 8 bytes that tell tickets of one password from those of the next."""
    return hashlib.blake2s(password_hash.encode()).digest()[:8]


class Tickets:
    """Seals with the newest of `keys` (newest first, at least one), opens with any of them.

    `generation` is the `password_generation` of the room's password: tickets of another one do not open.
    """

    __slots__ = ("_ciphers", "_generation", "_newest")

    def __init__(self, keys: Sequence[TicketKey], generation: bytes) -> None:
        self._generation = generation
        self.replace_keys(keys)

    def replace_keys(self, keys: Sequence[TicketKey]) -> None:
        """Use these keys from now on; tickets of keys that are not among them do not open any more."""
        if not keys:
            raise ValueError("no ticket key")
        self._newest = keys[0].key_id
        # From the oldest, so that the newest stands where two share an id.
        self._ciphers = {key.key_id: ChaCha20Poly1305(key.key) for key in reversed(keys)}

    def replace_generation(self, generation: bytes) -> None:
        """Seal and open for another password from now on; tickets of the present one do not open any more."""
        self._generation = generation

    def seal(self, ticket: Ticket, client_key: bytes, random: Callable[[int], bytes]) -> bytes:
        """Return `ticket` as bytes, good only in the hands of whoever proves `client_key`."""
        nonce = random(_NONCE_SIZE)
        body = _encoder.encode([ticket.name, ticket.log_id, ticket.seq])
        sealed = self._ciphers[self._newest].encrypt(nonce, body, self._associated_data(self._newest, client_key))
        return self._newest + nonce + sealed

    def open_untrusted(self, ticket: bytes, client_key: bytes) -> Ticket:
        """Return what `ticket` says, or raise ProtocolError when it is not a good one for that key."""
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
