"""What the kernel reports about a destination is passed on, and no datagram is lost by it."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import sys
from collections.abc import Iterator

import pytest

from sockatuh.client.refusals import EXTENDED_ERROR, Refusals, read_obstacle
from sockatuh.net.sockets import open_client_socket
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.seam import Address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")


class Client:
    """A client's socket, and the obstacles it reported."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reported: list[tuple[Address, Obstacle]] = []
        self.refused: list[OSError] = []
        refusals = Refusals(sock, lambda address, obstacle: self.reported.append((address, obstacle)))
        self.send = refusals.sender(sock, self.refused.append)
        self.receive = refusals.receiver(sock)

    def here(self, port: int) -> Address:
        """Return an address of this machine in the form this socket sends to."""
        return ("127.0.0.1", port) if self.sock.family == socket.AF_INET else ("::ffff:127.0.0.1", port, 0, 0)

    def wait(self) -> None:
        """Wait until the system has something to say."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        assert poll.poll(5_000)


@pytest.fixture(params=[socket.AF_INET6, socket.AF_INET], ids=["dual stack", "IPv4"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == socket.AF_INET:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.bind(("", 0))
        sock.setblocking(False)
    else:
        sock = open_client_socket()
    with sock:
        yield Client(sock)


def closed_port() -> int:
    """Return a port of this machine at which nothing listens."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def listener() -> Iterator[socket.socket]:
    """Yield a socket at which something listens."""
    with socket.socket(type=socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5.0)
        yield ear


def test_a_closed_port_is_reported_with_its_address(client: Client) -> None:
    port = closed_port()
    client.send([(b"hello", client.here(port))])
    client.wait()
    with pytest.raises(OSError, match=r"refused|unavailable"):
        client.receive()
    assert client.reported == [(client.here(port), Obstacle.PORT_CLOSED)]
    with pytest.raises(BlockingIOError):
        client.receive()
    assert select.select([client.sock], [], [], 0)[0] == [], "what was told keeps nobody awake"


def test_the_error_of_one_datagram_does_not_lose_the_next(client: Client) -> None:
    with listener() as ear:
        for number in range(20):
            client.send([(b"into the void", client.here(closed_port()))])
            client.wait()
            client.send([(b"%d" % number, client.here(ear.getsockname()[1]))])
            assert ear.recv(100) == b"%d" % number
    assert {obstacle for _, obstacle in client.reported} == {Obstacle.PORT_CLOSED}
    assert client.refused == []


def test_datagrams_after_an_error_are_still_received(client: Client) -> None:
    with listener() as ear:
        client.send([(b"hello", client.here(ear.getsockname()[1]))])
        _, address = ear.recvfrom(100)
        client.send([(b"into the void", client.here(closed_port()))])
        client.wait()
        ear.sendto(b"answer", address)
        received = []
        for _ in range(3):
            with contextlib.suppress(OSError):
                received.append(client.receive()[0])
        assert received == [b"answer"]


def test_a_failed_send_is_reported_too(client: Client) -> None:
    nowhere = ("255.255.255.255", 9) if client.sock.family == socket.AF_INET else ("::ffff:255.255.255.255", 9, 0, 0)
    client.send([(b"hello", nowhere)])
    assert client.reported == [(nowhere, Obstacle.NOT_A_MACHINE)]
    assert [error.errno for error in client.refused] == [errno.EACCES]


@pytest.mark.parametrize(
    ("number", "origin", "kind", "code", "obstacle"),
    [
        (errno.ECONNREFUSED, 2, 3, 3, Obstacle.PORT_CLOSED),
        (errno.EHOSTUNREACH, 2, 3, 1, Obstacle.HOST_SILENT),
        (errno.ENETUNREACH, 2, 3, 0, Obstacle.NO_ROUTE),
        (errno.EHOSTUNREACH, 2, 3, 10, Obstacle.FORBIDDEN),
        (errno.EHOSTUNREACH, 2, 3, 13, Obstacle.FORBIDDEN),
        (errno.ECONNREFUSED, 3, 1, 4, Obstacle.PORT_CLOSED),
        (errno.EHOSTUNREACH, 3, 1, 3, Obstacle.HOST_SILENT),
        (errno.EACCES, 3, 1, 1, Obstacle.FORBIDDEN),
        (errno.EMSGSIZE, 1, 0, 0, Obstacle.TOO_LONG),
        (errno.EPROTO, 2, 12, 0, None),
    ],
)
def test_each_socket_error_maps_to_an_obstacle(
    number: int, origin: int, kind: int, code: int, obstacle: Obstacle | None
) -> None:
    note = EXTENDED_ERROR.pack(number, origin, kind, code, 0, 0, 0)
    assert read_obstacle(note) is obstacle
    assert read_obstacle(note + bytes(28)) is obstacle
    assert read_obstacle(note[:-1]) is None
