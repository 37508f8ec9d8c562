"""Fixtures of the secure dialect's tests: a server, clients and servers made by hand, a wire."""

from __future__ import annotations

import pytest
from kit.bare_room import BareRoom

# Imported by the names that the tests use, as pytest gives this module another one.
from kit.raw_client import RawClient
from kit.raw_server import RawServer, joined_raw_server
from kit.wire import Wire


@pytest.fixture
def bare_room() -> BareRoom:
    return BareRoom()


@pytest.fixture
def wire(bare_room: BareRoom) -> Wire:
    return Wire(bare_room)


@pytest.fixture
def member(bare_room: BareRoom) -> RawClient:
    """A guest that has joined."""
    return RawClient(bare_room).shake().join()


@pytest.fixture
def host() -> RawServer:
    """A hand-made server with a peer in its room."""
    return joined_raw_server()
