"""Measure the door for browsers beside a plain client: `PYTHONPATH=tests python -m bench.web [--seconds N]`.

Browsers and plain members are in one room and speak in turn. Each line has to reach each of them once. The gateway and
the room share a core; the crowd has the other.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import socket
import ssl
import sys
from collections.abc import Sequence
from typing import Final

from bench import ours
from bench.crowd import Driver, Link, Load, Tally, check_order, text_of
from bench.process import CROWD_CORE, on_core, own_address, reachable, served, temporary
from machine import free_port

PLAIN: Final = 4
SPEAKERS: Final = 8
INTERVAL: Final = 0.05
LINE: Final = re.compile(rb'"type":"message"[^\n]*?"text":"%(\d{8}) ')


class BrowserLink:
    """One browser: its stream, and a connection for its lines."""

    receives_own_messages = True

    def __init__(self, port: int, index: int, context: ssl.SSLContext) -> None:
        self.numbers: list[int] = []
        self.waits: list[float] = []
        self._port, self._source, self._context = port, own_address(1_000 + index), context
        self._n, self._data, self._now = 0, b"", 0.0
        asking = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=60, source_address=(self._source, 0), context=context
        )
        body = json.dumps({"name": f"browser {index}", "password": ours.PASSWORD})
        origin = {"Origin": f"https://127.0.0.1:{port}", "Content-Type": "application/json"}
        asking.request("POST", "/join", body, origin)
        answer = asking.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise TimeoutError(f"browser {index} was not let in: {told!r}")
        self._cookie = answer.headers["Set-Cookie"].partition(";")[0]
        asking.close()
        self._stream, self._lines = self._connect(), self._connect()
        self._stream.sendall(self._head("GET /events"))
        self._stream.setblocking(False)

    def fileno(self) -> int:
        return self._stream.fileno()

    def collect(self, now: float) -> None:
        """Receive without waiting."""
        self._now = now
        with contextlib.suppress(ssl.SSLWantReadError):
            while data := self._stream.recv(65_536):
                self._data += data

    def receive(self, tally: Tally) -> None:
        """Look for lines in what was collected."""
        whole, end, rest = self._data.rpartition(b"\n\n")
        if not end:
            return
        self._data = rest
        for number in map(int, LINE.findall(whole)):
            self.numbers.append(number)
            tally.note([number], self._now)
            self.waits.append(tally.waits[-1])

    def send(self, number: int) -> None:
        """Say a message."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._lines.setblocking(False)
            self._lines.recv(65_536)  # the answers to earlier ones
        self._lines.setblocking(True)
        self._n += 1
        body = json.dumps({"page": "bench", "n": self._n, "text": text_of(number).decode()}).encode()
        head = self._head("POST /say", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n")
        self._lines.sendall(head + body)

    def _connect(self) -> ssl.SSLSocket:
        sock = socket.create_connection(("127.0.0.1", self._port), 60, (self._source, 0))
        return self._context.wrap_socket(sock)

    def _head(self, what: str, more: str = "") -> bytes:
        host = f"127.0.0.1:{self._port}"
        mine = f"Host: {host}\r\nOrigin: https://{host}\r\nCookie: {self._cookie}\r\n"
        return f"{what} HTTP/1.1\r\n{mine}{more}\r\n".encode()


class PlainLink(ours.Member):
    """A plain member, which notes how long what it gets took."""

    def receive(self, tally: Tally) -> None:
        before = len(tally.waits)
        super().receive(tally)
        self.__dict__.setdefault("waits", []).extend(tally.waits[before:])


class WebRoom:
    """Browsers and plain members of one room."""

    def __init__(self, browsers: Sequence[BrowserLink], plain: ours.OurRoom) -> None:
        self._browsers, self._plain = browsers, plain
        pairs = [link for pair in zip(browsers, plain.links, strict=False) for link in pair]
        self.links: Sequence[Link] = [*pairs, *browsers[len(plain.links) :]]

    def begin(self) -> None:
        self._plain.begin()

    def tend(self, now: float) -> None:
        self._plain.tend(now)

    def check(self, sent: Sequence[int]) -> str:
        for browser in self._browsers:
            check_order(browser.numbers, sent)
        return self._plain.check(sent)


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    on_core(CROWD_CORE)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(temporary())
        _, room_port = stack.enter_context(ours.sockatuh(directory, sys.executable))
        (at := directory / "web").mkdir()
        port = free_port(socket.SOCK_STREAM)
        command = [sys.executable, "-m", "sockatuh", "web", f"127.0.0.1:{room_port}", "--listen", f"127.0.0.1:{port}"]
        gateway = stack.enter_context(served([*command, "--state", str(at / "state")], at))
        reachable(port, 60)
        empty = gateway.resident_kib()
        plain = ours.OurRoom(room_port, PLAIN, kind=PlainLink)
        plain.join(PLAIN)
        room = WebRoom([BrowserLink(port, index, context) for index in range(options.browsers)], plain)
        driver = Driver(room)
        stack.callback(driver.close)
        driver.rest()
        joined = gateway.resident_kib()
        room.begin()
        before = gateway.cpu_seconds()
        carried = driver.carry(Load(SPEAKERS, options.seconds, interval=INTERVAL))
        spent = gateway.cpu_seconds() - before
        loaded = gateway.resident_kib()
        at_browsers = sorted(wait for link in room.links if isinstance(link, BrowserLink) for wait in link.waits)
        at_plain = sorted(wait for link in plain.links for wait in getattr(link, "waits", []))
    print(f"MiB: empty {empty / 1024:.1f}, joined {joined / 1024:.1f}, after the load {loaded / 1024:.1f}")
    for name, waits in (("browsers", at_browsers), ("plain", at_plain)):
        print(f"{name}: p50 {waits[len(waits) // 2] * 1e3:.1f} ms, p99 {waits[int(len(waits) * 0.99)] * 1e3:.1f} ms")
    print(f"gateway: {spent / len(at_browsers) * 1e3:.3f} ms of processor a delivery, {len(at_browsers):,} of them")
    print(f"every line once at everybody; crowd {carried.busy:.0%} of its core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
