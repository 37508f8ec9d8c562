"""Proofs that seal what no client of ours would."""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.protocol import pake
from sockatuh.protocol.constants import PASSWORD_FIELD_SIZE
from sockatuh.protocol.password_proof import Binding, Proof, _Keys


def pad(password: bytes, length: int | None = None) -> bytes:
    """Return a password as it is sealed: behind its length, which need not be right."""
    told = len(password) if length is None else length
    return bytes([told]) + password.ljust(PASSWORD_FIELD_SIZE, b"\0")


def forge_proof(
    share: bytes, secret: bytes, padded: bytes, name: str, binding: Binding, random: Callable[[int], bytes]
) -> Proof:
    """Answer a server's share as somebody does who knows the hash `secret`, and seal `padded` as it is."""
    scalar, blind = random(pake.SHARE_SIZE), random(pake.SHARE_SIZE)
    server = pake.Part(share, b"")
    client = pake.Part(pake.multiply(scalar, binding.point(secret, blind)), name.encode())
    keys = _Keys(binding, scalar, share, server, client)
    return Proof(client.share + keys.of_client + keys.seal.encrypt(bytes(12), padded, keys.of_client), keys.of_server)
