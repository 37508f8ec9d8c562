"""A network of real sockets between clients and their server: it loses, duplicates, delays and corrupts datagrams."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from kit.weather import CALM, Weather


def as_it_is(data: bytes) -> bytes | None:
    return data


@dataclass(slots=True)
class Relay:
    """Passes datagrams on both ways, each client by a socket of its own; `up` and `down` are what came, as it came.

    `change_up` and `change_down` give what is passed on in its place, None for nothing.
    """

    server: tuple[str, int]
    weather: Weather = CALM
    seed: int = 0
    up: list[bytes] = field(default_factory=list)
    down: list[bytes] = field(default_factory=list)
    change_up: Callable[[bytes], bytes | None] = as_it_is
    change_down: Callable[[bytes], bytes | None] = as_it_is
    _front: socket.socket = field(init=False)
    _backs: dict[tuple[str, int], socket.socket] = field(default_factory=dict)
    _dice: random.Random = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._front = _loopback_socket()
        asyncio.get_running_loop().add_reader(self._front, self._on_client)

    @property
    def port(self) -> int:
        return int(self._front.getsockname()[1])

    def move(self) -> None:
        """Show every client to the server under a new port, as a router does that has forgotten them."""
        for client, back in list(self._backs.items()):
            self._close(back)
            self._backs[client] = self._open_back(client)

    def send_down(self, data: bytes) -> None:
        """Send something to every client in the name of the server."""
        for client in self._backs:
            self._front.sendto(data, client)

    def send_up(self, data: bytes) -> None:
        """Send something to the server in the name of every client."""
        for client in self._backs:
            self._send(partial(self._send_up, client), data)

    async def until(self, holds: Callable[[], bool], patience: float = 30.0) -> None:
        """Wait until the received datagrams meet a condition."""
        async with asyncio.timeout(patience):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def close(self) -> None:
        for sock in (self._front, *self._backs.values()):
            self._close(sock)

    def _on_client(self) -> None:
        for data, client in _received(self._front):
            self.up.append(data)
            self._news.set()
            if client not in self._backs:
                self._backs[client] = self._open_back(client)
            self._pass_on(self.change_up(data), partial(self._send_up, client))

    def _send_up(self, client: tuple[str, int], data: bytes) -> int:
        return self._backs[client].sendto(data, self.server)

    def _on_server(self, back: socket.socket, client: tuple[str, int]) -> None:
        for data, _ in _received(back):
            self.down.append(data)
            self._news.set()
            self._pass_on(self.change_down(data), lambda each: self._front.sendto(each, client))

    def _pass_on(self, data: bytes | None, send: Callable[[bytes], int]) -> None:
        weather, dice = self.weather, self._dice
        if data is None:
            return
        for each in weather.pass_on(data, dice):
            late = weather.lateness(dice)
            if late:
                asyncio.get_running_loop().call_later(late, self._send, send, each)
            else:
                self._send(send, each)

    def _send(self, send: Callable[[bytes], int], data: bytes) -> None:
        with contextlib.suppress(OSError):  # nothing listens there at the moment, or the relay is closed
            send(data)

    def _open_back(self, client: tuple[str, int]) -> socket.socket:
        back = _loopback_socket()
        asyncio.get_running_loop().add_reader(back, self._on_server, back, client)
        return back

    def _close(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()


@contextlib.asynccontextmanager
async def relay_to(port: int, weather: Weather = CALM, seed: int = 0) -> AsyncIterator[Relay]:
    """Run a relay in front of the server at a port of this machine."""
    relay = Relay(("127.0.0.1", port), weather, seed)
    try:
        yield relay
    finally:
        relay.close()


def _loopback_socket() -> socket.socket:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def _received(sock: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    found: list[tuple[bytes, tuple[str, int]]] = []
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while len(found) < 64:
            found.append(sock.recvfrom(2048))
    return found
