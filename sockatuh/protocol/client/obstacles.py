"""Why the addresses that are dialled cannot be reached: something to report, and nothing to act on.

An obstacle is unproved, since anybody on the network can forge an ICMP message or a datagram, and it may soon be gone:
while a server restarts, its port is closed. So the client reports it and keeps dialling.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, DATA, RESET, RESP
from sockatuh.protocol.seam import Address

REPORTS: Final = 8
"""The most reports while the same addresses are dialled, so that changing obstacles are not reported for ever."""


class Obstacle(StrEnum):
    """Why an address cannot be reached."""

    PORT_CLOSED = "port_closed"
    HOST_SILENT = "host_silent"
    NO_ROUTE = "no_route"
    FORBIDDEN = "forbidden"
    FORBIDDEN_HERE = "forbidden_here"
    NOT_A_MACHINE = "not_a_machine"
    TOO_LONG = "too_long"
    FOREIGN = "foreign"
    UNKNOWN_NAME = "unknown_name"
    NO_NAME_SERVER = "no_name_server"


class Obstacles:
    """The obstacles known for the addresses that are dialled now."""

    def __init__(self) -> None:
        self._addresses: Sequence[Address] = ()
        self._known: dict[Address, Obstacle] = {}
        self._seen_foreign: set[Address] = set()
        self._reports = 0

    def begin(self, addresses: Sequence[Address]) -> None:
        """Forget everything: these addresses are dialled from now on."""
        self._addresses, self._reports = addresses, 0
        self._known.clear()
        self._seen_foreign.clear()

    def note(self, address: Address, obstacle: Obstacle) -> tuple[tuple[Address, Obstacle], ...] | None:
        """Note an obstacle; return the obstacles of all addresses if they are to be reported now.

        There is nothing to report while one of the addresses may still answer, or if nothing has changed. One datagram
        that is not of our protocol may be one of ours that was damaged on the way; with a second it is an obstacle.
        """
        if address not in self._addresses or self._known.get(address) is obstacle:
            return None
        if obstacle is Obstacle.FOREIGN and address not in self._seen_foreign:
            self._seen_foreign.add(address)
            return None
        self._known[address] = obstacle
        if len(self._known) < len(self._addresses) or self._reports >= REPORTS:
            return None
        self._reports += 1
        return tuple(self._known.items())


def is_ours(data: bytes) -> bool:
    """Tell whether a datagram looks like one of a SockAtuh server, which proves nothing."""
    kind = data[0] if data else 0
    return kind in (RESP, DATA, RESET) or (kind == COOKIE and len(data) == COOKIE_SIZE)
