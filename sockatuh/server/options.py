"""What the admin decided about a room, as the server takes it, and what people are told once it can be joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from sockatuh.net.address import parse_server
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.identity import Invite, fingerprint, words
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.decisions import JOIN_LINES_UP_TO

if TYPE_CHECKING:
    from sockatuh.net.address import Network


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """All decisions; spans are in seconds (0: none, infinity: for ever)."""

    host: str
    port: int
    room: str
    password_hash: str = field(repr=False)
    state_dir: Path
    synchronous: Literal["full", "normal"]
    history_on_join: int
    message_retention: float
    event_retention: float
    name_ownership: float
    classic: bool
    classic_networks: Sequence[Network]
    max_members: int
    log_texts: bool
    limits: Limits
    message_bytes: int = 1 << 30
    join_lines_up_to: int = JOIN_LINES_UP_TO
    discoverable: bool = True
    nodes: tuple[str, ...] = ()
    control: str = "auto"
    announce_as: str = "admin"
    log_level: str = "info"
    log_format: str = "auto"


class Ready(msgspec.Struct, frozen=True):
    """A room that can be joined: it listens on `host`, and is reached at one of `addresses`, the best first."""

    room: str
    host: str
    addresses: tuple[str, ...]
    port: int
    server_key: bytes
    nodes: tuple[str, ...] = ()
    """Where else members find the room, each `host:port`."""

    @property
    def fingerprint(self) -> str:
        """The server's key as its fingerprint in base64."""
        return fingerprint(self.server_key)

    @property
    def words(self) -> tuple[str, ...]:
        """The server's key as eight words that people can compare aloud."""
        return words(self.server_key)

    @property
    def invite(self) -> str:
        """The room's addresses, name and key in one line, which clients accept in place of an address."""
        here = self.addresses[0], self.port
        nodes = [parse_server(node, DEFAULT_PORT) for node in self.nodes]
        further = tuple(node for node in nodes if node != here)
        return Invite(*here, self.room, self.server_key, further).encode()
