"""Deleting what is not to be kept: what is too old, and the oldest lines when there are too many bytes of them.

It takes its time, so it runs in a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sockatuh.room.log import MAX_SEQ
from sockatuh.room.moments import rfc3339
from sockatuh.store.history import SessionRecorder
from sockatuh.store.roomlog import RoomLog

from .options import ServiceOptions
from .trusted_clock import oldest_kept

MESSAGE: Final = "message"
VOLATILE_KEPT: Final = 3_600.0
"""Seconds for which the empty rows of messages that are not kept stay: until nobody repeats them any more."""
OVERSHOOT: Final = 64
"""By one of so many parts of its bound the log may grow before the oldest lines are looked for."""
MIN_OVERSHOOT: Final = 65_536


class Pruning:
    """Prunes one log. `inherited` is the last seq it had when the process began; `wall` gives ms since 1970."""

    def __init__(self, room_log: RoomLog, recorder: SessionRecorder, inherited: int, wall: Callable[[], int]) -> None:
        self._room_log, self._recorder = room_log, recorder
        self._inherited, self._wall = inherited, wall
        self._began_at = time.monotonic()
        self._appended = 0

    def prune(self, options: ServiceOptions) -> None:
        """Delete what is older than it is to be kept, and lines that are too many. Raises StoreError."""
        now = self._wall()
        kept = options.message_retention or VOLATILE_KEPT
        messages, events = oldest_kept(now, kept), oldest_kept(now, options.event_retention)
        # What this process has written is no older than it is.
        is_young = time.monotonic() - self._began_at < min(kept, options.event_retention)
        young = self._inherited + 1 if is_young else MAX_SEQ
        self._room_log.prune(messages, events, frozenset({MESSAGE}), now=rfc3339(now), young=young)
        if events is not None:
            self._recorder.prune(events)
        self.bound_bytes(options)

    def is_due(self, options: ServiceOptions) -> bool:
        """Tell, once each time, whether enough was appended that there may be too many lines."""
        appended = self._room_log.appended_bytes
        if appended - self._appended < max(MIN_OVERSHOOT, options.message_bytes // OVERSHOOT):
            return False
        self._appended = appended
        return True

    def bound_bytes(self, options: ServiceOptions) -> None:
        """Delete the oldest lines when all together take too many bytes. Raises StoreError."""
        self._room_log.bound_bytes(MESSAGE, options.message_bytes)
