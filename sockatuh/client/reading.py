"""How far a person has read in a room, remembered from one chat to the next.

A chat that knows how far it got the last time says so to the server, as a client does that comes back after a loss of
contact (docs/PROTOCOL.md §8): the server begins where the two logs agree. The client requests a few entries from
before that too, so that what is new has its context; if very much is new, it fetches only the newest of it.

The place is written some time after it has moved and at the end of the chat, not with every line: a client that is
killed is shown a few lines as new that it was shown before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import msgspec

from sockatuh.errors import KeyFileError
from sockatuh.protocol.client.events import Admitted

from .profile import Bookmark

EARLIER: Final = 128
"""Entries fetched from before what is new; as many as a server reads from its database for one request."""
MOST_NEW: Final = 2_000
"""Entries fetched of what is new."""
SAVE_AFTER: Final = 30.0
"""Seconds after which a place that has moved is written."""


class Return(msgspec.Struct, frozen=True):
    """What somebody who was here before has read already: everything through `seq`, until `at` (ms since 1970).

    `left_out` entries after that are not fetched, because there are too many.
    """

    seq: int
    at: int
    left_out: int


class Reading:
    """Follows how far a person reads; `bookmark` is where the last chat ended, None if there was none.

    `save` writes the id of a log, a seq in it, and the present moment, None: nothing is kept. `clock` returns s since
    1970.
    """

    def __init__(
        self,
        admitted: Admitted,
        bookmark: Bookmark | None = None,
        save: Callable[[bytes, int, int], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.begins = admitted.begins
        """The seq after which events are reported."""
        self.news_after = 0 if save is None else admitted.start
        """The seq up to which events are only the context of what follows."""
        self.returned: Return | None = None
        """What was read before this chat, None in the first chat."""
        if bookmark is not None:
            self.returned = Return(admitted.start, bookmark.at, max(0, admitted.begins - admitted.start))
        self.log_id = admitted.log_id
        """The id of the room's log."""
        self._seq = admitted.start
        self._save, self._clock = save, clock
        self._saving: asyncio.TimerHandle | None = None

    def note_shown(self, seq: int) -> None:
        """Note that everything up to `seq` has been shown to the person."""
        if self._save is not None and seq > self._seq:
            self._seq = seq
            if self._saving is None:
                self._saving = asyncio.get_running_loop().call_later(SAVE_AFTER, self._write)

    def note_admission(self, admitted: Admitted) -> None:
        """Note that the client is back in the room, whose log may be another one now."""
        if admitted.log_id != self.log_id or admitted.rewound:
            self.log_id, self._seq = admitted.log_id, admitted.start
        if admitted.rewound:
            self.begins = admitted.begins

    def close(self) -> None:
        """Write the place for the next chat."""
        self._write()

    def _write(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        if self._save is not None:
            with contextlib.suppress(KeyFileError):  # without it, the next chat begins as the first one did
                self._save(self.log_id, self._seq, int(self._clock() * 1000))
