"""A socket passed by the service manager: adopted if usable, refused in one sentence if not."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sockatuh.errors import ConfigurationError
from sockatuh.net.activation import take_passed_socket
from sockatuh.net.sockets import given_buffers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no service manager passes sockets there")


def bound(family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    return sock


def environ_for(count: int = 1, names: str = "sockatuh", pid: int | None = None) -> dict[str, str]:
    return {
        "LISTEN_PID": str(os.getpid() if pid is None else pid),
        "LISTEN_FDS": str(count),
        "LISTEN_FDNAMES": names,
        "HOME": "/",
    }


def test_a_bound_udp_socket_is_adopted_as_non_blocking_and_not_inheritable() -> None:
    with bound() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
        buffers = given_buffers(held)
        environ = environ_for()
        taken = take_passed_socket(environ, os.dup(held.fileno()))
        assert taken is not None
        with taken:
            assert taken.getsockname() == held.getsockname()
            assert given_buffers(taken) == buffers
            assert not taken.getblocking()
            assert not taken.get_inheritable()
            if sys.platform == "linux":
                assert taken.getsockopt(socket.IPPROTO_IP, 10) == 3, "datagrams leave whole"
        assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "me", "LISTEN_FDS": "1"},
        environ_for(pid=1),
        environ_for(0),
        environ_for() | {"LISTEN_FDS": ""},
    ],
)
def test_sockets_for_another_process_are_ignored(environ: dict[str, str]) -> None:
    assert take_passed_socket(environ) is None
    assert not [name for name in environ if name.startswith("LISTEN")]


def connected() -> socket.socket:
    sock = bound()
    sock.connect(("127.0.0.1", 9))
    return sock


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: bound(kind=socket.SOCK_STREAM), "ListenDatagram="),
        (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), "and no path"),
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "bound to a port"),
        (connected, "connected to one peer"),
    ],
)
def test_another_kind_of_socket_is_refused(make: Callable[[], socket.socket], fault: str) -> None:
    with make() as sock, pytest.raises(ConfigurationError) as refused:
        take_passed_socket(environ_for(), os.dup(sock.fileno()))
    assert fault in str(refused.value)


def test_a_file_or_a_closed_descriptor_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file, pytest.raises(ConfigurationError, match="should be a UDP socket"):
        take_passed_socket(environ_for(), file.fileno())
    with pytest.raises(ConfigurationError, match="is not"):
        take_passed_socket(environ_for(), 1_000_000)


def test_several_sockets_are_refused_with_their_names() -> None:
    with pytest.raises(ConfigurationError, match=r"one socket, not 2 \(sockatuh, http\)"):
        take_passed_socket(environ_for(2, "sockatuh:http"))
