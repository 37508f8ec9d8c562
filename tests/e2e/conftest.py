"""What the end-to-end tests share: a configured room, and a server that most of them talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.running import Room, ServerProcess, hash_password


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hash_password()


@pytest.fixture
def room(tmp_path: Path, password_hash: str) -> Room:
    """A room for one test only."""
    return Room(tmp_path, password_hash, is_forked=True)


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Room:
    """The room most tests share."""
    return Room(tmp_path_factory.mktemp("kitchen"), password_hash, is_forked=True)


@pytest.fixture(scope="session")
def _kitchens_server(kitchen: Room) -> Iterator[ServerProcess]:
    limits = {"limits.handshakes_burst": 1000}
    server = kitchen.server(host="::", room="the-kitchen-room", classic="on", **limits)
    yield server
    if server.is_running:
        server.finish()


@pytest.fixture
def server(_kitchens_server: ServerProcess) -> ServerProcess:
    """The running server of the kitchen, with the log events of other tests removed."""
    if not _kitchens_server.is_running:
        _kitchens_server.begin()
    _kitchens_server.logged.clear()
    return _kitchens_server
