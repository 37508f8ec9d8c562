"""Sending many datagrams with one call."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator

import pytest

from sockatuh.net.address import pack_address
from sockatuh.net.batch import AT_ONCE, FEW, BatchSender, batch_sender
from sockatuh.net.fallback import Fallback
from sockatuh.net.sender import Sender
from sockatuh.net.sockets import open_server_socket
from sockatuh.protocol.seam import Address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sendmmsg is Linux's")


@contextlib.contextmanager
def ends(family: int, host: str, listeners: int) -> Iterator[tuple[socket.socket, list[socket.socket]]]:
    """Yield a server's socket and sockets that listen on ports of their own."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(open_server_socket(host, 0))
        ears = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(listeners)]
        for ear in ears:
            ear.bind((host, 0))
            ear.settimeout(5.0)
        yield server, ears


def refuse(error: OSError) -> None:
    """Say that nothing may be refused here."""
    raise error


def untold(fallback: Fallback, error: OSError) -> None:
    """Say that nothing may be given up here."""
    raise AssertionError((fallback, error))


def received(ear: socket.socket, count: int) -> list[bytes]:
    """Return the datagrams received on a socket."""
    return [ear.recv(2048) for _ in range(count)]


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
@pytest.mark.parametrize("count", [1, FEW, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 3])
def test_every_recipient_gets_its_datagrams_whole_and_in_order(family: int, host: str, count: int) -> None:
    with ends(family, host, 5) as (server, ears):
        refused: list[OSError] = []
        send = BatchSender(server, refused.append, untold)
        batch = [(b"%d " % number + b"x" * (number % 1190), ears[number % 5].getsockname()) for number in range(count)]
        send(batch)
        for index, ear in enumerate(ears):
            mine = [data for data, address in batch if address == ear.getsockname()]
            assert received(ear, len(mine)) == mine, index
        assert not refused


def test_a_socket_of_both_families_reaches_ipv4() -> None:
    with open_server_socket("::", 0) as server, socket.socket(type=socket.SOCK_DGRAM) as ear:
        if server.family != socket.AF_INET6:
            pytest.skip("no IPv6 here")
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5.0)
        address = ("::ffff:127.0.0.1", ear.getsockname()[1], 0, 0)
        BatchSender(server, refuse, untold)([(b"x" * size, address) for size in range(1, 9)])
        assert received(ear, 8) == [b"x" * size for size in range(1, 9)]


def test_refused_datagrams_are_counted_and_the_rest_sent() -> None:
    with ends(socket.AF_INET, "127.0.0.1", 1) as (server, (ear,)):
        refused: list[OSError] = []
        here = ear.getsockname()
        batch = [(b"a", here), (bytes(70_000), here), (b"b", here), (b"c", here), (bytes(70_000), here), (b"d", here)]
        BatchSender(server, refused.append, untold)(batch)
        assert received(ear, 4) == [b"a", b"b", b"c", b"d"]
        assert [error.errno for error in refused] == [errno.EMSGSIZE, errno.EMSGSIZE]


def pieces(number: int) -> list[bytes]:
    """Return datagrams of one length, and a shorter one at the end."""
    return [b"%d %d " % (number, index) + bytes(1000) for index in range(number % 8)] + [b"%d end" % number]


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_segmented_datagrams_arrive_unchanged(family: int, host: str) -> None:
    with ends(family, host, 40) as (server, ears):
        addresses = [ear.getsockname() for ear in ears]
        send = BatchSender(server, refuse, untold)
        for _ in range(2):
            send([(data, address) for number, address in enumerate(addresses) for data in pieces(number)])
            send([(b"to each one", address) for address in addresses])
        for number, ear in enumerate(ears):
            sent = [*pieces(number), b"to each one"] * 2
            assert received(ear, len(sent)) == sent


@pytest.mark.parametrize("address", [("fe80::1%lo", 7, 3, 9), ("::ffff:10.0.0.1", 65_535, 0, 0), ("10.1.2.3", 1)])
def test_addresses_are_packed_as_the_system_packs_them(address: Address) -> None:
    with open_server_socket("::" if len(address) == 4 else "127.0.0.1", 0) as server:
        packed = BatchSender(server, refuse, untold)._sockaddrs[address]
    assert len(packed) == (28 if len(address) == 4 else 16)
    plain = (address[0].partition("%")[0], *address[1:])
    host, port = pack_address(plain)[:16], packed[2:4]
    assert int.from_bytes(port, "big") == address[1]
    assert packed[8:24] == host if len(address) == 4 else packed[4:8] == host[12:]


def test_without_sendmmsg_they_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with ends(socket.AF_INET, "127.0.0.1", 1) as (server, (ear,)):
        send = batch_sender(server, refuse, tell=untold)
        assert isinstance(send, Sender)
        send([(b"%d" % number, ear.getsockname()) for number in range(9)])
        assert received(ear, 9) == [b"%d" % number for number in range(9)]
