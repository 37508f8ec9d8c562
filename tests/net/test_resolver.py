"""Resolving names without delaying the exit."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sockatuh.client.lookup import look_up, look_up_again
from sockatuh.errors import AddressUnusable
from sockatuh.net import resolver
from sockatuh.net.resolver import resolve, resolve_for_binding
from sockatuh.net.sockets import open_server_socket


class NameServers:
    """Name servers that answer as the test says; literal addresses go to the system."""

    def __init__(self, *answers: object) -> None:
        self.answers = [*answers]
        self.asked = 0
        self.is_over = threading.Event()

    def getaddrinfo(self, host: str, port: int, family: int, kind: int, *, flags: int = 0) -> Any:
        if flags:
            return socket.getaddrinfo(host, port, family, kind, flags=flags)
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            self.is_over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "over")
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, kind, 17, "", (answer, port))]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    """Put name servers of the test's own in the system's place."""
    found = NameServers()

    class Socket:
        def __getattr__(self, name: str) -> object:
            return found.getaddrinfo if name == "getaddrinfo" else getattr(socket, name)

    monkeypatch.setattr(resolver, "socket", Socket())
    yield found
    found.is_over.set()


def test_a_dual_stack_socket_is_given_mapped_ipv4_addresses() -> None:
    assert asyncio.run(resolve("127.0.0.1", 99)) == [("::ffff:127.0.0.1", 99, 0, 0)]
    assert asyncio.run(resolve("::1", 99)) == [("::1", 99, 0, 0)]


def test_an_ipv4_socket_is_given_plain_ipv4_addresses() -> None:
    assert asyncio.run(resolve("127.0.0.1", 99, socket.AF_INET)) == [("127.0.0.1", 99)]


@pytest.mark.parametrize("host", ["x" * 70, ".."])
def test_an_unresolvable_name_is_an_os_error(host: str) -> None:
    with pytest.raises(OSError, match="not a host name"):
        asyncio.run(resolve(host, 99))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1", "255.255.255.255"])
def test_a_literal_address_is_never_looked_up(servers: NameServers, host: str) -> None:
    asyncio.run(resolve(host, 99))
    assert resolve_for_binding(host, 99)
    assert servers.asked == 0


def test_a_silent_name_server_does_not_delay_the_end_of_the_loop(servers: NameServers) -> None:
    async def give_up() -> None:
        asking = asyncio.create_task(resolve("somewhere", 99))
        while not servers.asked:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(give_up())  # it would wait for asyncio's own threads
    assert not servers.is_over.is_set()


def test_an_answer_after_cancellation_is_ignored(servers: NameServers) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await resolve("somewhere", 99)

    before = threading.active_count()
    asyncio.run(give_up())
    servers.is_over.set()
    for thread in threading.enumerate():
        if thread.name == "background":
            thread.join()
    assert threading.active_count() <= before


def test_a_slow_lookup_is_reported_once_and_continues(servers: NameServers) -> None:
    again = socket.gaierror(socket.EAI_AGAIN, "try again")
    servers.answers += [again, again, "10.0.0.7"]
    said: list[int] = []
    found = asyncio.run(_look_up(said))
    assert found == [("10.0.0.7", 99)]
    assert said == [1]


async def _look_up(said: list[int]) -> list[Any]:
    return await look_up("somewhere", 99, socket.AF_INET, lambda: said.append(1), patience=0.001)


def test_an_unknown_name_is_not_retried(servers: NameServers) -> None:
    servers.answers.append(socket.gaierror(socket.EAI_NONAME, "no such name"))
    with pytest.raises(socket.gaierror):
        asyncio.run(_look_up([]))
    assert servers.asked == 1


def test_a_server_without_an_address_has_no_location(servers: NameServers) -> None:
    servers.answers += [socket.gaierror(socket.EAI_AGAIN, "try again"), "10.0.0.8"]
    assert asyncio.run(look_up_again("somewhere", 99, socket.AF_INET)) == []
    assert asyncio.run(look_up_again("somewhere", 99, socket.AF_INET)) == [("10.0.0.8", 99)]


def test_a_server_is_bound_to_a_name_by_what_it_stands_for(servers: NameServers) -> None:
    servers.answers += ["127.0.0.1", socket.gaierror(socket.EAI_NONAME, "no such name")]
    with open_server_socket("somewhere", 0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
    with pytest.raises(AddressUnusable, match="no such host"):
        open_server_socket("nowhere", 0)
