"""What the log says of sessions, at a bounded rate: they cost nothing to open, and must not fill the disk.

What is left out is counted, and the count is logged. Who joined and left, and what was said, is logged elsewhere and
never left out.
"""

from __future__ import annotations

from typing import Final

from sockatuh.net.address import format_address
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.rate_limit import TokenBucket

from .visitors import Logger, Visitor

REFUSALS_LOGGED: Final = 1.0
REFUSALS_BURST: Final = 20
"""Refused handshakes logged a second, and at once."""
SESSIONS_LOGGED: Final = 2.0
SESSIONS_BURST: Final = 2_000
"""Lines about sessions logged a second, and at once: a thousand members who come back are a thousand lines."""


class SessionLog:
    """Logs what becomes of sessions; `summarise` tells how many lines were left out."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._refusals = TokenBucket(REFUSALS_LOGGED, REFUSALS_BURST)
        self._sessions = TokenBucket(SESSIONS_LOGGED, SESSIONS_BURST)
        self._left_out = 0

    def refused(self, address: Address, reason: str, now: float) -> None:
        """Log a handshake that was refused."""
        if self._may(self._refusals, now):
            self._log.info("handshake_refused", address=format_address(address), reason=reason)

    def note(self, event: str, visitor: Visitor, now: float, **fields: object) -> None:
        """Log what became of a session."""
        if self._may(self._sessions, now):
            name = {"name": visitor.name} if visitor.name else {}
            key = visitor.owner[:TAG_LENGTH]
            self._log.info(event, **name, address=format_address(visitor.address), key=key, **fields)

    def summarise(self) -> None:
        """Log how many lines were left out since the last time, if any."""
        if self._left_out:
            self._log.info("session_lines_left_out", count=self._left_out)
        self._left_out = 0

    def _may(self, rate: TokenBucket, now: float) -> bool:
        may = rate.take(now)
        self._left_out += not may
        return may
