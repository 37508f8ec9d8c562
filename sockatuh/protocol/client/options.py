"""What a client knows before it dials."""

from __future__ import annotations

from dataclasses import dataclass

from sockatuh.protocol.messages import MEMBER


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """Who this client is, as what it comes, and what it knows.

    Keys are 32 bytes, `stream` 8 random ones, `cursor` 0 for nothing read.
    """

    private_key: bytes
    stream: bytes
    version: str
    role: int = MEMBER
    pin: bytes | None = None
    ticket: bytes | None = None
    cursor: int = 0
    history: int | None = None
