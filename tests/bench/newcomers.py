"""Let newcomers into a room that talks, all at once: how soon they are in, and what its members notice.

    PYTHONPATH=tests python -m bench.newcomers [--beside TREE]

TREE is another checkout that has this module, and a `.venv`: it is measured in turn with this one, by its own clients.
Each run starts a server, with bcrypt at cost 12, twice:

* *password known*: the members have joined by password, so it knows the digest, and bcrypt is not asked again.
* *just started*: it was killed, and the members are back by ticket. So the first newcomer's password goes to bcrypt, 32
  more wait for that, and the others are told to ask again in 2 s.

Everybody has a loopback address of its own, so all limits that count by address are as people meet them. Lifted are
those on all handshakes together and on lines (`bench.ours`). Newcomers hash the password before they come: in real life
each does it on a machine of its own. The kernel stamps what members receive, so a late reader is not a late server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench import ours
from bench.crowd import PATIENCE, Driver, Spoilt, Tally
from bench.process import CROWD_CORE, Server, on_core, temporary

HERE: Final = Path(__file__).parents[2]
COST: Final = 12
INTERVAL: Final = 0.02
"""Seconds from one message of the members to the next."""
CALM_SECONDS: Final = 3.0
SPEAKERS: Final = 10
HURRY_INTERVAL: Final = 0.01
SO_TIMESTAMPNS: Final = 35
"""Linux: each datagram comes with the wall-clock time of its arrival, as seconds and nanoseconds."""
TIMESPEC: Final = struct.Struct("qq")
KNOWN, FRESH = "password known", "just started"


@dataclass(frozen=True, slots=True)
class Wave:
    """What came of a wave of newcomers: seconds, milliseconds, and the share of a core that the newcomers used.

    The server's processor time is without what the members' talk costs when nobody comes.
    """

    seconds: float = field(metadata={"heading": "all in after, s"})
    rate: float = field(metadata={"heading": "joins/s"})
    cpu: float = field(metadata={"heading": "server's processor a join, ms"})
    busy: float = field(metadata={"heading": "newcomers' share of a core"})
    calm_p99: float = field(metadata={"heading": "members' p99 in calm, ms"})
    p99: float = field(metadata={"heading": "meanwhile, ms"})
    calm_longest: float = field(metadata={"heading": "longest in calm, ms"})
    longest: float = field(metadata={"heading": "meanwhile, ms"})


def main() -> None:
    """Run rounds, of each tree in turn, and print medians with the least and the greatest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, metavar="TREE", help="another checkout")
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--newcomers", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", action="store_true", help="run one round of this tree, and print it as JSON")
    options = parser.parse_args()
    if options.once:
        on_core(CROWD_CORE)
        waves = measure(options.members, options.newcomers)
        print(json.dumps({case: asdict(wave) for case, wave in waves.items()}))
        return
    trees = [HERE, *([options.beside.resolve()] if options.beside else [])]
    found: dict[tuple[Path, str], list[Wave]] = {}
    for number in range(options.rounds):
        for tree in trees if number % 2 else trees[::-1]:
            for case, wave in _run(tree, options.members, options.newcomers).items():
                found.setdefault((tree, case), []).append(wave)
                print(f"{tree.name}, {case}: {wave}", file=sys.stderr, flush=True)
    headings = [each.metadata["heading"] for each in fields(Wave)]
    print(f"| | {' | '.join(headings)} |\n{'| --- ' * (len(headings) + 1)}|")
    for (tree, case), all_waves in sorted(found.items(), key=lambda item: item[0][1]):
        print(f"| {case}, {tree.name} | {' | '.join(_spreads(all_waves))} |")


def _run(tree: Path, members: int, newcomers: int) -> dict[str, Wave]:
    environ = os.environ | {"PYTHONPATH": str(tree / "tests")}
    sizes = ["--members", str(members), "--newcomers", str(newcomers)]
    command = [str(tree / ".venv/bin/python"), "-m", "bench.newcomers", "--once", *sizes]
    done = subprocess.run(command, cwd=tree, env=environ, check=True, stdout=subprocess.PIPE, timeout=10 * PATIENCE)
    return {case: Wave(**wave) for case, wave in json.loads(done.stdout).items()}


def _spreads(waves: Sequence[Wave]) -> Iterator[str]:
    for each in fields(Wave):
        figures = [getattr(wave, each.name) for wave in waves]
        middle, least, greatest = (
            f"{figure:.3g}" for figure in (statistics.median(figures), min(figures), max(figures))
        )
        yield f"**{middle}** ({least}–{greatest})"


# One round.


def measure(members: int, newcomers: int) -> dict[str, Wave]:
    """Return the waves of one round, by case."""
    with temporary() as directory:
        with ours.sockatuh(directory, sys.executable, cost=COST) as (server, port):
            room = ours.OurRoom(port, members, kind=StampedMember)
            room.join(64)
            known = _let_in(server, room, directory, members, newcomers)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        with ours.sockatuh(directory, sys.executable, port=port, cost=COST) as (server, _):
            room.join(64)
            fresh = _let_in(server, room, directory, members + newcomers, newcomers)
    return {KNOWN: known, FRESH: fresh}


