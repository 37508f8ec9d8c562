"""The ticket keys of a server that runs: they grow older while it does, by the clock that only passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sockatuh.protocol.ticket import TicketKey
from sockatuh.store.keys import load_ticket_keys


class TicketKeys:
    """The file of them in one directory; `monotonic` is in seconds."""

    def __init__(self, directory: Path, monotonic: Callable[[], float]) -> None:
        self._directory, self._monotonic = directory, monotonic
        self._aged_at = monotonic()

    def load(self) -> list[TicketKey]:
        """Return them, the newest first, after making and forgetting what is due; KeyFileError and OSError."""
        now = self._monotonic()
        keys = load_ticket_keys(self._directory, now - self._aged_at)
        self._aged_at = now
        return [TicketKey(*pair) for pair in keys]
