"""What the same work costs the bare machine: no members that join, speak and acknowledge.

To send the datagrams one by one, or many with one call, and to seal them before. What a relay costs that also receives
and commits is measured like a server (`bench.relay`).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Final

from bench.plan import IDLE, SATURATED, idle_pause
from bench.process import SERVER_CORE, on_core, own_address
from bench.relay import Fanout, ignore, untold

from sockatuh.net.batch import BatchSender
from sockatuh.net.driver import send_each
from sockatuh.net.sender import Send
from sockatuh.protocol.constants import DATA_HEADER_SIZE, TAG_SIZE
from sockatuh.protocol.seam import Address


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
WAYS: Final = ("sendto", "sendmmsg", "sealed")
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
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))  # noqa: S104 (as the server does)
        for load, telling in LOADS.items():
            pause = idle_pause(len(addresses)) if load == IDLE else 0.0
            teller = Teller(sock, telling, addresses)
            for way in WAYS:
                found[way, load] = _cost(getattr(teller, way), pause, seconds) / telling.messages / len(addresses)
    theirs.send(found)


class Teller:
    """Tells everybody something, in each of the ways."""

    def __init__(self, sock: socket.socket, telling: Telling, addresses: Sequence[Address]) -> None:
        self._to_all = [(bytes(telling.size), address) for address in addresses for _ in range(telling.datagrams)]
        self._one_by_one: Send = partial(send_each, sock, ignore)
        self._at_once: Send = BatchSender(sock, ignore, untold)
        self._plaintexts = [bytes(telling.size - DATA_HEADER_SIZE - TAG_SIZE)] * telling.datagrams
        self._fanout = Fanout(sock, addresses)

    def sendto(self) -> None:
        """Send, one by one."""
        self._one_by_one(self._to_all)

    def sendmmsg(self) -> None:
        """Send, many with one call."""
        self._at_once(self._to_all)

    def sealed(self) -> None:
        """Seal for each, and send many with one call."""
        self._fanout(self._plaintexts)


def _cost(tell_all: Callable[[], None], pause: float, seconds: float) -> float:
    """Return the microseconds of processor one round takes."""
    count, before, ends_at = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends_at:
        tell_all()
        count += 1
        if pause:
            time.sleep(pause)
    return (time.process_time() - before) / count * 1e6
