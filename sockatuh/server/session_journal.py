"""What is kept about sessions: their records in the history, and their lines in the server's log.

Sessions cost a client nothing, and must not fill the disk: log lines about them are written at a bounded rate. The rest
is counted, and the count is logged. Who joined, who left and what was said is logged elsewhere, without a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from sockatuh.log import Logger
from sockatuh.net.address import format_address
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.rate_limit import TokenBucket

if TYPE_CHECKING:
    from .dialects.base import Visitor

REFUSALS_LOGGED: Final = 1.0
REFUSALS_BURST: Final = 20
"""Refused handshakes logged a second, and at once."""
SESSIONS_LOGGED: Final = 2.0
SESSIONS_BURST: Final = 2_000
"""Lines about sessions logged a second, and at once: a thousand members who come back are a thousand lines."""


class Recorder(Protocol):
    """The history's table of sessions."""

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        """Record that a session joined; return the number of its record."""

    def moved(self, record: int, address: str) -> None:
        """Record its new address."""

    def renamed(self, record: int, name: str) -> None:
        """Record that its member has another name."""

    def closed(self, record: int, reason: str) -> None:
        """Record that it is over."""

    def dropped(self, record: int) -> None:
        """Delete the record: the session did not get in after all."""

    def when_written(self, then: Callable[[float], None]) -> None:
        """Call `then` with the time, in the loop's thread, once all of this is on disk or has failed."""


class SessionJournal:
    """Logs what happens to sessions."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._refusals = TokenBucket(REFUSALS_LOGGED, REFUSALS_BURST)
        self._sessions = TokenBucket(SESSIONS_LOGGED, SESSIONS_BURST)
        self._left_out = 0

    def refused(self, address: Address, reason: str, now: float) -> None:
        """Log a refused handshake."""
        if self._may_log(self._refusals, now):
            self._log.info("handshake_refused", address=format_address(address), reason=reason)

    def note(self, event: str, visitor: Visitor, now: float, **fields: object) -> None:
        """Log what happened to a session."""
        if self._may_log(self._sessions, now):
            name = {"name": visitor.name} if visitor.name else {}
            key = visitor.owner[:TAG_LENGTH]
            self._log.info(event, **name, address=format_address(visitor.address), key=key, **fields)

    def summarise(self) -> None:
        """Log how many lines were left out since the last call, if any."""
        if self._left_out:
            self._log.info("session_lines_left_out", count=self._left_out)
        self._left_out = 0

    def _may_log(self, rate: TokenBucket, now: float) -> bool:
        may = rate.take(now)
        self._left_out += not may
        return may
