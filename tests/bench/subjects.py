"""What is measured: our server, and those of others that this machine has."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench import irc, mqtt, ours, relay
from bench.crowd import Driver
from bench.process import Server, temporary
from bench.tcp import TcpRoom, gather

OURS: Final = "SockAtuh"
COMMITTED: Final = "committed"
"""The bare relay."""
PEERS: Final = {"ngIRCd": "ngircd", "InspIRCd": "inspircd", "Mosquitto": "mosquitto"}
AT_ONCE: Final = {"ngIRCd": 4, "InspIRCd": 250, "Mosquitto": 50}
"""How many join at a time: ngIRCd listens with a backlog of ten, InspIRCd takes a second for each, whoever waits."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server with its crowd inside; memory in KiB: of the empty server, and with the crowd in it."""

    name: str
    server: Server
    room: ours.OurRoom | relay.RelayRoom | TcpRoom
    driver: Driver
    empty_kib: int
    full_kib: int


def missing_peers() -> list[str]:
    """Return the peers this machine does not have."""
    return [name for name, command in PEERS.items() if shutil.which(command, path="/usr/sbin:/usr/bin") is None]


@contextlib.contextmanager
def crowded(name: str, members: int, tree: Path | None = None) -> Iterator[Subject]:
    """Start a server and let a crowd in, until the block ends; `tree` is another checkout, whose server to start."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(temporary())
        room: ours.OurRoom | relay.RelayRoom | TcpRoom
        if name == OURS or tree is not None:
            server, port = stack.enter_context(ours.sockatuh(directory, sys.executable, tree=tree))
            empty = server.resident_kib()
            room = ours.OurRoom(port, members)
            room.join(64)
        elif name == COMMITTED:
            room = relay.RelayRoom(members)
            server, port = stack.enter_context(relay.relay(directory, room.addresses))
            room.enter(port)
            empty = server.resident_kib()
        else:
            run = {"ngIRCd": irc.ngircd, "InspIRCd": irc.inspircd, "Mosquitto": mqtt.mosquitto}[name]
            link = mqtt.MqttLink if name == "Mosquitto" else irc.IrcLink
            server, port = stack.enter_context(run(directory))
            empty = server.resident_kib()
            room = TcpRoom(gather(partial(_open, link, port, members), members, AT_ONCE[name]))
        driver = Driver(room)
        stack.callback(driver.close)
        driver.rest()
        yield Subject(name, server, room, driver, empty, server.resident_kib())


def name_of(tree: Path) -> str:
    """Return what another checkout's server is called."""
    return f"{OURS} ({tree.name})"


def _open(
    link: type[irc.IrcLink] | type[mqtt.MqttLink], port: int, members: int, index: int
) -> irc.IrcLink | mqtt.MqttLink:
    return link(port, index, witness=index == members - 1)
