"""A relay with weather: passes Ethernet frames between interfaces, as a switch does.

`python -m prove.cable SEED INTERFACE…` is a program of its own, which the attack commands through a pipe: each line of
its input is the weather from now on (JSON, see Weather), and is answered with what has passed since the last one. It
ends with its input. Many kernels have no netem, and this needs nothing but raw sockets.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from prove.weather import Sky, Traffic, Weather

EVERY_PROTOCOL: Final = 3
PACKET: Final = 263
PACKET_STATISTICS: Final = 6
PACKET_IGNORE_OUTGOING: Final = 23
BUFFER: Final = 64 * 1024 * 1024
FORCED_RECEIVE_BUFFER: Final = 33
FRAMES_A_TURN: Final = 64
LONGEST_FRAME: Final = 65_600
COMMANDS: Final = 0


class Cable:
    """The frames on their way; who is behind which socket is known by where frames come from."""

    def __init__(self, sky: Sky, sockets: Sequence[socket.socket]) -> None:
        self._sky, self._sockets = sky, sockets
        self._seats: dict[bytes, socket.socket] = {}
        self._under_way: list[tuple[float, int, bytes, socket.socket]] = []
        self._order = itertools.count()
        self.latest = 0.0
        """Seconds the relay itself was late, at worst."""
        self.unsent = 0
        """Frames that did not fit the interface they were for."""

    def take(self, sock: socket.socket, now: float) -> None:
        """Take what has come in at one end."""
        for _ in range(FRAMES_A_TURN):
            try:
                frame = sock.recv(LONGEST_FRAME, socket.MSG_DONTWAIT)
            except OSError:  # nothing is left, or the interface has gone down
                return
            self._seats[frame[6:12]] = sock
            for at, copy in self._sky.pass_on(frame, now):
                for target in self._targets(sock, copy):
                    heapq.heappush(self._under_way, (at, next(self._order), copy, target))

    def give_out(self, now: float) -> float | None:
        """Send what is due; return the milliseconds until the next is."""
        while self._under_way:
            at, _, frame, target = self._under_way[0]
            if at > now:
                return math.ceil((at - now) * 1000)
            heapq.heappop(self._under_way)
            self.latest = max(self.latest, now - at)
            try:
                target.send(frame)
            except OSError:
                self.unsent += 1
        return None

    def _targets(self, source: socket.socket, frame: bytes) -> Sequence[socket.socket]:
        seat = self._seats.get(frame[:6])
        return (seat,) if seat is not None else [sock for sock in self._sockets if sock is not source]


def main() -> int:
    """Pass frames until nobody commands any more."""
    sky = Sky(int(sys.argv[1]))
    sockets = [_open(name) for name in sys.argv[2:]]
    cable = Cable(sky, sockets)
    by_descriptor = {sock.fileno(): sock for sock in sockets}
    poll = select.poll()
    for descriptor in (COMMANDS, *by_descriptor):
        poll.register(descriptor, select.POLLIN)
    began, worked = time.monotonic(), time.process_time()
    while True:
        for descriptor, _ in poll.poll(cable.give_out(time.monotonic())):
            if descriptor != COMMANDS:
                cable.take(by_descriptor[descriptor], time.monotonic())
                continue
            command = os.read(COMMANDS, 4096)
            if not command:
                return 0
            busy = (time.process_time() - worked) / max(time.monotonic() - began, 1e-6)
            print(json.dumps(_report(sky, cable, sockets, busy)), flush=True)
            sky.weather = Weather(**json.loads(command))
            began, worked = time.monotonic(), time.process_time()


def _open(name: str) -> socket.socket:
    """Return a raw socket that sees what comes in at an interface, and not what we send there."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    sock.setsockopt(PACKET, PACKET_IGNORE_OUTGOING, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, FORCED_RECEIVE_BUFFER, BUFFER)
    except OSError:  # for root only
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.bind((name, EVERY_PROTOCOL))
    return sock


def _report(sky: Sky, cable: Cable, sockets: Sequence[socket.socket], busy: float) -> dict[str, float]:
    """Return what passed since the last report; the counts begin anew."""
    overrun = sum(int.from_bytes(sock.getsockopt(PACKET, PACKET_STATISTICS, 8)[4:], sys.byteorder) for sock in sockets)
    report = asdict(sky.traffic) | {
        "busy": busy,
        "latest": cable.latest,
        "unsent": cable.unsent,
        "overrun": overrun,
    }
    sky.traffic = Traffic()
    cable.latest, cable.unsent = 0.0, 0
    return report


if __name__ == "__main__":
    sys.exit(main())
