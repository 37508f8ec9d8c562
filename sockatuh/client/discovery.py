"""Finds the rooms of the local networks, and says of each whether it is known (docs/PROTOCOL.md §12).

A room that was found is not trusted: it has the weight of an address that somebody typed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.errors import AddressUnclear
from sockatuh.net.address import MAPPED_TEXT, NEAR, format_address, is_within
from sockatuh.net.driver import Driver
from sockatuh.net.interfaces import Link, find_links
from sockatuh.net.sockets import open_search_socket
from sockatuh.protocol.client.answers import Answer
from sockatuh.protocol.client.discovery import SEARCH_SECONDS, Discovery, DiscoveryEvent, SearchEnded
from sockatuh.protocol.client.room_proofs import RoomProven
from sockatuh.protocol.constants import DEFAULT_PORT, VERSION
from sockatuh.protocol.seam import Address
from sockatuh.room.text import clean_line

from .deadline import loop_time
from .lookup import look_up_again
from .profile import Pin, Profile
from .server_address import ServerAddress

USUAL_SECONDS: Final = SEARCH_SECONDS
"""Seconds after which a search ends, if nobody says otherwise."""
ALL_NODES: Final = "ff02::1"
MOST_PORTS: Final = 4
"""Ports at which all machines of a network are asked."""
MOST_KNOWN: Final = 64
"""Known servers that are asked."""
SWEPT_PREFIX: Final = 24
MOST_SWEPT: Final = 8
"""Networks that a sweep goes through, and the prefix of the largest."""


class Standing(StrEnum):
    """What the profile knows about the key of a room that was found."""

    KNOWN = "known"
    MOVED = "moved"
    """The key is known, but from another address."""
    OTHER_KEY = "other_key"
    """The key is unknown, and the room's name or its address belongs to another key."""
    NEW = "new"


ORDER: Final = (Standing.KNOWN, Standing.MOVED, Standing.NEW, Standing.OTHER_KEY)
"""The order in which rooms are listed."""


class FoundAddress(msgspec.Struct, frozen=True):
    """An address at which a key answered, as people write it, and after how many seconds."""

    server: str
    seconds: float


class FoundRoom(msgspec.Struct, frozen=True):
    """Whoever answered with a key (32 bytes): the best address first.

    `is_proven`: the first of the addresses has proved the key, and `room` is the room's name; "" otherwise. `known_as`
    and `pin` are the known server that `standing` is about, if it is about one. `version` is the protocol's.
    """

    key: bytes
    addresses: tuple[FoundAddress, ...]
    room: str = ""
    is_proven: bool = False
    version: int = VERSION
    standing: Standing = Standing.NEW
    known_as: str = ""
    pin: Pin | None = None

    @property
    def server(self) -> str:
        """`host:port` of the best address."""
        return self.addresses[0].server

    @property
    def seconds(self) -> float:
        """After how long the best address answered."""
        return self.addresses[0].seconds


class Found(msgspec.Struct, frozen=True):
    """What a search came to: the rooms, known ones first, then the fastest; and the networks that were asked.

    `unproven` are answers that named a key and did not prove it.
    """

    rooms: tuple[FoundRoom, ...]
    unproven: tuple[FoundRoom, ...]
    links: tuple[Link, ...]


def is_near(address: Address) -> bool:
    """Tell whether an address may be asked: never a public one."""
    return is_within(address, NEAR)


def rank(address: Address) -> int:
    """Return how an address is preferred: IPv4 before IPv6 before link-local ones, which need a scope."""
    host = ipaddress.ip_address(address[0].partition("%")[0])
    mapped = host.ipv4_mapped if host.version == 6 else host
    return 2 if (mapped or host).is_link_local else int(mapped is None)


def everybody(links: Iterable[Link], ports: Collection[int], family: int) -> list[Address]:
    """Return the addresses that reach all machines of some networks, in the form of a socket of `family`."""
    found: list[Address] = []
    for link in links:
        for port in ports:
            found += [_in_family(str(broadcast), port, family) for _, broadcast in link.broadcasts]
            if link.has_ipv6 and family == socket.AF_INET6:
                found.append((ALL_NODES, port, 0, link.index))
    return [address for address in found if address[0] == ALL_NODES or is_near(address)]


def machines(links: Iterable[Link], port: int, family: int) -> list[Address]:
    """Return each address of the small private networks around this machine's addresses, without those themselves."""
    own = {address.ip for link in links for address, _ in link.broadcasts}
    networks = dict.fromkeys(
        ipaddress.ip_network((ip, max(SWEPT_PREFIX, address.network.prefixlen)), strict=False)
        for link in links
        for address, _ in link.broadcasts
        for ip in [address.ip]
    )
    hosts = (host for network in [*networks][:MOST_SWEPT] for host in network.hosts() if host not in own)
    return [at for host in hosts if is_near(at := _in_family(str(host), port, family))]


