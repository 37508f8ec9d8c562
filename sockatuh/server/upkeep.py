"""What a running server does about once an hour: delete what need not be kept, and renew the ticket keys.

Pruning takes its time, so it runs in a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sockatuh.errors import SockAtuhError
from sockatuh.log import Logger
from sockatuh.protocol.server.tickets import TicketKey, Tickets
from sockatuh.room.entries import LINE_KINDS
from sockatuh.room.log import MAX_SEQ
from sockatuh.room.moments import rfc3339
from sockatuh.store.history import SessionRecorder
from sockatuh.store.keys import load_ticket_keys
from sockatuh.store.roomlog import RoomLog

from .options import ServiceOptions
from .trusted_clock import oldest_kept

VOLATILE_KEPT: Final = 3_600.0
"""Seconds for which the empty rows of lines that are not kept stay, because clients may still repeat them."""
OVERSHOOT: Final = 64
"""The log may exceed its bound by one part in this many before the oldest lines are deleted."""
MIN_OVERSHOOT: Final = 65_536


class Pruning:
    """Prunes one log. `inherited` is its last seq when the process began; `wall` gives milliseconds since 1970."""

    def __init__(self, room_log: RoomLog, recorder: SessionRecorder, inherited: int, wall: Callable[[], int]) -> None:
        self._room_log, self._recorder = room_log, recorder
        self._inherited, self._wall = inherited, wall
        self._began_at = time.monotonic()
        self._appended = 0

    def prune(self, options: ServiceOptions) -> None:
        """Delete what is older than it has to be kept, and lines beyond the bound. Raises StoreError."""
        now = self._wall()
        kept = options.message_retention or VOLATILE_KEPT
        messages, events = oldest_kept(now, kept), oldest_kept(now, options.event_retention)
        # What this process has written is not older than the process.
        is_young = time.monotonic() - self._began_at < min(kept, options.event_retention)
        young = self._inherited + 1 if is_young else MAX_SEQ
        self._room_log.prune(messages, events, LINE_KINDS, now=rfc3339(now), young=young)
        if events is not None:
            self._recorder.prune(events)
        self.bound_bytes(options)

    def is_due(self, options: ServiceOptions) -> bool:
        """Tell whether enough was appended since the last True that the log may be over its bound."""
        appended = self._room_log.appended_bytes
        if appended - self._appended < max(MIN_OVERSHOOT, options.message_bytes // OVERSHOOT):
            return False
        self._appended = appended
        return True

    def bound_bytes(self, options: ServiceOptions) -> None:
        """Delete the oldest lines if all together take too many bytes. Raises StoreError."""
        self._room_log.bound_bytes(options.message_bytes)


class TicketKeyFile:
    """The ticket keys of a running server, in the file of one directory. They age by `monotonic` (seconds)."""

    def __init__(self, directory: Path, log: Logger, monotonic: Callable[[], float]) -> None:
        self._directory, self._log, self._monotonic = directory, log, monotonic
        self._aged_at = monotonic()

    def load(self) -> list[TicketKey]:
        """Return the keys, the newest first, after making and deleting those that are due; KeyFileError and OSError."""
        now = self._monotonic()
        keys = load_ticket_keys(self._directory, now - self._aged_at)
        self._aged_at = now
        return [TicketKey(*pair) for pair in keys]

    def renew(self, tickets: Tickets) -> None:
        """Make the day's key and delete the oldest; if the disk refuses that, the server keeps using those it has."""
        try:
            tickets.replace_keys(self.load())
        except (SockAtuhError, OSError) as error:
            self._log.warning("ticket_keys_not_renewed", reason=str(error))
