"""What the machine itself takes to send the same datagrams: one by one and many at a time, with nothing around it."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Final

from bench.plan import IDLE, SATURATED, idle_pause
from bench.process import SERVER_CORE, on_core, own_address

from sockatuh.net.batch import BatchSender
from sockatuh.net.driver import Datagrams, Send, send_each
from sockatuh.protocol.seam import Address

IDLE_SIZE: Final = 180
"""Bytes of a datagram with one message of a hundred."""
PACKED_SIZE: Final = 1_190
PACKED: Final = 8
"""Messages in it."""
LOADS: Final[dict[str, tuple[int, int]]] = {IDLE: (IDLE_SIZE, 1), SATURATED: (PACKED_SIZE, PACKED)}
"""By load: bytes of a datagram, the messages that come in it."""


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
        ways: dict[str, Send] = {
            "sendto": lambda datagrams: send_each(sock, _ignore, datagrams),
            "sendmmsg": BatchSender(sock, _ignore),
        }
        for load, (size, packed) in LOADS.items():
            pause = idle_pause(len(addresses)) if load == IDLE else 0.0
            for way, send in ways.items():
                found[way, load] = _cost(send, addresses, size, pause, seconds) / packed
    theirs.send(found)


def _cost(
    send: Callable[[Datagrams], None], addresses: Sequence[Address], size: int, pause: float, seconds: float
) -> float:
    """Return the microseconds of processor one datagram takes, in rounds to all."""
    batch = [(bytes(size), address) for address in addresses]
    count, before, ends_at = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends_at:
        send(batch)
        count += len(batch)
        if pause:
            time.sleep(pause)
    return (time.process_time() - before) / count * 1e6


def _ignore(error: OSError) -> None:
    """A datagram that could not leave took its time all the same."""
