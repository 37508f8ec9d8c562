"""The socket that the service manager opened and keeps open while the server restarts: sd_listen_fds(3).

Nothing is lost during a restart: datagrams wait in the socket's buffer, and no client is told that the port is closed.
The unit sockatuh.socket decides how it is bound and how large its buffers are.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import MutableMapping
from typing import Final

from sockatuh.errors import ConfigurationError, Problem

from .sockets import set_dont_fragment

FIRST_DESCRIPTOR: Final = 3
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
ORIGIN: Final = "passed by the service manager"


def take_passed_socket(environ: MutableMapping[str, str], descriptor: int = FIRST_DESCRIPTOR) -> socket.socket | None:
    """Return the UDP socket this process was started with, non-blocking, or None; ConfigurationError says why not.

    Removes the variables that describe the socket, so that child processes do not see them.
    """
    pid, count, names = (environ.pop(name, "") for name in VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal() or not int(count):
        return None
    if int(count) > 1:
        named = f" ({names.replace(':', ', ')})" if names else ""
        raise _refusal(f"should be one socket, not {count}{named}: leave one ListenDatagram= in the socket unit")
    return _checked(descriptor)


def _checked(descriptor: int) -> socket.socket:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        raise _refusal(f"should be open as descriptor {descriptor}, and is not") from None
    if not is_socket:
        raise _refusal("should be a UDP socket: write ListenDatagram= in the socket unit")
    sock = socket.socket(fileno=descriptor)
    if fault := _fault_of(sock):
        sock.close()
        raise _refusal(fault)
    sock.set_inheritable(False)
    sock.setblocking(False)
    set_dont_fragment(sock)
    return sock


def _fault_of(sock: socket.socket) -> str:
    """Return what is wrong with a socket, or "" if a room can be served on it."""
    if sock.type != socket.SOCK_DGRAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "should be a UDP socket: write ListenDatagram= in the socket unit, not ListenStream=, and no path"
    if not sock.getsockname()[1]:
        return "should be bound to a port: write ListenDatagram= and the port in the socket unit"
    with contextlib.suppress(OSError):
        sock.getpeername()
        return "should receive from everybody, and is connected to one peer"
    return ""


def _refusal(expected: str) -> ConfigurationError:
    return ConfigurationError([Problem("socket", ORIGIN, expected)])
