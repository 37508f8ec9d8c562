"""Finding rooms on real sockets of the loopback, and what is said of them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from kit.bare_room import HASH, IDENTITY, LOG_ID, SERVER_KEY, TICKET_KEY, Dice

from sockatuh.client import discovery
from sockatuh.client.discovery import (
    MOST_SWEPT,
    Found,
    FoundAddress,
    FoundRoom,
    Standing,
    everybody,
    find_rooms,
    is_near,
    judge,
    machines,
    rank,
)
from sockatuh.client.profile import Pin, Profile
from sockatuh.net.address import pack_address
from sockatuh.net.interfaces import Link, find_links
from sockatuh.net.port import drive_port
from sockatuh.net.sockets import open_server_socket
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import Tickets

OTHER_KEY = b"k" * 32
NOBODYS_PORT = 9
SHORT = 0.1
"""Seconds of a search where nothing is lost."""


def link(name: str, *addresses: str, index: int = 7, has_ipv6: bool = False) -> Link:
    fours = [ipaddress.IPv4Interface(address) for address in addresses]
    return Link(name, index, tuple((four, four.network.broadcast_address) for four in fours), has_ipv6)


def mapped(host: str, port: int = 7625) -> Address:
    return (f"::ffff:{host}", port, 0, 0)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "profile")


@pytest.fixture(autouse=True)
def _links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every search on this machine, and away from a room that may run on it."""
    four = ipaddress.IPv4Interface("127.0.0.1/8")
    only = [Link("lo", 1, ((four, four.network.broadcast_address),), has_ipv6=False)]
    monkeypatch.setattr(discovery, "find_links", lambda: only)
    monkeypatch.setattr(discovery, "DEFAULT_PORT", NOBODYS_PORT)


@contextlib.asynccontextmanager
async def room(host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104
    """Run a server's core on a free port; yield that."""
    endpoint = Endpoint(
        IDENTITY,
        Tickets([TICKET_KEY], b"password"),
        HASH,
        log_id=LOG_ID,
        head=0,
        limits=Limits(),
        random=Dice("house"),
        pack_address=pack_address,
    )
    sock = open_server_socket(host, 0)
    driver = drive_port(endpoint, sock, lambda _: None, lambda: None, lambda *_: None, lambda _: None)
    driver.start()
    try:
        yield sock.getsockname()[1]
    finally:
        driver.close()


async def search(profile: Profile, port: int, **options: Any) -> Found:
    """Search for what runs at a port: all machines are asked at the ports of known servers."""
    profile.pin(f"nowhere.invalid:{port}", OTHER_KEY, "cellar")
    return await find_rooms(profile, seconds=SHORT, **options)


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main)


def test_a_room_is_found_by_a_broadcast_with_its_name_and_its_key_proven(profile: Profile) -> None:
    async def main() -> None:
        async with room() as port:
            found = await search(profile, port)
        (only,) = found.rooms
        assert (only.key, only.room, only.server) == (SERVER_KEY, "the room", f"127.0.0.1:{port}")
        assert only.is_proven
        assert only.standing is Standing.NEW
        assert 0 < only.seconds < SHORT
        assert found.unproven == ()

    run(main())


def test_a_quick_search_has_neither_names_nor_proofs(profile: Profile) -> None:
    async def main() -> None:
        async with room() as port:
            (only,) = (await search(profile, port, quick=True)).rooms
        assert (only.key, only.room, only.is_proven) == (SERVER_KEY, "", False)

    run(main())


def test_a_known_server_is_asked_at_its_own_address(profile: Profile) -> None:
    async def main() -> None:
        async with room("127.0.0.1") as port:
            profile.pin(f"localhost:{port}", SERVER_KEY, "the room")
            (only,) = (await find_rooms(profile, seconds=SHORT)).rooms
        assert (only.standing, only.known_as) == (Standing.KNOWN, f"localhost:{port}")

    run(main())


def test_a_server_that_has_moved_is_recognised_by_its_key(profile: Profile) -> None:
    async def main() -> None:
        async with room() as port:
            profile.pin("192.0.2.20:9", SERVER_KEY, "the room")
            (only,) = (await search(profile, port)).rooms
        assert (only.standing, only.known_as) == (Standing.MOVED, "192.0.2.20:9")
        assert only.server == f"127.0.0.1:{port}"

    run(main())


def test_nothing_is_found_where_nobody_answers(profile: Profile) -> None:
    async def main() -> None:
        found = await find_rooms(profile, seconds=SHORT)
        assert (found.rooms, found.unproven) == ((), ())
        assert [each.name for each in found.links] == ["lo"]

    run(main())


def test_who_answers_with_a_key_that_is_not_his_is_not_a_room(profile: Profile) -> None:
    class Forger(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: Any) -> None:
            if data[0] == 0xB1:
                self.transport.sendto(b"\xb2\1\0\0" + data[4:12] + bytes(16) + SERVER_KEY + bytes(4), address)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Forger, local_addr=("127.0.0.1", 0))
        with contextlib.closing(transport):
            port = transport.get_extra_info("sockname")[1]
            profile.pin(f"127.0.0.1:{port}", SERVER_KEY, "the room")
            found = await find_rooms(profile, seconds=SHORT)
        assert found.rooms == ()
        assert [each.key for each in found.unproven] == [SERVER_KEY]

    run(main())


