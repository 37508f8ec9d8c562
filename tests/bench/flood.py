"""Strangers: HELLOs at a steady rate from many networks, each answered with a COOKIE nobody reads."""

from __future__ import annotations

import socket
import struct
import sys
import time
from typing import Final

from bench.process import CROWD_CORE, on_core

from sockatuh.protocol.constants import HELLO, HELLO_SIZE, VERSION

HELLO_BYTES: Final = struct.pack("<BBHQ", HELLO, VERSION, 0, 1).ljust(HELLO_SIZE, b"\0")
NETWORKS: Final = 64
SECONDS: Final = 60.0
"""It ends by itself, if nobody ends it."""


def strangers() -> list[socket.socket]:
    """Return sockets in networks of their own: the server counts strangers by network."""
    socks = []
    for index in range(NETWORKS):
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.bind((f"127.200.{index}.1", 0))
        sock.setblocking(False)
        socks.append(sock)
    return socks


def flood(port: int, rate: int) -> None:
    """Send `rate` HELLOs a second."""
    socks, server, began, sent = strangers(), ("127.0.0.1", port), time.monotonic(), 0
    while (since := time.monotonic() - began) < SECONDS:
        while sent < since * rate:
            socks[sent % NETWORKS].sendto(HELLO_BYTES, server)
            sent += 1
        time.sleep(0.0005)


if __name__ == "__main__":
    on_core(CROWD_CORE)
    flood(int(sys.argv[1]), int(sys.argv[2]))
