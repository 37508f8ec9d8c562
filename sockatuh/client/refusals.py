"""Reports why a destination cannot be reached, from a socket's error queue (ip(7): IP_RECVERR).

Linux reports per destination that nothing listens there, that no machine has that address, or that a firewall refuses.
The report has no other effect, because anybody on the network can forge such an error, and a server may be about to
start. If an earlier datagram's error makes `sendto` fail, the datagram is sent again.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

from sockatuh.net.arrival import READ_SIZE, Receive
from sockatuh.net.sender import Datagrams, Send
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.seam import Address

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
QUEUES: Final = ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR))
MSG_ERRQUEUE: Final = 0x2000
EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
"""struct sock_extended_err: errno, origin, type, code, padding, info, data."""
NOTES_SIZE: Final = 512
MOST_AT_ONCE: Final = 64
"""The most errors read in a row before datagrams are read again."""
PROHIBITED: Final = frozenset({(2, 3, 9), (2, 3, 10), (2, 3, 13), (3, 1, 1), (3, 1, 5), (3, 1, 6)})
"""(origin, type, code) of ICMP and ICMPv6 that come from a firewall (RFC 1812 §5.2.7.1, RFC 4443 §3.1)."""
OBSTACLES: Final = {
    errno.ECONNREFUSED: Obstacle.PORT_CLOSED,
    errno.EHOSTUNREACH: Obstacle.HOST_SILENT,
    errno.EHOSTDOWN: Obstacle.HOST_SILENT,
    errno.ENETUNREACH: Obstacle.NO_ROUTE,
    errno.ENETDOWN: Obstacle.NO_ROUTE,
    errno.EADDRNOTAVAIL: Obstacle.NO_ROUTE,
    errno.EACCES: Obstacle.NOT_A_MACHINE,  # Linux refuses a broadcast address with it
    errno.EPERM: Obstacle.FORBIDDEN_HERE,
    errno.EMSGSIZE: Obstacle.TOO_LONG,
}

Tell = Callable[[Address, Obstacle], None]


class Refusals:
    """Sends and receives on a client's socket, and reports obstacles on the way to an address."""

    def __init__(self, sock: socket.socket, tell: Tell) -> None:
        self._sock, self._tell = sock, tell
        self._has_queue = False
        for level, option in QUEUES if sys.platform == "linux" else ():
            try:
                sock.setsockopt(level, option, 1)
            except OSError:  # the socket is of the other family
                continue
            self._has_queue = True

    def sender(self, _: socket.socket, count: Callable[[OSError], None]) -> Send:
        """Return a function that sends datagrams one by one; see Driver."""

        def send(datagrams: Datagrams) -> None:
            for data, address in datagrams:
                try:
                    self._send(data, address)
                except OSError as error:
                    count(error)
                    if (obstacle := OBSTACLES.get(error.errno or 0)) is not None:
                        self._tell(address, obstacle)

        return send

    def receiver(self, _: socket.socket) -> Receive:
        """Return a function that reads one datagram; see Driver."""
        recvfrom = self._sock.recvfrom

        def receive() -> tuple[bytes, Address]:
            try:
                return recvfrom(READ_SIZE)
            except OSError:
                self._drain()
                raise

        return receive

    def _send(self, data: bytes, address: Address) -> None:
        try:
            self._sock.sendto(data, address)
        except OSError:
            if not self._drain():
                raise
            self._sock.sendto(data, address)  # the error was an earlier datagram's

    def _drain(self) -> bool:
        """Read the error queue and report its errors; tell whether there were any."""
        for count in range(MOST_AT_ONCE if self._has_queue else 0):
            try:
                _, notes, _, address = self._sock.recvmsg(0, NOTES_SIZE, MSG_ERRQUEUE)
            except OSError:
                return count > 0
            for level, kind, data in notes:
                if (level, kind) in QUEUES and (obstacle := read_obstacle(data)) is not None and address:
                    self._tell(address, obstacle)
        return self._has_queue


def read_obstacle(note: bytes) -> Obstacle | None:
    """Return the obstacle that an extended error describes, None if it describes none."""
    if len(note) < EXTENDED_ERROR.size:
        return None
    number, origin, kind, code, *_ = EXTENDED_ERROR.unpack_from(note)
    if (origin, kind, code) in PROHIBITED:
        return Obstacle.FORBIDDEN
    obstacle = OBSTACLES.get(number)
    # This machine's own firewall makes the call itself fail; an error in the queue comes from another machine.
    return Obstacle.FORBIDDEN if obstacle in (Obstacle.FORBIDDEN_HERE, Obstacle.NOT_A_MACHINE) else obstacle
