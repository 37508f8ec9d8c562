"""The password proves the server: CPace over the hash, and the password sealed under its key (docs/PROTOCOL.md §10).

The server has the bcrypt hash of the room's password and nothing else, the client makes the same hash of what was
typed. CPace shows each that the other has it. What the server checks is the password itself, which the client seals
under the key of the exchange: so whoever has stolen the hash does not get in with it.

Random bytes come in as a function, and bcrypt is somebody else's work.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sockatuh.errors import ProtocolError

from . import pake
from .constants import BCRYPT_COSTS, BCRYPT_HASH, PASSWORD_FIELD_SIZE, TAG_SIZE

CPACE_OVER_BCRYPT: Final = 0
"""The kind of exchange that is described here."""
_TAG_AT: Final = pake.SHARE_SIZE
_SEALED_AT: Final = _TAG_AT + pake.CONFIRMATION_SIZE
PROOF_SIZE: Final = _SEALED_AT + 1 + PASSWORD_FIELD_SIZE + TAG_SIZE
"""Bytes of a proof: the client's share, its confirmation, and its password, padded and sealed."""

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT_BASE64: Final = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_BCRYPT: Final = bytes.maketrans(_BASE64, _BCRYPT_BASE64)
_FROM_BCRYPT: Final = bytes.maketrans(_BCRYPT_BASE64, _BASE64)
_NONCE: Final = bytes(12)
"""Each key seals one password."""
_CHANNEL: Final = b"sockatuh/1 password"
_SEAL: Final = b"sockatuh/1 sealed password"


# The hash.


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A bcrypt hash: its salt (16 bytes), its cost, and its 60 characters, written `$2b$`: the secret of CPace."""

    salt: bytes
    cost: int
    text: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Read the 60 characters; `$2a$` and `$2y$` mean the same as `$2b$`.

        Raises ValueError if bcrypt makes no such hash, or if its cost is none that a room may have.
        """
        match = BCRYPT_HASH.fullmatch(text)
        if match is None or int(match[1]) not in BCRYPT_COSTS:
            raise ValueError("not a bcrypt hash of cost 10 to 14")
        salt = match[2].encode().translate(_FROM_BCRYPT)
        return cls(base64.b64decode(salt + b"=="), int(match[1]), b"$2b$" + text[4:].encode())


def bcrypt_salt(salt: bytes, cost: int) -> bytes:
    """Return a salt (16 bytes) and a cost in the form in which bcrypt takes them."""
    return b"$2b$%02d$%b" % (cost, base64.b64encode(salt).rstrip(b"=").translate(_TO_BCRYPT))


# The exchange.


class Binding(msgspec.Struct, frozen=True):
    """What one exchange belongs to: the session (the handshake hash it began with) and both static keys, 32 bytes each.

    An exchange that is relayed to another session, or between other keys, fails.
    """

    session: bytes
    server_key: bytes
    client_key: bytes

    def point(self, secret: bytes, blind: bytes) -> bytes:
        """Return the generator for a hash (its 60 characters as `$2b$`)."""
        channel = pake.lv_cat(_CHANNEL, self.server_key, self.client_key)
        return pake.generator(secret, channel, self.session, blind)


class _Keys:
    """What both sides derive once they have each other's share."""

    def __init__(self, binding: Binding, scalar: bytes, theirs: bytes, server: pake.Part, client: pake.Part) -> None:
        key = pake.session_key(binding.session, pake.multiply(scalar, theirs), server, client)
        self.of_server = pake.confirmation(binding.session, key, server)
        self.of_client = pake.confirmation(binding.session, key, client)
        self.seal = ChaCha20Poly1305(hashlib.sha512(_SEAL + binding.session + key).digest()[:32])


@dataclass(frozen=True, slots=True)
class Opened:
    """A proof by somebody who knows the hash. `password` is None if nothing that can be one was sealed.

    `confirmation` (64 bytes) shows the client that the server knows the hash.
    """

    password: bytes | None = field(repr=False)
    confirmation: bytes = field(repr=False)


class Offer:
    """The server's half of one exchange; it serves for one proof. `random` draws its scalar and its blind."""

    def __init__(self, known: PasswordHash, binding: Binding, random: Callable[[int], bytes]) -> None:
        self.known = known
        self._binding, self._scalar = binding, random(pake.SHARE_SIZE)
        self.share = pake.multiply(self._scalar, binding.point(known.text, random(pake.SHARE_SIZE)))

    def open_untrusted(self, proof: bytes, name: str) -> Opened | None:
        """Open a client's proof for the name in its JOIN; return None if the client does not know the hash."""
        if len(proof) != PROOF_SIZE:
            return None
        share, tag, sealed = proof[:_TAG_AT], proof[_TAG_AT:_SEALED_AT], proof[_SEALED_AT:]
        server, client = pake.Part(self.share, b""), pake.Part(share, name.encode())
        try:
            keys = _Keys(self._binding, self._scalar, share, server, client)
        except ProtocolError:
            return None
        if not hmac.compare_digest(tag, keys.of_client):
            return None
        try:
            padded = keys.seal.decrypt(_NONCE, sealed, tag)
        except InvalidTag:
            return Opened(None, keys.of_server)
        length = padded[0]
        return Opened(padded[1 : 1 + length] if 0 < length <= PASSWORD_FIELD_SIZE else None, keys.of_server)


@dataclass(frozen=True, slots=True)
class Proof:
    """A client's proof as JOIN carries it, and the confirmation by which only a server that knows the hash answers."""

    encoded: bytes = field(repr=False)
    confirmation: bytes = field(repr=False)

    def is_answered_by(self, confirmation: bytes) -> bool:
        """Tell whether a server that sends this confirmation knows the hash."""
        return hmac.compare_digest(confirmation, self.confirmation)


def prove_untrusted(
    share: bytes, secret: bytes, password: bytes, name: str, binding: Binding, random: Callable[[int], bytes]
) -> Proof:
    """Answer a server's share; ProtocolError if that is of low order.

    `secret` is the hash of the password (60 characters as `$2b$`), the password 1 to 72 bytes.
    """
    if not 0 < len(password) <= PASSWORD_FIELD_SIZE:
        raise ValueError("a password has 1 to 72 bytes")
    scalar, blind = random(pake.SHARE_SIZE), random(pake.SHARE_SIZE)
    server = pake.Part(share, b"")
    client = pake.Part(pake.multiply(scalar, binding.point(secret, blind)), name.encode())
    keys = _Keys(binding, scalar, share, server, client)
    padded = bytes([len(password)]) + password.ljust(PASSWORD_FIELD_SIZE, b"\0")
    sealed = keys.seal.encrypt(_NONCE, padded, keys.of_client)
    return Proof(client.share + keys.of_client + sealed, keys.of_server)
