"""Ask which server answers at a port: it is sent a HELLO, and its COOKIE has the server's key (docs/PROTOCOL.md §3).

The answer is not authenticated, so it serves only to tell one's own room from another program.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Iterator
from typing import Final

from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, HELLO, HELLO_SIZE, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT
from sockatuh.protocol.seam import Address

EVERYWHERE: Final = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - compared, not bound
RETRY: Final = 0.25
"""Seconds between HELLOs."""


def find_server_key(host: str, port: int, seconds: float) -> bytes | None:
    """Return the key (32 bytes) of the server at an address of this machine, or None if none answers in time."""
    nonce = os.urandom(8)
    hello = HELLO_STRUCT.pack(HELLO, VERSION, 0, nonce).ljust(HELLO_SIZE, b"\0")
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(EVERYWHERE.get(host, host), port, type=socket.SOCK_DGRAM)
            sock = stack.enter_context(socket.socket(found[0][0], socket.SOCK_DGRAM))
            for data in _answers(sock, hello, found[0][4], time.monotonic() + seconds):
                if len(data) == COOKIE_SIZE and data[0] == COOKIE:
                    answered, key = COOKIE_STRUCT.unpack(data)[4], COOKIE_STRUCT.unpack(data)[6]
                    if answered == nonce:
                        return bytes(key)
        except OSError:  # no such host, no way there
            return None
    return None


def _answers(sock: socket.socket, hello: bytes, address: Address, ends_at: float) -> Iterator[bytes]:
    while (left := ends_at - time.monotonic()) > 0:
        sock.sendto(hello, address)
        while select.select([sock], [], [], min(RETRY, left))[0]:
            yield sock.recv(2 * COOKIE_SIZE)
