"""The address of this machine as the machine's own network knows it: netdevice(7).

A service that has no network of its own cannot ask its routing table. Its socket still belongs to the machine's
network, and these questions are answered for the network of the socket they are asked on.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

from .address import lan_address

SIOCGIFCONF: Final = 0x8912
SIOCGIFFLAGS: Final = 0x8913
IFF_UP: Final = 0x1
IFF_LOOPBACK: Final = 0x8
IFF_POINTOPOINT: Final = 0x10
IFF_RUNNING: Final = 0x40
CONSIDERED: Final = IFF_UP | IFF_LOOPBACK | IFF_POINTOPOINT | IFF_RUNNING
IFREQ: Final = struct.Struct("16sHH4s8s8x" if struct.calcsize("P") == 8 else "16sHH4s8s")
"""Name; family, port, IPv4 address and padding of a sockaddr."""
MAX_INTERFACES: Final = 128
EVERYWHERE: Final = ("::", "0.0.0.0")  # noqa: S104 - compared, not bound


def lan_address_of(sock: socket.socket) -> str:
    """Return where others find a bound socket: what it is bound to or, if that is everywhere, this machine's address.

    When no address can be found out it is the machine's name.
    """
    host = str(sock.getsockname()[0])
    if host not in EVERYWHERE:
        return host
    return lan_address() or find_lan_address(sock) or socket.gethostname()


def find_lan_address(sock: socket.socket) -> str | None:
    """Return the IPv4 address of the first interface of the socket's network that leads to others, if there is one."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        for name, address in _interfaces(sock):
            if _flags(sock, name) & CONSIDERED == IFF_UP | IFF_RUNNING:
                return address
    return None


def _interfaces(sock: socket.socket) -> Iterator[tuple[bytes, str]]:
    """Yield name and address of each interface that has an IPv4 address."""
    import fcntl  # not there on Windows

    answers = array.array("B", bytes(MAX_INTERFACES * IFREQ.size))
    at, _ = answers.buffer_info()
    size, _ = struct.unpack("iP", fcntl.ioctl(sock, SIOCGIFCONF, struct.pack("iP", len(answers), at)))
    for name, _, _, address, _ in IFREQ.iter_unpack(answers.tobytes()[:size]):
        yield name, socket.inet_ntop(socket.AF_INET, address)


def _flags(sock: socket.socket, name: bytes) -> int:
    import fcntl

    answer = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0))
    return int(struct.unpack_from("16sH", answer)[1])
