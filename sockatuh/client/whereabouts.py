"""Where a room can be reached: at the addresses of its host, and at further nodes that an invite or the server named.

A node needs no trust: the client dials it with the same pinned key, and refuses a server with another key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from sockatuh.protocol.seam import Address

from .server_address import Node

PATIENCE: Final = 1.0
"""Seconds after which the nodes are dialled without the host, if its name has not been resolved by then."""
ADDRESSES_OF_A_NODE: Final = 2
"""Addresses of one node that are dialled; a name may have many more."""
MOST_NODES: Final = 24
"""Nodes that are dialled: those of an invite, of the profile and of the last WELCOME, eight each."""


class Resolver(Protocol):
    """What looks names up; see `Carrier`."""

    def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> Awaitable[list[Address]]:
        """Return a server's addresses, however long that takes; OSError: it has none."""

    def look_up_again(self, host: str, port: int) -> Awaitable[list[Address]]:
        """Return the addresses as they are now, none if nobody answers."""


class Whereabouts:
    """The addresses to dial for one room. `nodes` are known at the start; they stay in use."""

    def __init__(self, resolver: Resolver, host: str, port: int, nodes: Sequence[Node] = ()) -> None:
        self.announced: tuple[Node, ...] = ()
        """The nodes of the last WELCOME that named any."""
        self.found: list[Address] = []
        """Addresses at which the room was found meanwhile."""
        self._resolver, self._host, self._port, self._given = resolver, host, port, tuple(nodes)
        self._own: list[Address] = []
        self._further: list[Address] = []

    def move(self, host: str, port: int) -> None:
        """Look up this host from now on instead of the one before."""
        self._host, self._port = host, port

    @property
    def known(self) -> list[Address]:
        """Every address found so far, the host's first."""
        return list(dict.fromkeys([*self._own, *self._further, *self.found]))

    async def look_up(self, on_silence: Callable[[], None]) -> list[Address]:
        """Return the addresses to dial: those of the nodes if the host has none or takes long. OSError: none at all.

        `on_silence` is called once if the name servers take long.
        """
        own = asyncio.ensure_future(self._resolver.look_up(self._host, self._port, on_silence))
        further = asyncio.ensure_future(self._look_up_nodes())
        try:
            await asyncio.wait((own, further), timeout=PATIENCE)
            self._further = further.result() if further.done() else []
            is_resolved = own.done() and own.exception() is None
            if is_resolved or not (self._further or self.found):
                self._own = await own
        finally:
            own.cancel()
            further.cancel()
        return self.known

    async def look_up_again(self) -> list[Address]:
        """Return the addresses as they are now; those of the host stay as they were if nobody answers."""
        own, self._further = await asyncio.gather(
            self._resolver.look_up_again(self._host, self._port), self._look_up_nodes()
        )
        self._own = own or self._own
        return self.known

    async def _look_up_nodes(self) -> list[Address]:
        nodes = list(dict.fromkeys([*self._given, *self.announced]))[:MOST_NODES]
        found = await asyncio.gather(*(self._resolver.look_up_again(host, port) for host, port in nodes))
        return [address for addresses in found for address in addresses[:ADDRESSES_OF_A_NODE]]
