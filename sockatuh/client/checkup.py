"""Examines how a server can be reached, without joining its room: by unicast, and by a broadcast in its network."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Final

import msgspec

from sockatuh.net.address import format_address
from sockatuh.net.driver import Driver
from sockatuh.net.interfaces import find_links
from sockatuh.net.sockets import open_client_socket, open_search_socket
from sockatuh.protocol.client.checkup import HELLOS, Checkup, CheckupEnded, Path
from sockatuh.protocol.client.discovery import Discovery, DiscoveryEvent
from sockatuh.protocol.client.events import KeyMismatch, VersionDiffers
from sockatuh.protocol.seam import Address

from .deadline import loop_time
from .discovery import everybody, is_near, rank
from .lookup import look_up
from .refusals import Refusals
from .server_address import ServerAddress

__all__ = ["Examined", "Path", "answers_a_broadcast", "examine", "find_addresses"]

LOOK_UP_SECONDS: Final = 5.0
BROADCAST_SECONDS: Final = 1.5


class Examined(msgspec.Struct, frozen=True):
    """What an examination came to.

    `best` is the address that answered best, None if none did, and `seconds` are the times of its answers to `sent`
    HELLOs. `obstacles` are pairs of an address and what stood in the way (`protocol.client.obstacles`). `key` (32
    bytes) was proven by whoever calls the room `room`; None if no key was, or if another key than the known one was
    `offered`, or the server speaks the version `theirs` of the protocol.
    """

    best: Address | None = None
    seconds: tuple[float, ...] = ()
    sent: int = HELLOS
    obstacles: tuple[tuple[str, str], ...] = ()
    key: bytes | None = None
    room: str = ""
    offered: bytes | None = None
    theirs: int | None = None
    path: Path = Path.UNTRIED


async def find_addresses(server: ServerAddress) -> list[Address]:
    """Return a server's addresses for `examine`; OSError: it has none; TimeoutError: no name server answers."""
    with open_client_socket() as sock:
        family = sock.family
    async with asyncio.timeout(LOOK_UP_SECONDS):
        return await look_up(server.host, server.port, family, lambda: None)


async def examine(addresses: Sequence[Address], pin: bytes | None) -> Examined:
    """Examine a server at some addresses, and return the results. `pin` is its key (32 bytes), None if unknown."""
    core, ended = Checkup(addresses, pin, os.urandom), asyncio.Event()
    sock = open_client_socket()
    refusals = Refusals(sock, core.note_obstacle)
    driver: Driver[CheckupEnded] = Driver(
        core, sock, lambda _: ended.set(), sender=refusals.sender, receiver=refusals.receiver
    )
    try:
        core.start(loop_time())
        driver.start()
        await ended.wait()
    finally:
        driver.close()
    return _results(core)


async def answers_a_broadcast(key: bytes, port: int) -> bool:
    """Tell whether the server with this key (32 bytes) answers what is sent to all machines of our networks."""
    ended, sock = asyncio.Event(), open_search_socket()
    core = Discovery(
        {key}, os.urandom, may_ask=is_near, rank=rank, proves=False, only_pins=True, seconds=BROADCAST_SECONDS
    )
    driver: Driver[DiscoveryEvent] = Driver(core, sock, lambda _: ended.set())
    try:
        core.ask(everybody(find_links(), [port], sock.family), loop_time())
        core.start(loop_time())
        driver.start()
        await ended.wait()
    finally:
        driver.close()
    return len(core.answers) > 0


def _results(core: Checkup) -> Examined:
    met = [(format_address(at), each.obstacle) for at, each in core.contacts.items()]
    return Examined(
        core.best,
        tuple(core.contacts[core.best].seconds) if core.best is not None else (),
        obstacles=tuple((address, str(obstacle)) for address, obstacle in met if obstacle is not None),
        key=core.room.key if core.room is not None else None,
        room=core.room.room if core.room is not None else "",
        offered=core.wrong.offered if isinstance(core.wrong, KeyMismatch) else None,
        theirs=core.wrong.theirs if isinstance(core.wrong, VersionDiffers) else None,
        path=core.path,
    )
