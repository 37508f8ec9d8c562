"""What the system may refuse while the room is open, and what is done from then on instead."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias


class Fallback(Enum):
    """A way of sending or receiving that was given up for good: (the event's name, what follows from it)."""

    ONE_BY_ONE = ("sendmmsg_refused", "datagrams are sent one by one")
    UNCUT = ("udp_segment_refused", "each datagram is given to the system by itself")
    ANY_SOURCE = ("source_address_refused", "answers leave from whichever address the routing table prefers")
    NO_NOTES = ("recvmsg_refused", "answers leave from whichever address the routing table prefers")

    @property
    def event(self) -> str:
        """The name of the event in the log."""
        return self.value[0]

    @property
    def consequence(self) -> str:
        """What it means for whoever runs the room."""
        return self.value[1]


Tell: TypeAlias = Callable[[Fallback, OSError], None]
"""Hears once of each fallback, with the error that was the reason."""
