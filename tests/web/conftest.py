"""What the tests of the page share: a network with a browser's driver in it, and a gateway, or a stand-in for one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.running import Room, ServerProcess, hash_password
from kit import browser as kit
from kit.web_door import WebDoor
from kit.web_double import WebDouble
from web.tab import Tab


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a driver whose browsers are in a namespace of their own."""
    if reason := kit.missing():
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    with kit.network() as namespace, kit.driver_in(namespace, tmp_path_factory.mktemp("driver")) as address:
        yield address


@pytest.fixture
def gateway(driver: str) -> Iterator[WebDouble]:  # noqa: ARG001 - its address is that of the network
    """A stand-in for the gateway, without a browser yet."""
    server = WebDouble(kit.OURS)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.cut()
    server.shutdown()
    server.server_close()


@pytest.fixture
def tab(driver: str, gateway: WebDouble, tmp_path: Path) -> Iterator[Tab]:
    """A browser at a desk, with the page open and nobody joined; whatever it complains about fails the test."""
    with kit.browser(driver, tmp_path) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        yield tab
        tab.check_for_complaints()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A real room, in a process of its own once it is served."""
    return Room(tmp_path, hash_password())


@pytest.fixture
def server(room: Room) -> Iterator[ServerProcess]:
    """The room's server, running; a test may kill it."""
    server = room.server()
    server.begin()
    yield server
    if server.is_running:
        server.finish()


@pytest.fixture
def door(driver: str, tmp_path: Path, server: ServerProcess) -> Iterator[WebDoor]:  # noqa: ARG001 - its network
    """The real gateway to that room."""
    door = WebDoor(tmp_path, kit.OURS, server.port)
    door.begin()
    yield door
    door.end()
