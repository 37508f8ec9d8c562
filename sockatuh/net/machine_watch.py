"""Notices that this machine has other addresses or routes, or that it slept, without polling.

On Linux the kernel reports both. A netlink socket (rtnetlink(7)) becomes readable when a link, an address or a route
changes. A timer on the wall clock that is never due (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET) becomes readable when
that clock is set, which the kernel does whenever the machine wakes: all other timers count only the time awake, so a
process that waits for the next one sleeps on. A person or NTP may have set the clock too; that costs one datagram.

Where one of the two is missing, the caller has to poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

LINKS: Final = 0x1
ADDRESSES: Final = 0x10 | 0x100
ROUTES: Final = 0x40 | 0x400
"""Groups of rtnetlink(7), IPv4 and IPv6."""
SETTLED_AFTER: Final = 0.1
"""Seconds from the first of several changes to the report: an address is of no use before it has a route."""
_MOST_BYTES: Final = 65_536
_CANCEL_ON_SET: Final = 2
_ABSOLUTE: Final = 1
_NEVER: Final = struct.pack("4l", 0, 0, (1 << 8 * struct.calcsize("l") - 1) - 1, 0)
"""A struct itimerspec of the last moment there is."""


class MachineWatch:
    """Calls `on_change` when something has changed, with whether the machine may have slept; needs a running loop.

    `network` and `clock` become readable on a change; None where the system offers none. The watch closes them.
    `sees_network` and `sees_sleep` tell which of the two it notices.
    """

    def __init__(self, on_change: Callable[[bool], None], network: socket.socket | None, clock: int | None) -> None:
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._report: asyncio.TimerHandle | None = None
        self._has_slept = False
        self._network, self._clock = network, clock
        self.sees_network, self.sees_sleep = self._network is not None, self._clock is not None
        if self._network is not None:
            self._loop.add_reader(self._network, self._take_network)
        if self._clock is not None:
            self._loop.add_reader(self._clock, self._take_clock)

    def close(self) -> None:
        """Stop watching."""
        if self._network is not None:
            self._loop.remove_reader(self._network)
            self._network.close()
        if self._clock is not None:
            self._loop.remove_reader(self._clock)
            os.close(self._clock)
        if self._report is not None:
            self._report.cancel()
        self._network = self._clock = None

    def _take_network(self) -> None:
        """Drain what the kernel reports; only that it reports something matters."""
        if self._network is not None:
            with contextlib.suppress(OSError):
                while self._network.recv(_MOST_BYTES):
                    pass
        self._report_soon()

    def _take_clock(self) -> None:
        if self._clock is not None:
            with contextlib.suppress(OSError):  # ECANCELED says it
                os.read(self._clock, 8)
            _arm(self._clock)
        self._has_slept = True
        self._report_soon()

    def _report_soon(self) -> None:
        if self._report is None:
            self._report = self._loop.call_later(SETTLED_AFTER, self._report_now)

    def _report_now(self) -> None:
        has_slept, self._has_slept, self._report = self._has_slept, False, None
        self._on_change(has_slept)


def watch_machine(on_change: Callable[[bool], None]) -> MachineWatch:
    """Watch with whatever the system offers."""
    return MachineWatch(on_change, open_network(), open_clock())


def open_network() -> socket.socket | None:
    """Return a socket that is readable when the network has changed, None if the system offers none."""
    if sys.platform != "linux":
        return None
    try:
        changes = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    except OSError:
        return None
    try:
        changes.bind((0, LINKS | ADDRESSES | ROUTES))
    except OSError:
        changes.close()
        return None
    return changes


def open_clock() -> int | None:
    """Return a descriptor that is readable when the wall clock was set, None if the system offers none."""
    if sys.platform != "linux":
        return None
    try:
        clock: int = ctypes.CDLL(None, use_errno=True).timerfd_create(0, os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return None
    if clock < 0:
        return None
    if not _arm(clock):
        os.close(clock)
        return None
    return clock


def _arm(clock: int) -> bool:
    """Have a clock's descriptor become readable when the clock is set; return whether that is possible."""
    set_time = ctypes.CDLL(None, use_errno=True).timerfd_settime
    return bool(set_time(clock, _ABSOLUTE | _CANCEL_ON_SET, _NEVER, None) == 0)