def _let_in(server: Server, room: ours.OurRoom, directory: Path, first: int, count: int) -> Wave:
    """Let a wave in while the members talk."""
    driver = Driver(room)
    driver.rest()
    driver.close()
    talk = Talk(room)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=come, args=(there, directory, room.port, first, count))
    process.start()
    there.close()
    try:
        here.recv()  # they are ready
        began = server.cpu_seconds()
        calm = talk.until(_after(CALM_SECONDS))
        before = server.cpu_seconds()
        here.send(None)
        waits = talk.until(here.poll)
        seconds, busy = here.recv()
        spent = server.cpu_seconds() - before - (before - began) * seconds / CALM_SECONDS
    finally:
        process.kill()
        process.join()
        talk.close()
    return Wave(seconds, count / seconds, spent / count * 1e3, busy, _p99(calm), _p99(waits), calm[-1], waits[-1])


def _after(seconds: float) -> Callable[[], bool]:
    ends_at = time.monotonic() + seconds
    return lambda: time.monotonic() >= ends_at


def _p99(waits: Sequence[float]) -> float:
    return waits[int(len(waits) * 0.99)]


# The members.


class StampedMember(ours.Member):
    """A member that knows when a datagram arrived, however late it looks."""

    def __init__(self, room: ours.OurRoom, index: int, source: str) -> None:
        super().__init__(room, index, source)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._clock_offset = time.monotonic() - time.time()

    def collect(self, now: float) -> None:
        """Take what has come as it is, and when it came."""
        del now
        with contextlib.suppress(BlockingIOError):
            for _ in range(ours.READ_AT_ONCE):
                data, ancillary, _, _ = self.sock.recvmsg(2048, 64)
                seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
                self._collected.append((data, seconds + nanoseconds / 1e9 + self._clock_offset))


class Talk:
    """Members that say a message every INTERVAL, in turn."""

    def __init__(self, room: ours.OurRoom) -> None:
        self._room = room
        self._epoll = select.epoll()
        self._links = {link.fileno(): link for link in room.links}
        for descriptor in self._links:
            self._epoll.register(descriptor, select.EPOLLIN)

    def close(self) -> None:
        """Stop waiting on the sockets."""
        self._epoll.close()

    def until(self, is_over: Callable[[], bool]) -> list[float]:
        """Talk until it is over, and then listen until everybody has everything; return the waits (ms), sorted."""
        links, tally = self._room.links, Tally(timed=True)
        began, over_at = time.monotonic(), math.inf
        while over_at == math.inf or tally.delivered < len(tally.sent_at) * len(links):
            now = time.monotonic()
            if over_at == math.inf and is_over():
                over_at = now
            if now > began + 2 * PATIENCE:
                raise Spoilt(f"of {len(tally.sent_at) * len(links)} deliveries {tally.delivered} came")
            if now < over_at and now >= began + len(tally.sent_at) * INTERVAL:
                tally.sent_at.append(now)
                links[len(tally.sent_at) % SPEAKERS].send(len(tally.sent_at) - 1)
            pause = max(0.0, began + len(tally.sent_at) * INTERVAL - time.monotonic())
            self._turn(tally, min(pause, INTERVAL))
        return sorted(wait * 1e3 for wait in tally.waits)

    def _turn(self, tally: Tally, pause: float) -> None:
        for descriptor, _ in self._epoll.poll(pause, 1024):
            link = self._links[descriptor]
            link.collect(0.0)
            link.receive(tally)
        self._room.tend(time.monotonic())


# The newcomers.


def come(parent: Connection, directory: Path, port: int, first: int, count: int) -> None:
    """Wait for the word, join, send (seconds until all are in, share of a core), and stay until this process ends."""
    room = ours.OurRoom(port, count, first=first)
    links = {link.fileno(): link for link in room.links}
    epoll = select.epoll()
    for descriptor in links:
        epoll.register(descriptor, select.EPOLLIN)
    ours.prepare(directory)
    parent.send(None)
    parent.recv()
    began, used = time.monotonic(), time.process_time()
    for link in room.links:
        link.dial(time.monotonic())
    tally, waiting, hurry_at, is_told = Tally(timed=False), set(room.links), 0.0, False
    while time.monotonic() < began + 2 * PATIENCE:
        for descriptor, _ in epoll.poll(HURRY_INTERVAL, 1024):
            link = links[descriptor]
            if link not in waiting:
                link.collect(time.monotonic())
                link.receive(tally)
                continue
            link.greet()
            if link.is_in:
                waiting.remove(link)
        now = time.monotonic()
        room.tend(now)
        if now >= hurry_at:
            hurry_at = now + HURRY_INTERVAL
            for link in waiting:
                link.hurry(now)
        if not waiting and not is_told:
            parent.send((now - began, (time.process_time() - used) / (now - began)))
            is_told = True


if __name__ == "__main__":
    main()
