"""A server and its peers in the world; their datagrams are recorded, and can be changed and forged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

from sockatuh.protocol.seam import Address

from .bare_room import PASSWORD, BareRoom
from .clients import Client
from .raw_server import Wants, make_peer
from .weather import Weather
from .world import World


class Wire(World):
    """A server and its peers. `spoil` may drop, change or multiply what passes."""

    def __init__(self, bare_room: BareRoom, *, seed: int = 1, delay: tuple[float, float] = (0.001, 0.001)) -> None:
        super().__init__(bare_room, seed=seed, weather=Weather(delay=delay))
        self.bare_room = bare_room
        self.peers: list[Client] = []
        self.recorded: list[tuple[bytes, Address, Address]] = []
        """All that was sent: (datagram, from, to)."""
        self.spoil: Callable[[bytes, Address, Address], Sequence[bytes]] = lambda data, _from, _to: [data]

    def peer(
        self, name: str | None = "ana", *, seed: int | str = "peer", connect: bool = True, **wants: Unpack[Wants]
    ) -> Client:
        """Connect a peer and let it ask to join under a name."""
        peer = Client((f"10.0.3.{len(self.peers) + 1}", 40_000), world=self, peer=make_peer(seed, **wants))
        self.peers.append(peer)
        self.clients.append(peer)
        if connect:
            peer.connect()
        if name is not None:
            peer.join(name, PASSWORD.decode())
        self.settle()
        return peer

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        self.recorded.append((data, source, target))
        for each in self.spoil(data, source, target):
            super()._send(each, source, target)
