"""What the same work costs the bare machine: no members that join, speak and acknowledge.

To send the datagrams one by one, or many with one call; to seal them too; and to commit what is in them before.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.plan import IDLE, SATURATED, idle_pause
from bench.process import SERVER_CORE, on_core, own_address, temporary

from sockatuh.net.batch import BatchSender
from sockatuh.net.driver import send_each
from sockatuh.net.fallback import Fallback
from sockatuh.net.sender import Send
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import DATA_HEADER_SIZE, TAG_SIZE
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.send_queue import PORTION
from sockatuh.room.entries import Message
from sockatuh.room.log import Append
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import append_all


@dataclass(frozen=True, slots=True)
class Telling:
    """What a member is sent at once: datagrams of so many bytes, with so many messages in each."""

    size: int
    packed: int
    datagrams: int

    @property
    def messages(self) -> int:
        """Return the number of messages."""
        return self.packed * self.datagrams


LOADS: Final = {IDLE: Telling(180, 1, 1), SATURATED: Telling(1_190, 8, 3)}
WAYS: Final = ("sendto", "sendmmsg", "sealed", "committed")
"""Each but the first does what the one before does, and something more."""


def measure_limits(members: int, seconds: float) -> dict[tuple[str, str], float]:
    """Return microseconds of processor a delivery by (way, load), from a process on the server's core."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send_all, args=(theirs,))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(members)]
        for index, sock in enumerate(socks):
            sock.bind((own_address(index), 0))
            sock.setblocking(False)
        process.start()
        ours.send(([sock.getsockname() for sock in socks], seconds))
        while process.is_alive() and not ours.poll(0.001):
            for sock in socks:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sock.recv(2048)
        process.join()
        if process.exitcode or not ours.poll():
            raise OSError(f"the process that measures the machine ended with {process.exitcode}")
        found: dict[tuple[str, str], float] = ours.recv()
    return found


def _send_all(theirs: Connection) -> None:
    on_core(SERVER_CORE)
    addresses, seconds = theirs.recv()
    found = {}
    with socket.socket(type=socket.SOCK_DGRAM) as sock, temporary() as directory:
        sock.bind(("0.0.0.0", 0))  # noqa: S104 (as the server does)
        for load, telling in LOADS.items():
            pause = idle_pause(len(addresses)) if load == IDLE else 0.0
            relay = Relay(sock, directory / f"{load}.db", telling, addresses)
            for way in WAYS:
                found[way, load] = _cost(getattr(relay, way), pause, seconds) / telling.messages / len(addresses)
    theirs.send(found)


class Relay:
    """Tells everybody something, in each of the ways."""

    def __init__(self, sock: socket.socket, path: Path, telling: Telling, addresses: Sequence[Address]) -> None:
        self._telling = telling
        self._to_all = [(bytes(telling.size), address) for address in addresses for _ in range(telling.datagrams)]
        self._one_by_one: Send = partial(send_each, sock, _ignore)
        self._at_once: Send = BatchSender(sock, _ignore, _untold)
        self._plaintexts = [bytes(telling.size - DATA_HEADER_SIZE - TAG_SIZE)] * telling.datagrams
        members = [(Channel(os.urandom(32), os.urandom(32), 1, 1, 0.0), address) for address in addresses]
        step = PORTION // telling.datagrams
        self._portions = [members[at : at + step] for at in range(0, len(members), step)]
        self._database = open_writer(path, "full")

    def sendto(self) -> None:
        """Send, one by one."""
        self._one_by_one(self._to_all)

    def sendmmsg(self) -> None:
        """Send, many with one call."""
        self._at_once(self._to_all)

    def sealed(self) -> None:
        """Seal for each, and send many with one call."""
        for portion in self._portions:
            datagrams = Channel.seal_for_each([channel for channel, _ in portion], self._plaintexts)
            addresses = [address for _, address in portion for _ in self._plaintexts]
            self._at_once([*zip(datagrams, addresses, strict=True)])

    def committed(self) -> None:
        """Commit the messages, seal them for each, and send many with one call."""
        body = Message("ana", "", "x" * 150, action=False)
        appends = [Append(os.urandom(16), body) for _ in range(self._telling.messages)]
        self._database.execute("BEGIN IMMEDIATE")
        append_all(self._database, appends, wall_clock(), frozenset())
        self._database.execute("COMMIT")
        self.sealed()


def _cost(tell_all: Callable[[], None], pause: float, seconds: float) -> float:
    """Return the microseconds of processor one round takes."""
    count, before, ends_at = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends_at:
        tell_all()
        count += 1
        if pause:
            time.sleep(pause)
    return (time.process_time() - before) / count * 1e6


def _untold(fallback: Fallback, error: OSError) -> None:
    """Nothing is given up where this is measured."""
    raise AssertionError(fallback, error)


def _ignore(error: OSError) -> None:
    """A datagram that could not leave took its time all the same."""
