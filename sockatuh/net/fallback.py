"""Ways of sending and receiving that the system may refuse while the room is open, and what replaces them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias


class Fallback(Enum):
    """A way of sending or receiving that was given up for good: (name of the log event, consequence)."""

    ONE_BY_ONE = ("sendmmsg_refused", "datagrams are sent one by one")
    ANY_SOURCE = ("source_address_refused", "answers leave from whichever address the routing table prefers")
    NO_NOTES = ("recvmsg_refused", "answers leave from whichever address the routing table prefers")

    @property
    def event(self) -> str:
        """The name of the log event."""
        return self.value[0]

    @property
    def consequence(self) -> str:
        """What it means for the admin."""
        return self.value[1]


Tell: TypeAlias = Callable[[Fallback, OSError], None]
"""Called once for each fallback, with the error that caused it."""
