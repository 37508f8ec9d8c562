"""The ticket keys of a server that runs: they grow older while it does, by the clock that only passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sockatuh.errors import SockAtuhError
from sockatuh.log import Logger
from sockatuh.protocol.server.tickets import TicketKey, Tickets
from sockatuh.store.keys import load_ticket_keys


class TicketKeys:
    """The file of them in one directory; `monotonic` is in seconds."""

    def __init__(self, directory: Path, log: Logger, monotonic: Callable[[], float]) -> None:
        self._directory, self._log, self._monotonic = directory, log, monotonic
        self._aged_at = monotonic()

    def load(self) -> list[TicketKey]:
        """Return them, the newest first, after making and forgetting what is due; KeyFileError and OSError."""
        now = self._monotonic()
        keys = load_ticket_keys(self._directory, now - self._aged_at)
        self._aged_at = now
        return [TicketKey(*pair) for pair in keys]

    def renew(self, tickets: Tickets) -> None:
        """Make the day's key and forget the oldest; a disk that is full for a while is no reason to stop."""
        try:
            tickets.replace_keys(self.load())
        except (SockAtuhError, OSError) as error:
            self._log.warning("ticket_keys_not_renewed", reason=str(error))
