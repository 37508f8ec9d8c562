"""Who is at the other end: one record for each session, of either dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sockatuh.net.fallback import Fallback
from sockatuh.protocol.seam import Address
from sockatuh.room.guests import Role
from sockatuh.room.room import Admit

SECURE: Final = "secure"
CLASSIC: Final = "classic"


@dataclass(slots=True)
class Visitor:
    """A session: `owner` is the key's fingerprint, "" in the classic dialect; `name` once it has joined.

    `session` is the connection id, or a negative number in the classic dialect; `record` its record in the history.
    `role`: as what it comes. `gone`: the session is over; `left`: because it said so.
    """

    session: int
    address: Address
    owner: str
    dialect: str
    version: str
    role: Role
    opened_at: float
    name: str = ""
    record: int | None = None
    gone: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A visitor that wants to join under a name; `number` is the call to be answered."""

    visitor: Visitor
    number: int
    name: str
    history: int | None
    by_ticket: bool = False


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

    def dropped(self, record: int) -> None:
        """Strike it out: it did not get in after all."""

    def when_written(self, then: Callable[[float], None]) -> None:
        """Call `then` with the time, in the loop's thread, when all of this is on disk, or cannot be."""


class Logger(Protocol):
    """Where chat events are logged: an event's name and its fields."""

    def info(self, event: str, **fields: Any) -> Any:
        """Log what happens."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Log what the admin should see."""


def log_fallback(log: Logger, fallback: Fallback, error: OSError) -> None:
    """Log that the system refuses a way of sending or receiving, and what is done instead."""
    log.warning(fallback.event, reason=error.strerror, consequence=fallback.consequence)
