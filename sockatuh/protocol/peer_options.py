"""What a client knows before it dials."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """Who this client is and what it knows: keys are 32 bytes, `stream` 8 random ones, `cursor` 0 for nothing read."""

    private_key: bytes
    stream: bytes
    version: str
    transient: bool = False
    pin: bytes | None = None
    ticket: bytes | None = None
    cursor: int = 0
    history: int | None = None
