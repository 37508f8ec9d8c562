"""Carries a client's datagrams: over a UDP socket, or in tests over a network in memory (testing.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from sockatuh.net.address import find_source
from sockatuh.net.background import in_background
from sockatuh.net.driver import Driver
from sockatuh.net.sockets import open_client_socket
from sockatuh.protocol.client.events import PeerEvent
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address

from .lookup import look_up, look_up_again
from .refusals import Refusals


class Watch(Protocol):
    """Watches the machine; what it does not see has to be polled for."""

    sees_network: bool
    sees_sleep: bool

    def close(self) -> None:
        """Stop watching."""


class Carrier(Protocol):
    """Runs one client's core: passes received datagrams to it, sends its datagrams, and fires its timers."""

    def start(self) -> None:
        """Start receiving, and send what the core has ready."""

    def flush(self) -> None:
        """Report the core's events and send its datagrams now."""

    def close(self) -> None:
        """Stop at once."""

    async def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> list[Address]:
        """Return a server's addresses; call `on_silence` once if the answer takes long. OSError: it has none."""

    async def look_up_again(self, host: str, port: int) -> list[Address]:
        """Look up the addresses once more; return none if there is no answer."""

    def find_source(self, server: Address) -> str | None:
        """Return this machine's address as that server sees it, None while there is no route."""

    def watch_machine(self, on_change: Callable[[bool], None]) -> Watch | None:
        """Call `on_change` when the machine's network has changed, with whether the machine may have slept.

        None: neither ever happens.
        """

    async def run_slow(self, work: Callable[[], bytes]) -> bytes:
        """Run what computes for long, beside everything else, and return its result."""


Carry: TypeAlias = Callable[[Peer, Callable[[PeerEvent], None]], Carrier]
"""Makes a carrier for a core; the function receives the core's events."""


class UdpCarrier:
    """Carries datagrams over a UDP socket of its own, bound to an address of this machine; create it in a running loop.

    Raises AddressUnusable if the machine does not have the address `source`; "::" stands for all of them.
    """

    def __init__(self, peer: Peer, on_event: Callable[[PeerEvent], None], source: str = "::") -> None:
        self.socket = open_client_socket(source)
        refusals = Refusals(self.socket, peer.note_obstacle)
        self.driver: Driver[PeerEvent] = Driver(
            peer, self.socket, on_event, sender=refusals.sender, receiver=refusals.receiver
        )
        self.start, self.flush, self.close = self.driver.start, self.driver.flush, self.driver.close

    async def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> list[Address]:
        return await look_up(host, port, self.socket.family, on_silence)

    async def look_up_again(self, host: str, port: int) -> list[Address]:
        return await look_up_again(host, port, self.socket.family)

    def find_source(self, server: Address) -> str | None:
        return find_source(server)

    def watch_machine(self, on_change: Callable[[bool], None]) -> Watch | None:
        from sockatuh.net.machine_watch import watch_machine  # not before there is a session

        return watch_machine(on_change)

    async def run_slow(self, work: Callable[[], bytes]) -> bytes:
        return await in_background(work)
