"""A server that the tests share, one that a test may kill, and people."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cli.people import Client, Person, Server

from sockatuh.cli.command_tree import read_tree


@pytest.fixture(scope="session", autouse=True)
def _one_tree_of_commands() -> Iterator[None]:
    """Read the commands' options once: a program installs itself once, and these tests do forty times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sockatuh.cli.shell_files.read_tree", cache(read_tree))
        yield


@pytest.fixture(scope="session", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests; a name has the same key in each of them."""
    server = Server(tmp_path_factory.mktemp("server"), **{"limits.lines_burst": 500})
    yield server
    server.stop()


@pytest.fixture(name="own_server")
def _own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may do anything to."""
    server = Server(tmp_path / "server")
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture(name="person")
def _person(tmp_path: Path) -> Iterator[Person]:
    """Make clients: `person(name, server)` has server and password, `person(name)` has neither."""
    made: list[Client] = []

    def make(name: str, server: Server | None = None, **environ: str) -> Client:
        made.append(Client(tmp_path / name, server, **environ))
        return made[-1]

    yield make
    for client in made:
        client.close()
