"""Open the UDP sockets of the server and of the client.

Datagrams are sent with DF where the system allows it. On Linux the mode is "probe": DF without believing ICMP messages
about narrower paths, which anybody can forge to make our sends fail; our datagrams have at most 1,200 bytes anyway.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
from typing import Final

import msgspec

from sockatuh.errors import AddressUnusable
from sockatuh.protocol.seam import Address

from .resolver import resolve_for_binding

RECEIVE_BUFFER: Final = 8 * 1024 * 1024
SEND_BUFFER: Final = 4 * 1024 * 1024
SEARCH_BUFFER: Final = 1024 * 1024
"""A search sends to addresses that no machine has; the system keeps that in the buffer for seconds."""
SMALLEST_BUFFER: Final = 64 * 1024

# The socket module of Python 3.11 does not name these: (level, option, value), tried one by one.
DONT_FRAGMENT: Final[dict[str, tuple[tuple[int, int, int], ...]]] = {
    "linux": ((0, 10, 3), (41, 23, 3)),  # IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: PMTUDISC_PROBE
    "darwin": ((0, 28, 1), (41, 62, 1)),  # IP_DONTFRAG, IPV6_DONTFRAG
    "win32": ((0, 14, 1), (41, 14, 1)),  # IP_DONTFRAGMENT, IPV6_DONTFRAG
}
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33
SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")

NOT_HERE: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})
REASONS: Final = {
    errno.EADDRINUSE: "another program uses this port",
    errno.EACCES: "no permission to use this port",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
    errno.EAFNOSUPPORT: "this machine has no such kind of address",
}


class Buffers(msgspec.Struct, frozen=True):
    """The sizes of a socket's buffers in the kernel, in bytes."""

    receive: int
    send: int


def open_server_socket(
    host: str, port: int, *, receive_buffer: int = RECEIVE_BUFFER, send_buffer: int = SEND_BUFFER
) -> socket.socket:
    """Return a non-blocking UDP socket bound there; `::` takes IPv4 too, and is 0.0.0.0 where there is no IPv6.

    `given_buffers` returns how much of the buffers was granted. Raises AddressUnusable. SO_REUSEADDR is not set: with
    UDP it would let two servers share a port and take each other's datagrams.
    """
    try:
        sock = _open_first(_candidates(host, port))
    except (OSError, ValueError) as error:
        raise AddressUnusable(host, port, plain_reason(error)) from error
    _ask_buffer(sock, SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_buffer)
    _ask_buffer(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF, send_buffer)
    return sock


def open_client_socket(source: str = "::") -> socket.socket:
    """Return a non-blocking, unconnected UDP socket on a free port: dual stack, or IPv4 where there is no IPv6.

    It is bound at once, because Windows cannot read from an unbound socket. `source` is the one of this machine's
    addresses to send from; raises AddressUnusable for one that it does not have.
    """
    try:
        return _open_first(_candidates(source, 0))
    except (OSError, ValueError) as error:
        if source == "::":
            raise
        raise AddressUnusable(source, 0, plain_reason(error)) from error


def open_search_socket() -> socket.socket:
    """Return a client's socket that may also send to all machines of a network."""
    sock = open_client_socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    _ask_buffer(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF, SEARCH_BUFFER)
    return sock


def given_buffers(sock: socket.socket) -> Buffers:
    """Return the sizes the kernel granted; Linux reports them doubled, for its own bookkeeping."""
    share = 2 if sys.platform == "linux" else 1
    receive = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    send = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return Buffers(receive // share, send // share)


def unread_drops(sock: socket.socket) -> int | None:
    """Return how many datagrams the kernel dropped because nobody read them in time; None where it does not tell.

    SO_MEMINFO (Linux 4.12) tells it of the socket itself, whichever network namespace that belongs to.
    """
    if sys.platform != "linux":
        return None
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(found)[-1])
    except (OSError, struct.error):
        return None


def _candidates(host: str, port: int) -> list[tuple[int, Address]]:
    if host == "::":
        everywhere: list[tuple[int, Address]] = [(socket.AF_INET6, ("::", port)), (socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104 - listening everywhere is what :: asks for
        return everywhere if socket.has_ipv6 else everywhere[1:]
    return resolve_for_binding(host, port)


def _open_first(candidates: list[tuple[int, Address]]) -> socket.socket:
    """Bind the first candidate address of this machine; if the system refuses that one, do not try the next."""
    missing: OSError = OSError(errno.EADDRNOTAVAIL, "no address")
    for family, address in candidates:
        try:
            return _open_bound(family, address)
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            missing = error
    raise missing


def _open_bound(family: int, address: Address) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setblocking(False)
        set_dont_fragment(sock)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def set_dont_fragment(sock: socket.socket) -> None:
    """Forbid fragmentation of datagrams, where the system can."""
    for level, option, value in DONT_FRAGMENT.get(sys.platform, ()):
        with contextlib.suppress(OSError):  # of the other family, or an older system
            sock.setsockopt(level, option, value)


def _ask_buffer(sock: socket.socket, force: int, option: int, size: int) -> None:
    """Set a buffer's size; for root there is no limit, else Linux grants as much as it allows, other systems refuse."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return sock.setsockopt(socket.SOL_SOCKET, force, size)
    while size >= SMALLEST_BUFFER:
        with contextlib.suppress(OSError):
            return sock.setsockopt(socket.SOL_SOCKET, option, size)
        size //= 2
    return None


def plain_reason(error: OSError | ValueError) -> str:
    """Return why a socket could not be opened, without what libraries add to the system's words."""
    number = getattr(error, "errno", None) or 0
    if isinstance(error, socket.gaierror | ValueError) or number < 0:
        return "no such host"
    return REASONS.get(number) or (os.strerror(number) if number else str(error))