def test_all_machines_are_asked_on_every_network_and_port_and_never_in_public() -> None:
    links = [
        link("wlan0", "192.168.1.7/24", "10.1.2.3/16", has_ipv6=True),
        link("wan", "203.0.113.9/24"),
        link("six", index=9, has_ipv6=True),
    ]
    assert everybody(links, [7625, 7700], socket.AF_INET6) == [
        mapped("192.168.1.255"), mapped("10.1.255.255"), ("ff02::1", 7625, 0, 7),
        mapped("192.168.1.255", 7700), mapped("10.1.255.255", 7700), ("ff02::1", 7700, 0, 7),
        ("ff02::1", 7625, 0, 9), ("ff02::1", 7700, 0, 9),
    ]  # fmt: skip
    assert everybody(links, [7625], socket.AF_INET) == [("192.168.1.255", 7625), ("10.1.255.255", 7625)]


def test_a_sweep_goes_through_small_private_networks_only() -> None:
    swept = machines([link("wlan0", "192.168.1.7/24", "10.1.2.3/16")], 7625, socket.AF_INET6)
    assert len(swept) == 2 * 253
    assert mapped("10.1.2.1") in swept
    assert mapped("192.168.1.7") not in swept
    assert machines([link("wlan0", "192.168.1.6/30")], 7625, socket.AF_INET) == [("192.168.1.5", 7625)]
    assert machines([link("wan", "203.0.113.9/24")], 7625, socket.AF_INET6) == []
    many = [link(f"br{at}", f"172.{16 + at}.0.1/16") for at in range(12)]
    assert len(machines(many, 7625, socket.AF_INET6)) <= MOST_SWEPT * 254


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.9.9", "169.254.1.1", "100.64.0.9"])
def test_an_address_that_is_not_public_may_be_asked(host: str) -> None:
    assert is_near((host, 7625))
    assert is_near(mapped(host))


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "255.255.255.255", "224.0.0.1", "0.0.0.0"])  # noqa: S104
def test_a_public_address_or_that_of_many_may_not(host: str) -> None:
    assert not is_near((host, 7625))
    assert not is_near(mapped(host))


@pytest.mark.parametrize(
    ("host", "near"), [("::1", True), ("fd77::1", True), ("fe80::1", True), ("2001:db8::1", False), ("ff02::1", False)]
)
def test_the_same_goes_for_ipv6(host: str, near: bool) -> None:
    assert is_near((host, 7625, 0, 0)) is near


def test_ipv4_goes_before_ipv6_and_that_before_link_local() -> None:
    addresses = [("fe80::1", 7625, 0, 3), ("fd77::1", 7625, 0, 0), mapped("169.254.1.1"), mapped("10.0.0.1")]
    assert [rank(address) for address in addresses] == [2, 1, 2, 0]
    assert rank(("10.0.0.1", 7625)) == 0


PIN = Pin(SERVER_KEY, "2026-11-02T10:00:00Z", "Kitchen")


def room_at(server: str, key: bytes = SERVER_KEY, name: str = "kitchen") -> FoundRoom:
    return FoundRoom(key, (FoundAddress(server, 0.001),), name, is_proven=True)


@pytest.mark.parametrize(
    ("found", "standing", "known_as"),
    [
        (room_at("192.168.1.20:7625"), Standing.KNOWN, "192.168.1.20:7625"),
        (room_at("192.168.1.31:7625"), Standing.MOVED, "192.168.1.20:7625"),
        (room_at("192.168.1.66:7625", OTHER_KEY), Standing.OTHER_KEY, "192.168.1.20:7625"),
        (room_at("192.168.1.20:7625", OTHER_KEY, "attic"), Standing.OTHER_KEY, "192.168.1.20:7625"),
        (room_at("192.168.1.30:7625", OTHER_KEY, "attic"), Standing.NEW, ""),
        (room_at("192.168.1.30:7625", OTHER_KEY, ""), Standing.NEW, ""),
    ],
)
def test_a_room_is_judged_by_its_key_then_by_its_address_and_name(
    found: FoundRoom, standing: Standing, known_as: str
) -> None:
    judged = judge(found, {"192.168.1.20:7625": PIN}, {})
    assert (judged.standing, judged.known_as) == (standing, known_as)
    assert (judged.pin is None) is (standing is Standing.NEW)


def test_a_room_at_the_address_of_a_known_name_is_known_under_that_name() -> None:
    pins = {"192.168.1.9:7625": PIN, "kitchen.local:7625": PIN}
    judged = judge(room_at("192.168.1.20:7625"), pins, {"192.168.1.20:7625": "kitchen.local:7625"})
    assert (judged.standing, judged.known_as) == (Standing.KNOWN, "kitchen.local:7625")


def test_the_networks_of_this_machine_are_neither_loopback_nor_larger_than_a_lan() -> None:
    for each in find_links():
        assert each.name != "lo"
        for address, broadcast in each.broadcasts:
            assert broadcast in address.network
            assert 16 <= address.network.prefixlen < 31
