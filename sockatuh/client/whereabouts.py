"""Where a room can be reached: at the addresses of its host, and at further nodes that an invite or the server named.

A node needs no trust: the client dials it with the same pinned key, and passes over a server with another key.

Each name is looked up by itself, so one that no name server answers for keeps no other from being dialled; addresses
that were found stay in use until there are others, as the name server may have died together with the room's machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

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
        self._of_nodes: dict[Node, list[Address]] = {}
        self._asking: dict[Node, asyncio.Task[None]] = {}

    def move(self, host: str, port: int) -> None:
        """Look up this host from now on instead of the one before."""
        self._host, self._port = host, port

    @property
    def known(self) -> list[Address]:
        """Every address found so far, the host's first."""
        return list(dict.fromkeys([*self._own, *self.further]))

    @property
    def further(self) -> list[Address]:
        """The addresses that are not the host's."""
        of_nodes = [address for node in self._nodes for address in self._of_nodes.get(node, [])]
        return [address for address in dict.fromkeys([*of_nodes, *self.found]) if address not in self._own]

    async def look_up(self, on_silence: Callable[[], None]) -> list[Address]:
        """Return the addresses to dial: those of the nodes if the host has none or takes long. OSError: none at all.

        `on_silence` is called once if the name servers take long.
        """
        own = asyncio.ensure_future(self._resolver.look_up(self._host, self._port, on_silence))
        try:
            waiting: set[asyncio.Future[Any]] = {own, *self._ask_nodes()}
            _, waiting = await asyncio.wait(waiting, timeout=PATIENCE)
            while waiting and not self.further and (not own.done() or own.exception() is not None):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not self.further or (own.done() and own.exception() is None):
                self._own = await own
        finally:
            own.cancel()
        return self.known

    async def look_up_again(self) -> list[Address]:
        """Return the addresses as they are now; those stay as they were of which nobody answers."""
        asking = self._ask_nodes()
        self._own = await self._resolver.look_up_again(self._host, self._port) or self._own
        if asking:
            await asyncio.wait(asking, timeout=PATIENCE)
        return self.known

    def close(self) -> None:
        """Wait for no more answers."""
        for task in self._asking.values():
            task.cancel()

    @property
    def _nodes(self) -> list[Node]:
        return list(dict.fromkeys([*self._given, *self.announced]))[:MOST_NODES]

    def _ask_nodes(self) -> list[asyncio.Task[None]]:
        """Ask for the addresses of all nodes, unless an answer is still awaited; return what ends with the answers."""
        for node in self._nodes:
            if node not in self._asking or self._asking[node].done():
                self._asking[node] = asyncio.create_task(self._ask_node(node))
        return [self._asking[node] for node in self._nodes]

    async def _ask_node(self, node: Node) -> None:
        if found := await self._resolver.look_up_again(*node):
            self._of_nodes[node] = found[:ADDRESSES_OF_A_NODE]
