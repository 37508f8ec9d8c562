from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sockatuh.errors import AddressUnusable
from sockatuh.net.sockets import given_buffers, open_client_socket, open_server_socket, unread_drops


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def receive(sock: socket.socket) -> bytes:
    assert select.select([sock], [], [], 5.0)[0]
    return sock.recv(2048)


@pytest.mark.parametrize("host", ["::1", "::ffff:127.0.0.1"])
def test_a_server_on_all_addresses_receives_from_clients_of_either_family(sockets: ExitStack, host: str) -> None:
    server = sockets.enter_context(open_server_socket("::", 0))
    client = sockets.enter_context(open_client_socket())
    client.sendto(b"hello", (host, server.getsockname()[1]))
    assert receive(server) == b"hello"


def test_a_datagram_of_full_size_passes_unfragmented(sockets: ExitStack) -> None:
    server = sockets.enter_context(open_server_socket("127.0.0.1", 0))
    client = sockets.enter_context(open_client_socket())
    client.sendto(bytes(1200), ("::ffff:127.0.0.1", server.getsockname()[1]))
    assert receive(server) == bytes(1200)


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
def test_datagrams_carry_df_in_both_families(sockets: ExitStack) -> None:
    for sock in (open_server_socket("::", 0), open_client_socket()):
        sockets.enter_context(sock)
        assert sock.getsockopt(0, 10) == 3
        assert sock.getsockopt(41, 23) == 3


def test_sockets_do_not_block(sockets: ExitStack) -> None:
    for sock in (open_server_socket("127.0.0.1", 0), open_client_socket()):
        sockets.enter_context(sock)
        with pytest.raises(BlockingIOError):
            sock.recv(1)


class KernelWithoutIPv6(socket.socket):
    """What `socket.socket` is where Python knows IPv6 and the kernel does not."""

    def __init__(self, family: int, kind: int) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        super().__init__(family, kind)


@pytest.mark.parametrize(("name", "value"), [("has_ipv6", False), ("socket", KernelWithoutIPv6)])
def test_without_ipv6_both_sockets_are_ipv4(
    sockets: ExitStack, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(socket, name, value)
    server = sockets.enter_context(open_server_socket("::", 0))
    client = sockets.enter_context(open_client_socket())
    assert server.getsockname()[0] == "0.0.0.0"  # noqa: S104 - what the server falls back to
    client.sendto(b"hello", ("127.0.0.1", server.getsockname()[1]))
    assert receive(server) == b"hello"


def test_a_port_in_use_is_refused_and_never_shared(sockets: ExitStack) -> None:
    first = sockets.enter_context(open_server_socket("::", 0))
    port = first.getsockname()[1]
    for host in ("::", "127.0.0.1"):
        with pytest.raises(AddressUnusable) as caught:
            open_server_socket(host, port)
        assert str(caught.value) == f"cannot listen on {host} port {port}: another program uses this port"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "this machine does not have that address"),
        ("2001:db8::1", "this machine does not have that address"),
        ("no such host", "no such host"),
        ("x" * 70, "no such host"),
    ],
)
def test_a_host_of_another_machine_is_refused_with_a_reason(host: str, reason: str) -> None:
    with pytest.raises(AddressUnusable) as caught:
        open_server_socket(host, 0)
    assert caught.value.reason == reason


class ForbiddingKernel(socket.socket):
    """What `socket.socket` is for one who may not use the port."""

    def bind(self, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(address))


def test_a_privileged_port_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", ForbiddingKernel)
    with pytest.raises(AddressUnusable) as caught:
        open_server_socket("127.0.0.1", 7)
    assert caught.value.reason == "no permission to use this port"


def test_buffers_are_enlarged_as_far_as_the_system_allows(sockets: ExitStack) -> None:
    wide = sockets.enter_context(open_server_socket("127.0.0.1", 0, receive_buffer=160 * 1024, send_buffer=128 * 1024))
    buffers = given_buffers(wide)
    assert (buffers.receive, buffers.send) == (160 * 1024, 128 * 1024)


def test_an_oversized_buffer_request_is_no_error(sockets: ExitStack) -> None:
    greedy = sockets.enter_context(open_server_socket("127.0.0.1", 0, receive_buffer=1 << 30, send_buffer=1 << 30))
    assert given_buffers(greedy).receive >= 64 * 1024


def test_what_the_kernel_drops_is_counted_where_it_tells(sockets: ExitStack) -> None:
    server = sockets.enter_context(open_server_socket("127.0.0.1", 0, receive_buffer=4_096))
    assert unread_drops(server) == (0 if sys.platform == "linux" else None)
    client = sockets.enter_context(open_client_socket())
    for _ in range(200):
        client.sendto(bytes(1200), ("::ffff:127.0.0.1", server.getsockname()[1]))
    if sys.platform == "linux":
        assert 0 < (unread_drops(server) or 0) < 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_a_client_may_send_from_an_address_of_its_choice() -> None:
    with open_client_socket("127.3.2.1") as sock:
        assert sock.getsockname()[0] == "127.3.2.1"


def test_an_address_of_another_machine_cannot_be_sent_from() -> None:
    with pytest.raises(AddressUnusable):
        open_client_socket("192.0.2.7")
