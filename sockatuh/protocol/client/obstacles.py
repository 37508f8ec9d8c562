"""What stands in the way of the addresses that are dialled: something to say, and nothing to act upon.

Nothing proves it: whoever is on the network can forge an ICMP message, or a datagram. And it may be over in a moment:
a server that restarts is a closed port meanwhile. So a peer reports it, and dials on.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, DATA, RESET, RESP
from sockatuh.protocol.seam import Address

REPORTS: Final = 8
"""Reports of one dialling: what changes all the time is not told for ever."""


class Obstacle(StrEnum):
    """Why nobody is reached at an address."""

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
    """What is known of the addresses that are dialled now."""

    def __init__(self) -> None:
        self._addresses: Sequence[Address] = ()
        self._known: dict[Address, Obstacle] = {}
        self._heard_foreign: set[Address] = set()
        self._reports = 0

    def begin(self, addresses: Sequence[Address]) -> None:
        """Forget what was: these addresses are dialled from now on."""
        self._addresses, self._reports = addresses, 0
        self._known.clear()
        self._heard_foreign.clear()

    def note(self, address: Address, obstacle: Obstacle) -> tuple[tuple[Address, Obstacle], ...] | None:
        """Note what stands in the way of an address; return what is to be reported, if this changes it.

        While one of the addresses may still answer there is nothing to report. One datagram that looks foreign may be
        ours, spoilt on its way; a second one is not.
        """
        if address not in self._addresses or self._known.get(address) is obstacle:
            return None
        if obstacle is Obstacle.FOREIGN and address not in self._heard_foreign:
            self._heard_foreign.add(address)
            return None
        self._known[address] = obstacle
        if len(self._known) < len(self._addresses) or self._reports >= REPORTS:
            return None
        self._reports += 1
        return tuple(self._known.items())


def is_ours(data: bytes) -> bool:
    """Tell whether a datagram looks like one of a server of ours; nothing is proved by that."""
    kind = data[0] if data else 0
    return kind in (RESP, DATA, RESET) or (kind == COOKIE and len(data) == COOKIE_SIZE)
