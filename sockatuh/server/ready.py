"""What people are told when a room can be joined."""

from __future__ import annotations

from dataclasses import dataclass

from sockatuh.protocol.identity import Invite, fingerprint, words


@dataclass(frozen=True, slots=True)
class Ready:
    """The room can be joined: it listens on `host`, and people find it at one of `addresses`, the best first."""

    room: str
    host: str
    addresses: tuple[str, ...]
    port: int
    server_key: bytes

    @property
    def fingerprint(self) -> str:
        """The server's key as its fingerprint in base64."""
        return fingerprint(self.server_key)

    @property
    def words(self) -> tuple[str, ...]:
        """The server's key as eight words, to be compared aloud."""
        return words(self.server_key)

    @property
    def invite(self) -> str:
        """All of it in one line, which a client takes for a server."""
        return Invite(self.addresses[0], self.port, self.room, self.server_key).encode()
