"""Examining a server on real sockets of the loopback."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from client.test_discovery import room, run
from kit.bare_room import SERVER_KEY

from sockatuh.client import checkup
from sockatuh.client.checkup import answers_a_broadcast, examine, find_addresses
from sockatuh.client.server_address import ServerAddress
from sockatuh.net.interfaces import Link
from sockatuh.protocol.client import checkup as core
from sockatuh.protocol.client.checkup import Path
from sockatuh.protocol.client.obstacles import Obstacle

LOOPBACK = ipaddress.IPv4Interface("127.0.0.1/8")


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    links = [Link("lo", 1, ((LOOPBACK, LOOPBACK.network.broadcast_address),), has_ipv6=False)]
    monkeypatch.setattr(checkup, "find_links", lambda: links)
    monkeypatch.setattr(core, "HELLO_INTERVAL", 0.01)


def test_a_server_is_examined() -> None:
    async def main() -> None:
        async with room("127.0.0.1") as port:
            addresses = await find_addresses(ServerAddress("127.0.0.1", port))
            found = await examine(addresses, SERVER_KEY)
        assert found.best == addresses[0]
        assert (found.key, found.room, found.path) == (SERVER_KEY, "the room", Path.WHOLE)

    run(main())


@pytest.mark.skipif("sys.platform != 'linux'")
def test_a_closed_port_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "PATIENCE", 0.1)

    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        addresses = await find_addresses(ServerAddress("127.0.0.1", port))
        found = await examine(addresses, None)
        assert (found.best, found.seconds) == (None, ())
        assert found.obstacles == ((f"127.0.0.1:{port}", Obstacle.PORT_CLOSED),)

    run(main())


def test_a_broadcast_is_answered_by_the_server_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with room() as port:
            assert await answers_a_broadcast(SERVER_KEY, port)
            monkeypatch.setattr(checkup, "BROADCAST_SECONDS", 0.1)
            assert not await answers_a_broadcast(b"k" * 32, port)

    run(main())


def test_a_name_without_an_address_is_an_error() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match=r"."):
            await find_addresses(ServerAddress("nobody.invalid."))

    run(main())
