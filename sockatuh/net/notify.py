"""Report the server's state to the service manager: sd_notify(3), in the few lines it takes."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

MICROSECONDS: Final = 1_000_000


class Notifier(msgspec.Struct, frozen=True):
    """Sends states to the manager's socket; without one, does nothing.

    `watchdog` must be called every `watchdog_interval` seconds, half the time after which the manager would kill the
    server (None: never). A manager that cannot be reached is ignored.
    """

    address: str | None = None
    watchdog_interval: float | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Notifier:
        """Return the notifier that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID describe."""
        path = environ.get("NOTIFY_SOCKET", "")
        if not path.startswith(("/", "@")):
            return cls()
        # @ stands for the NUL of Linux's abstract sockets.
        address = "\0" + path[1:] if path.startswith("@") else path
        return cls(address, _watchdog_interval(environ))

    def ready(self, status: str) -> None:
        """Report that the server can be joined."""
        self._notify(f"READY=1\n{_status(status)}")

    def reloading(self, now: float) -> None:
        """Report that a reload has begun, which `ready` ends; `now` is monotonic seconds."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={int(now * MICROSECONDS)}")

    def stopping(self) -> None:
        """Report that the server is stopping."""
        self._notify("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the sentence that `systemctl status` shows."""
        self._notify(_status(text))

    def watchdog(self) -> None:
        """Report that the server is alive."""
        self._notify("WATCHDOG=1")

    def _notify(self, state: str) -> None:
        if self.address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), self.address)


def _status(text: str) -> str:
    """Return the assignment of a status; a line break in it would begin another assignment."""
    return f"STATUS={' '.join(text.splitlines())}"


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    span, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not (span.isdecimal() and int(span) > 0 and pid == str(os.getpid())):
        return None
    return int(span) / 2 / MICROSECONDS
