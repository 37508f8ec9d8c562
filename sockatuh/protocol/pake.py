"""CPace, a password-authenticated key exchange: suite CPACE-X25519-SHA512 (draft-irtf-cfrg-cpace-21).

Two sides that know the same secret get the same key; a side that guesses learns whether one guess was right, and
nothing by which it could try others. A is the initiator (here the server), B the responder (the client).

This is the one place where a primitive is written by hand: X25519 and SHA-512 come from libraries, but none that is
kept has the map from a hash to a point of the curve. Nothing in here draws random numbers.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sockatuh.errors import ProtocolError

SHARE_SIZE: Final = 32
"""Bytes of a share, a scalar and a blind."""
CONFIRMATION_SIZE: Final = 64
_DSI: Final = b"CPace255"
_HASH_BLOCK: Final = 128
"""Bytes that SHA-512 takes at a time."""
_P: Final = 2**255 - 19
_A: Final = 486_662
"""Curve25519 is v² = u³ + A·u² + u modulo P."""


class Part(msgspec.Struct, frozen=True):
    """What one side sends: its share (Ya or Yb, 32 bytes), and data that both must agree on (ADa or ADb)."""

    share: bytes
    data: bytes


def lv_cat(*parts: bytes) -> bytes:
    """Join byte strings, each behind its length in LEB128 (draft §A.1): no two lists give the same bytes."""
    return b"".join(_leb128(len(part)) + part for part in parts)


def generator(secret: bytes, channel: bytes, session: bytes, blind: bytes) -> bytes:
    """Return the point (u-coordinate, 32 bytes) that stands for a secret in one session (draft §8.2).

    `secret`, `channel` and `session` are PRS, CI and sid; `blind` is 32 random bytes that do not change the result.
    """
    padding = max(0, _HASH_BLOCK - 1 - len(lv_cat(secret)) - len(lv_cat(_DSI)))
    digest = hashlib.sha512(lv_cat(_DSI, secret, bytes(padding), channel, session)).digest()
    u = int.from_bytes(digest[:SHARE_SIZE], "little") % 2**255
    return _map_to_curve(u, int.from_bytes(blind, "little") % (_P - 1) + 1).to_bytes(SHARE_SIZE, "little")


def multiply(scalar: bytes, point: bytes) -> bytes:
    """Return X25519 (RFC 7748 §5) of 32 bytes each; ProtocolError if the point is of low order."""
    try:
        return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise ProtocolError("a share of low order") from None


def session_key(session: bytes, secret_point: bytes, a: Part, b: Part) -> bytes:
    """Return ISK (64 bytes), the key that both sides share if they know the same secret (draft §7.3, §7.4)."""
    transcript = lv_cat(a.share, a.data) + lv_cat(b.share, b.data)
    return hashlib.sha512(lv_cat(_DSI + b"_ISK", session, secret_point) + transcript).digest()


def confirmation(session: bytes, key: bytes, part: Part) -> bytes:
    """Return the tag (64 bytes) by which the sender of a part shows that it has the session key (draft §10.4)."""
    mac_key = hashlib.sha512(b"CPaceMac" + session + key).digest()
    return hmac.digest(mac_key, lv_cat(part.share, part.data), hashlib.sha512)


def _leb128(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _map_to_curve(u: int, blind: int) -> int:
    """Return the u-coordinate that Elligator 2 maps a number to (RFC 9380 §6.7.1, Z = 2).

    How long an inverse or a power takes in Python depends on the number, and the number on the password. So both are
    taken of the number times something random, the power comes to 1 as often as to -1, and which of the two candidates
    is right decides nothing but an index. tests/bench/password.py measures it.
    """
    # Neither is taken of 0: -1/2 and A² - 4 are no squares. The blind cancels out of the inverse, and its square out of
    # the question whether the right side of the curve's equation is a square. A power that comes to 1 ends with smaller
    # numbers than one that comes to -1, so odd blinds ask about twice the right side: 2 is no square, which makes the
    # answer the opposite. (A blind and its negative have the same square, and one of the two is odd.)
    inverse = pow((1 + 2 * u * u) * blind % _P, -1, _P) * blind % _P
    first = -_A * inverse % _P
    right_side = first * (first * (first + _A) + 1) % _P
    is_doubled = blind & 1
    power = pow((1 + is_doubled) * right_side * blind * blind % _P, (_P - 1) // 2, _P)
    return ((-first - _A) % _P, first)[(power == 1) ^ is_doubled]