class Search:
    """One search, in the running loop. `pins` are the known servers.

    `only`: the search is for this key, ends when it is proven, and asks no known server, only all machines.

    Use it as a context manager; `proven` gets the rooms that prove their keys, `ended` is set at the end.
    """

    def __init__(
        self,
        pins: Mapping[str, Pin],
        *,
        sweep: bool = False,
        quick: bool = False,
        seconds: float,
        only: bytes | None = None,
    ) -> None:
        self.links = tuple(find_links())
        self.ended = asyncio.Event()
        self.proven: dict[bytes, RoomProven] = {}
        self.asked: dict[Address, str] = {}
        """The addresses of known servers, each with the server it belongs to."""
        self._sock = open_search_socket()
        keys = {pin.key for pin in pins.values()} if only is None else {only}
        self.core = Discovery(
            keys, os.urandom, may_ask=is_near, rank=rank, proves=not quick, only_pins=only is not None, seconds=seconds
        )
        self._driver: Driver[DiscoveryEvent] = Driver(self.core, self._sock, self._take)
        self._only = only
        self._pins = dict([*pins.items()][:MOST_KNOWN])
        ports = [DEFAULT_PORT, *(ServerAddress.parse(server).port for server in self._pins)]
        self._ports = [*dict.fromkeys(ports)][:MOST_PORTS]
        if sweep:
            self.core.sweep(machines(self.links, DEFAULT_PORT, self._sock.family))
        self._looking_up: list[asyncio.Task[None]] = []

    def __enter__(self) -> Search:
        now = loop_time()
        self.core.ask(everybody(self.links, self._ports, self._sock.family), now)
        self.core.start(now)
        self._driver.start()
        known = self._pins if self._only is None else ()
        self._looking_up = [asyncio.create_task(self._ask_known(server)) for server in known]
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._looking_up:
            task.cancel()
        self._driver.close()

    async def _ask_known(self, server: str) -> None:
        address = ServerAddress.parse(server)
        found = filter(is_near, await look_up_again(address.host, address.port, self._sock.family))
        for at in found:
            self.asked.setdefault(at, server)
            self.core.ask([at], loop_time())
        self._driver.flush()

    def _take(self, event: DiscoveryEvent) -> None:
        match event:
            case RoomProven(key):
                self.proven[key] = event
                if key == self._only:
                    self.ended.set()
            case SearchEnded():
                self.ended.set()


async def seek_key(server: str, pin: Pin) -> str | None:
    """Look for a known server's key in the local networks; return the first address (`host:port`) that proves it."""
    with Search({server: pin}, seconds=SEARCH_SECONDS, only=pin.key) as search:
        await search.ended.wait()
    return _written(search.proven[pin.key].address) if pin.key in search.proven else None


async def find_rooms(profile: Profile, *, sweep: bool = False, quick: bool = False, seconds: float) -> Found:
    """Search the local networks for `seconds` at most, and a little longer until what was found has proved its keys.

    `sweep`: ask every address around this machine's too. `quick`: no proofs, so no names. Raises KeyFileError.
    """
    pins = {server: pin for server, pin in profile.known_servers().items() if _is_address(server)}
    with Search(pins, sweep=sweep, quick=quick, seconds=seconds) as search:
        await search.ended.wait()
        rooms = _rooms(search)
        known_as = {_written(address): server for address, server in search.asked.items()}
    judged = [judge(room, pins, known_as) for room in rooms]
    listed = [room for room in judged if room.is_proven or quick or room.version != VERSION]
    listed.sort(key=lambda room: (ORDER.index(room.standing), room.seconds))
    return Found(tuple(listed), tuple(room for room in judged if room not in listed), search.links)


def judge(room: FoundRoom, pins: Mapping[str, Pin], known_as: Mapping[str, str]) -> FoundRoom:
    """Return a room with its standing. `known_as`: which known server an address belongs to, where that is a name."""
    here = [known_as.get(address.server, address.server.lower()) for address in room.addresses]
    with_key = [server for server, pin in pins.items() if pin.key == room.key]
    if with_key:
        same = next((server for server in here if server in with_key), None)
        standing = Standing.MOVED if same is None else Standing.KNOWN
        server = with_key[0] if same is None else same
        return replace(room, standing=standing, known_as=server, pin=pins[server])
    name = room.room.casefold()
    alike = [server for server, pin in pins.items() if name and clean_line(pin.room).casefold() == name]
    others = [*[server for server in here if server in pins], *alike]
    if others:
        return replace(room, standing=Standing.OTHER_KEY, known_as=others[0], pin=pins[others[0]])
    return room


def _rooms(search: Search) -> list[FoundRoom]:
    """Return each key that answered, with its addresses, the one that proved it first."""
    answers: dict[bytes, list[Answer]] = {}
    for answer in search.core.answers:
        answers.setdefault(answer.key, []).append(answer)
    rooms = []
    for key, given in answers.items():
        proof = search.proven.get(key)
        proven_at = proof.address if proof is not None else None
        given.sort(key=lambda each: (each.address != proven_at, rank(each.address), each.seconds))
        addresses = tuple(FoundAddress(_written(each.address), each.seconds) for each in given)
        name = clean_line(proof.room) if proof is not None else ""
        rooms.append(FoundRoom(key, addresses, name, proof is not None, given[0].version))
    return rooms


def _written(address: Address) -> str:
    """Return an address as a profile names a server; a link-local one with the name of its interface."""
    if len(address) > 3 and address[3] and "%" not in address[0]:
        with contextlib.suppress(OSError):
            address = (f"{address[0]}%{socket.if_indextoname(address[3])}", *address[1:])
    return format_address(address)


def _is_address(server: str) -> bool:
    try:
        ServerAddress.parse(server)
    except AddressUnclear:
        return False
    return True


def _in_family(host: str, port: int, family: int) -> Address:
    return (MAPPED_TEXT + host, port, 0, 0) if family == socket.AF_INET6 else (host, port)
