"""Asks whether a server answers, without joining its room."""

from __future__ import annotations

import asyncio
import os
import socket

import msgspec

from sockatuh.errors import IdentityChanged, NoServer, VersionMismatch
from sockatuh.net.address import format_address
from sockatuh.net.driver import Driver
from sockatuh.net.sockets import open_client_socket
from sockatuh.protocol.client.events import KeyMismatch, VersionDiffers
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.client.pinging import Answered, Pinging, PingResult, Unanswered
from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.seam import Address

from .deadline import Patience, loop_time
from .lookup import look_up
from .refusals import Refusals
from .server_address import ServerAddress

UNPROVEN = "what answers there proves no key"


class Pong(msgspec.Struct, frozen=True):
    """A server's answer: its key (32 bytes), which it has proved, its address, its room, and after how long it came."""

    key: bytes
    address: str
    room: str
    seconds: float


async def ping(server: ServerAddress, pin: bytes | None, seconds: float) -> Pong:
    """Return a server's answer. `pin` is its key (32 bytes), None if that is unknown.

    Raises NoServer if there is none within `seconds`, IdentityChanged if another key answers, and VersionMismatch.
    """
    patience = Patience(seconds)
    with open_client_socket() as sock:
        family = sock.family
    addresses = await _find_addresses(server, family, patience)
    result = await _ask(addresses, pin, patience.left() or 0)
    match result:
        case Answered():
            return Pong(result.key, format_address(result.address), result.room, result.seconds)
        case KeyMismatch(pinned, offered):
            raise IdentityChanged(server.server, pinned, offered)
        case VersionDiffers(theirs):
            raise VersionMismatch(VERSION, theirs)
        case Unanswered(obstacles, met):
            reason = UNPROVEN if met else f"no answer within {max(1, round(seconds))} s"
            told = tuple((format_address(address), str(obstacle)) for address, obstacle in obstacles)
            raise NoServer(server.server, seconds, reason, told)


async def _find_addresses(server: ServerAddress, family: int, patience: Patience) -> list[Address]:
    try:
        async with asyncio.timeout(patience.left()):
            return await look_up(server.host, server.port, family, lambda: None)
    except TimeoutError:
        obstacle = Obstacle.NO_NAME_SERVER
    except socket.gaierror:
        obstacle = Obstacle.UNKNOWN_NAME
    except OSError as error:
        raise NoServer(server.server, patience.seconds or 0, error.strerror or str(error)) from None
    raise NoServer(server.server, patience.seconds or 0, "", ((server.server, obstacle),))


async def _ask(addresses: list[Address], pin: bytes | None, seconds: float) -> PingResult:
    core, sock = Pinging(addresses, pin, os.urandom, seconds), open_client_socket()
    result: asyncio.Future[PingResult] = asyncio.get_running_loop().create_future()
    refusals = Refusals(sock, core.note_obstacle)
    driver: Driver[PingResult] = Driver(
        core, sock, result.set_result, sender=refusals.sender, receiver=refusals.receiver
    )
    try:
        core.start(loop_time())
        driver.start()
        return await result
    finally:
        driver.close()
