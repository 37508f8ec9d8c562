"""Notices that the log was set back behind the server's back, as by an old file that was copied into its place.

A member's cursor is at most where the log ended when the server began, or where this server has brought it. One that
comes from further on has read another log under the same id. Then the log gets a new id, and whoever read the old one
is told and reads again. Once in the life of a server is enough, and keeps a member that lies from doing it all day.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.endpoint import Endpoint

from .visitors import Logger

MAX_WELCOMED: Final = 4_096
"""Keys of which it is known that they have read here; as many as there may be sessions."""
LOG_ID_BYTES: Final = 16


class Rewinds:
    """Compares cursors with the log of an endpoint that nobody has joined yet; `renew` writes down the log's new id."""

    def __init__(
        self, endpoint: Endpoint, log: Logger, renew: Callable[[bytes], None], random: Callable[[int], bytes]
    ) -> None:
        self._endpoint, self._log, self._renew, self._random = endpoint, log, renew, random
        self._began_at = endpoint.head
        self._welcomed: OrderedDict[str, None] = OrderedDict()
        self._renewed = False

    def notice(self, owner: str, log_id: bytes | None, cursor: int) -> None:
        """Look at the cursor of a member that is about to read; `owner` is its key's fingerprint."""
        furthest = self._endpoint.head if owner in self._welcomed else self._began_at
        if log_id == self._endpoint.log_id and cursor > furthest and not self._renewed:
            self._renewed = True
            self._endpoint.log_id = self._random(LOG_ID_BYTES)
            self._renew(self._endpoint.log_id)
            self._log.warning("log_set_back", began_at=self._began_at, read_to=cursor)
        self._welcomed[owner] = None
        self._welcomed.move_to_end(owner)
        if len(self._welcomed) > MAX_WELCOMED:
            self._welcomed.popitem(last=False)
