"""What only our server is measured for: commits, joining, strangers."""

from __future__ import annotations

import contextlib
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench import ours
from bench.crowd import Driver, Load
from bench.flood import HELLO_BYTES, strangers
from bench.process import Server, temporary

from sockatuh.store.database import open_writer

AT_ONCE: Final = 256
FLOOD: Final = 30_000
"""Datagrams a second of strangers, while members talk."""
COMMITS: Final = 300


@dataclass(frozen=True, slots=True)
class Feat:
    """Something that was measured: what it is, the figure, and what it should be."""

    what: str
    figure: str
    wanted: str


def commits() -> list[Feat]:
    """See how long one commit takes on this disk, alone: each message waits for one."""
    times = []
    with temporary() as directory:
        connection = open_writer(directory / "room.db", "full")
        connection.execute("CREATE TABLE bench (body BLOB)")
        for number in range(COMMITS):
            began = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bench VALUES (?)", (bytes(200 + number),))
            connection.execute("COMMIT")
            times.append(time.monotonic() - began)
            time.sleep(0.002)
        connection.close()
    times.sort()
    p50, p99 = times[COMMITS // 2] * 1e3, times[COMMITS * 99 // 100] * 1e3
    return [Feat("one commit on this disk (p50 / p99)", f"{p50:.2f} / {p99:.2f} ms", "")]


def joins(members: int) -> list[Feat]:
    """Let a crowd in by password, kill the server, and see how soon everybody is back by ticket."""
    with temporary() as directory:
        with ours.sockatuh(directory, sys.executable) as (server, port):
            room = ours.OurRoom(port, members)
            before = server.cpu_seconds()
            seconds = room.join(AT_ONCE)
            by_password = _rate(members, seconds, server.cpu_seconds() - before)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        with ours.sockatuh(directory, sys.executable, port=port) as (server, _):
            before = server.cpu_seconds()
            seconds = room.join(AT_ONCE)
            by_ticket = _rate(members, seconds, server.cpu_seconds() - before)
    return [
        Feat(f"{members} join at once, password known", by_password, "700/s"),
        Feat(f"{members} come back with tickets", f"{by_ticket}; all in {seconds:.2f} s", "1,000/s, 2 s"),
    ]


def _rate(members: int, seconds: float, spent: float) -> str:
    return f"{members / seconds:,.0f}/s, {spent / members * 1e3:.2f} ms of processor each"


def floods() -> list[Feat]:
    """See what a HELLO costs, and what members feel of a flood."""
    calm, stormy = [], []
    with temporary() as directory, ours.sockatuh(directory, sys.executable) as (server, port):
        room = ours.OurRoom(port, 100)
        room.join(64)
        driver = Driver(room)
        driver.rest()
        for _ in range(3):
            calm.append(_p99(room, driver))
            with _flood(port, FLOOD):
                stormy.append(_p99(room, driver))
        cost, answered = _hello_cost(server, port)
        driver.close()
    quiet, loud = statistics.median(calm), statistics.median(stormy)
    return [
        Feat(
            "HELLO answered with COOKIE",
            f"{cost:.1f} µs each: {1e6 / cost:,.0f}/s a core ({answered:,} answered)",
            "80,000/s",
        ),
        Feat(f"100 members' p99 under {FLOOD:,} HELLOs/s", f"{loud:.2f} ms, {quiet:.2f} without", "unmoved"),
    ]


def _p99(room: ours.OurRoom, driver: Driver) -> float:
    room.begin()
    waits = driver.carry(Load(1, 2.0, interval=0.01)).waits
    return waits[int(len(waits) * 0.99)] * 1_000


def _hello_cost(server: Server, port: int) -> tuple[float, int]:
    """Return the microseconds of processor one answered HELLO costs, and how many were answered."""
    socks = strangers()
    before, answered, ends_at = server.cpu_seconds(), 0, time.monotonic() + 2.0
    while time.monotonic() < ends_at:
        for sock in socks:
            sock.sendto(HELLO_BYTES, ("127.0.0.1", port))
        answered += sum(_count(sock) for sock in socks)
    time.sleep(0.2)
    answered += sum(_count(sock) for sock in socks)
    for sock in socks:
        sock.close()
    return (server.cpu_seconds() - before) / answered * 1e6, answered


def _count(sock: socket.socket) -> int:
    count = 0
    try:
        while sock.recv(2048):
            count += 1
    except BlockingIOError:
        return count
    return count


@contextlib.contextmanager
def _flood(port: int, rate: int) -> Iterator[None]:
    """Have another process send HELLOs at a rate, on the crowd's core, until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", "bench.flood", str(port), str(rate)])
    try:
        yield
    finally:
        process.kill()
        process.wait()
