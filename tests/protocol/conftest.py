"""Fixtures of the secure dialect's tests: a server, clients and servers made by hand, a wire."""

from __future__ import annotations

import pytest

# Imported by the names that the tests use, as pytest gives this module another one.
from protocol.guest import Guest
from protocol.host import Host, seated_host
from protocol.house import House
from protocol.wire import Wire


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def wire(house: House) -> Wire:
    return Wire(house)


@pytest.fixture
def member(house: House) -> Guest:
    """A guest that has joined."""
    return Guest(house).shake().join()


@pytest.fixture
def host() -> Host:
    """A hand-made server with a peer in its room."""
    return seated_host()
