"""The Noise IK handshake, Noise_IK_25519_ChaChaPoly_BLAKE2s (Noise revision 34, §5 and §7.5).

    IK:  <- s
         ...
         -> e, es, s, ss
         <- e, ee, se

The initiator knows the responder's static key beforehand; the responder learns the initiator's from the first message.
Randomness comes in as the ephemeral private key, which must be new for every handshake. A message that does not verify
raises ProtocolError and leaves the handshake unchanged, so that forged messages cannot spoil it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sockatuh.errors import ProtocolError

from .constants import TAG_SIZE

_NAME: Final = b"Noise_IK_25519_ChaChaPoly_BLAKE2s"
_KEY_SIZE: Final = 32
_SEALED_KEY_SIZE: Final = _KEY_SIZE + TAG_SIZE
# IK mixes in a new key before each ciphertext, so every handshake key seals once, with nonce 0.
_NONCE: Final = bytes(12)


def public_key(private: bytes) -> bytes:
    """Return the X25519 public key of a private one, both 32 raw bytes."""
    return _public(X25519PrivateKey.from_private_bytes(private))


def _public(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def _dh(private: X25519PrivateKey, public: bytes) -> bytes:
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    # The result is all zeros: the point is of low order, and anybody could compute the keys.
    except ValueError:
        raise ProtocolError("public key of low order") from None


def _hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    secret = hmac.digest(chaining_key, material, hashlib.blake2s)
    first = hmac.digest(secret, b"\x01", hashlib.blake2s)
    return first, hmac.digest(secret, first + b"\x02", hashlib.blake2s)


class _SymmetricState:
    """The running hash and keys of a handshake (Noise §5.2)."""

    __slots__ = ("chaining_key", "hash", "key")

    def __init__(self, chaining_key: bytes, hash_: bytes, key: bytes = b"") -> None:
        self.chaining_key, self.hash, self.key = chaining_key, hash_, key

    @classmethod
    def begin(cls, prologue: bytes, responder_static: bytes) -> _SymmetricState:
        name = hashlib.blake2s(_NAME).digest()
        state = cls(name, name)
        state.mix_hash(prologue)
        state.mix_hash(responder_static)
        return state

    def copy(self) -> _SymmetricState:
        return _SymmetricState(self.chaining_key, self.hash, self.key)

    def mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.blake2s(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        self.chaining_key, self.key = _hkdf(self.chaining_key, material)

    def seal(self, plaintext: bytes) -> bytes:
        ciphertext = ChaCha20Poly1305(self.key).encrypt(_NONCE, plaintext, self.hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def open(self, ciphertext: bytes) -> bytes:
        try:
            plaintext = ChaCha20Poly1305(self.key).decrypt(_NONCE, ciphertext, self.hash)
        except InvalidTag:
            raise ProtocolError("handshake message does not verify") from None
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        return _hkdf(self.chaining_key, b"")


class _Handshake:
    """What both roles have in common."""

    __slots__ = ("_ephemeral", "_state", "_static")

    def __init__(self, static: X25519PrivateKey, ephemeral_private: bytes, state: _SymmetricState) -> None:
        self._static = static
        self._ephemeral = X25519PrivateKey.from_private_bytes(ephemeral_private)
        self._state = state

    @property
    def handshake_hash(self) -> bytes:
        """The hash (32 bytes) that names this handshake once both messages have passed."""
        return self._state.hash


class Initiator(_Handshake):
    """The side that speaks first: write_message, read_message_untrusted, split."""

    __slots__ = ("_remote_static",)

    def __init__(self, static_private: bytes, remote_static: bytes, prologue: bytes, ephemeral_private: bytes) -> None:
        static = X25519PrivateKey.from_private_bytes(static_private)
        super().__init__(static, ephemeral_private, _SymmetricState.begin(prologue, remote_static))
        self._remote_static = remote_static

    def write_message(self, payload: bytes) -> bytes:
        """Return message 1: `payload` and 96 bytes. A remote static key of low order is a ProtocolError."""
        state = self._state
        ephemeral = _public(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(_dh(self._ephemeral, self._remote_static))
        static = state.seal(_public(self._static))
        state.mix_key(_dh(self._static, self._remote_static))
        return ephemeral + static + state.seal(payload)

    def read_message_untrusted(self, message: bytes) -> bytes:
        """Return the payload of message 2, or raise ProtocolError."""
        if len(message) < _KEY_SIZE + TAG_SIZE:
            raise ProtocolError("handshake message too short")
        state, ephemeral = self._state.copy(), message[:_KEY_SIZE]
        state.mix_hash(ephemeral)
        state.mix_key(_dh(self._ephemeral, ephemeral))
        state.mix_key(_dh(self._static, ephemeral))
        payload = state.open(message[_KEY_SIZE:])
        self._state = state
        return payload

    def split(self) -> tuple[bytes, bytes]:
        """Return (send_key, receive_key) after message 2 was read."""
        return self._state.split()


class Responder(_Handshake):
    """The side that answers: read_message_untrusted, write_message, split."""

    __slots__ = ("_remote_ephemeral", "remote_static")

    def __init__(self, static_private: bytes, prologue: bytes, ephemeral_private: bytes) -> None:
        static = X25519PrivateKey.from_private_bytes(static_private)
        super().__init__(static, ephemeral_private, _SymmetricState.begin(prologue, _public(static)))
        self._remote_ephemeral = b""
        self.remote_static = b""

    def read_message_untrusted(self, message: bytes) -> bytes:
        """Return the payload of message 1 and set `remote_static`, or raise ProtocolError."""
        if len(message) < _KEY_SIZE + _SEALED_KEY_SIZE + TAG_SIZE:
            raise ProtocolError("handshake message too short")
        state, ephemeral = self._state.copy(), message[:_KEY_SIZE]
        state.mix_hash(ephemeral)
        state.mix_key(_dh(self._static, ephemeral))
        remote_static = state.open(message[_KEY_SIZE : _KEY_SIZE + _SEALED_KEY_SIZE])
        state.mix_key(_dh(self._static, remote_static))
        payload = state.open(message[_KEY_SIZE + _SEALED_KEY_SIZE :])
        self._state, self._remote_ephemeral, self.remote_static = state, ephemeral, remote_static
        return payload

    def write_message(self, payload: bytes) -> bytes:
        """Return message 2: `payload` and 48 bytes. A remote static key of low order is a ProtocolError."""
        state = self._state
        ephemeral = _public(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(_dh(self._ephemeral, self._remote_ephemeral))
        state.mix_key(_dh(self._ephemeral, self.remote_static))
        return ephemeral + state.seal(payload)

    def split(self) -> tuple[bytes, bytes]:
        """Return (send_key, receive_key) after message 2 was written."""
        receive_key, send_key = self._state.split()
        return send_key, receive_key
