from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockatuh.net.notify import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the service manager speaks over AF_UNIX")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5.0)
        sock.bind(str(tmp_path / "notify"))
        yield sock


def test_the_manager_is_notified_of_each_state(manager: socket.socket) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("7 members")
    notifier.status("8 members")
    notifier.watchdog()
    notifier.stopping()
    assert [manager.recv(200) for _ in range(4)] == [
        b"READY=1\nSTATUS=7 members",
        b"STATUS=8 members",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_a_status_cannot_begin_another_assignment(manager: socket.socket) -> None:
    Notifier(manager.getsockname()).status("Küche\nMAINPID=1\r\n")
    assert manager.recv(200) == "STATUS=Küche MAINPID=1".encode()


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_written_with_an_at() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(5.0)
        manager.bind(f"\0sockatuh-test-{os.getpid()}")
        Notifier.from_environment({"NOTIFY_SOCKET": f"@sockatuh-test-{os.getpid()}"}).stopping()
        assert manager.recv(200) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_nothing_is_sent(environ: dict[str, str]) -> None:
    notifier = Notifier.from_environment(environ | {"WATCHDOG_USEC": "30000000"})
    notifier.ready("alone")
    assert notifier == Notifier(None, None)


def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "gone")).watchdog()


def test_a_manager_that_does_not_read_stops_nobody(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    for _ in range(2000):
        notifier.watchdog()
    assert manager.recv(200) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("watchdog", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(watchdog: dict[str, str], interval: float | None) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": "/run/notify"} | watchdog)
    assert notifier.watchdog_interval == interval
