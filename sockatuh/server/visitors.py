"""Who is at the other end: one record for each session, of either dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from sockatuh.protocol.seam import Address
from sockatuh.room.room import Admit

SECURE: Final = "secure"
CLASSIC: Final = "classic"


@dataclass(slots=True)
class Visitor:
    """A session: `owner` is the key's fingerprint, "" in the classic dialect; `name` once it has joined.

    `session` is the connection id, or a negative number in the classic dialect; `record` its record in the history.
    """

    session: int
    address: Address
    owner: str
    dialect: str
    version: str
    transient: bool
    opened_at: float
    name: str = ""
    record: int | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A visitor that wants to join under a name; `number` is the call to be answered."""

    visitor: Visitor
    number: int
    name: str
    history: int | None


@dataclass(frozen=True, slots=True)
class LineWaiter:
    """A session that waits for its line's place in the log."""

    session: int
    number: int


@dataclass(frozen=True, slots=True)
class JoinWaiter:
    """A join that is being written; the member may read from `known_from` on (None: nothing of before)."""

    request: JoinRequest
    admit: Admit
    known_from: int | None


Waiter = LineWaiter | JoinWaiter


class Recorder(Protocol):
    """Where sessions are written down."""

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        """Write down that a session joined; return the number of its record."""

    def moved(self, record: int, address: str) -> None:
        """Write down its new address."""

    def closed(self, record: int, reason: str) -> None:
        """Write down that it is over."""


class Logger(Protocol):
    """Where chat events are logged: an event's name and its fields."""

    def info(self, event: str, **fields: Any) -> Any:
        """Log what happens."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Log what the admin should see."""
