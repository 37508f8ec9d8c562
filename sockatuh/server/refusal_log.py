"""What the admin reads about names, passwords and seats that were refused, at a bounded rate."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sockatuh.log import Logger
from sockatuh.net.address import format_address
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.server.rate_limit import TokenBucket
from sockatuh.room.text import clean_line

if TYPE_CHECKING:
    from .dialects.base import Refusal, Visitor

REFUSALS_LOGGED: Final = 2.0
REFUSALS_BURST: Final = 50
"""Refusals logged a second, and at once: nobody without the password may fill the disk with them."""
NAME_LOGGED: Final = 64
"""Characters of a refused name that are logged."""


class RefusalLog:
    """Counts refusals and logs them; those beyond the rate are left out of the log."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._rate = TokenBucket(REFUSALS_LOGGED, REFUSALS_BURST)
        self.codes: Counter[str] = Counter()
        """How often each code was the answer to somebody who asked for a name, a seat, or a line to be stored."""

    def refuse(self, visitor: Visitor, refusal: Refusal) -> None:
        """Refuse a name or a seat, and count that."""
        self.codes[refusal.code] += 1
        visitor.dialect.refuse(visitor, refusal)

    def note(self, event: str, visitor: Visitor, name: str, now: float, **fields: object) -> None:
        """Log what was refused to a visitor who asked for this name."""
        if self._rate.take(now):
            address, key = format_address(visitor.address), visitor.owner[:TAG_LENGTH]
            self._log.info(event, name=clean_line(name[:NAME_LOGGED]), address=address, key=key, **fields)
