"""Parses a server's address as people write it: a host, a host and a port, or an invite."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from sockatuh.errors import AddressUnclear, ProtocolError
from sockatuh.net.address import format_address, parse_server, split_address
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.identity import Invite
from sockatuh.protocol.seam import bracketed

SCHEME: Final = "sockatuh://"
Node: TypeAlias = tuple[str, int]
"""Host and port of a further address of a room."""


class ServerAddress(msgspec.Struct, frozen=True):
    """A server, and what only an invite names: its key (32 bytes), and further nodes of the same room."""

    host: str
    port: int = DEFAULT_PORT
    key: bytes | None = None
    nodes: tuple[Node, ...] = ()

    @property
    def server(self) -> str:
        """`host:port`, as people write it and as a profile names the server."""
        return format_address((self.host, self.port))

    @classmethod
    def parse(cls, server: str | Invite) -> ServerAddress:
        """Return the address that a text or an invite names; raises AddressUnclear."""
        try:
            if isinstance(server, str) and not server.startswith(SCHEME):
                return cls(*parse_server(server, DEFAULT_PORT))
            invite = server if isinstance(server, Invite) else Invite.parse_untrusted(server)
        except (ProtocolError, ValueError) as error:
            raise AddressUnclear(str(server), str(error)) from None
        return cls(invite.host, invite.port, invite.key, invite.nodes)


def short_form(server: str) -> str:
    """Return a server (`host:port`) as people write it: without the usual port."""
    host, port = split_address(server)
    return bracketed(host) if port == str(DEFAULT_PORT) else server


def parse_nodes_untrusted(texts: Iterable[str]) -> tuple[Node, ...]:
    """Return the nodes among texts that a server has sent; what is not `host:port` is ignored."""
    nodes = []
    for text in texts:
        with contextlib.suppress(ValueError):
            host, port = parse_server(text, 0)
            if port and text.isprintable():
                nodes.append((host, port))
    return tuple(nodes)
