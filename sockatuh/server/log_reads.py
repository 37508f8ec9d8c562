"""Reading old entries for those who ask: what is damaged is passed over, so that nobody waits for it for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sockatuh.errors import DatabaseDamaged, StoreError
from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PLAINTEXT
from sockatuh.store.log_table import MAX_SEQ
from sockatuh.store.roomlog import RoomLog, Row

from .entry_encoding import encode_row

READ_LIMIT: Final = 128
"""Entries read from the database for one GET; it is answered with 16 datagrams."""
READ_BYTES: Final = 2 * GET_DATAGRAMS * MAX_PLAINTEXT
"""The same in bytes, of what stands in the database."""
READINGS_AT_ONCE: Final = 32
"""Readings under way: what was read does not pile up in memory before a loop that has no time for it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A stretch of the log a session wants, (after, through]."""

    session: int
    after: int
    through: int


class Readings:
    """The stretches that are to be read, of each session one; its client asks again."""

    def __init__(self) -> None:
        self._waiting: deque[Reading] = deque()
        self._sessions: set[int] = set()

    def add(self, reading: Reading) -> None:
        """Have a stretch read, unless one for that session is."""
        if reading.session not in self._sessions:
            self._sessions.add(reading.session)
            self._waiting.append(reading)

    def take(self) -> Reading | None:
        """Return what is to be read next; None if that is nothing, or enough is under way."""
        under_way = len(self._sessions) - len(self._waiting)
        return self._waiting.popleft() if self._waiting and under_way < READINGS_AT_ONCE else None

    def finish(self, reading: Reading) -> None:
        """Take note that a stretch was read."""
        self._sessions.discard(reading.session)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that could be read of a stretch, and what could not, if anything."""

    reading: Reading
    rows: list[Row]
    damage: StoreError | None


def read_stretch(log: RoomLog, reading: Reading) -> Found:
    """Read the first rows of a stretch, as many as one answer holds; the answer's stretch ends where it was read to.

    Raises StoreError, but not for damage, which no other try would mend: its rows are missing in the answer like those
    that are not kept.
    """
    damage: StoreError | None = None
    try:
        rows = log.read(reading.after, reading.through, READ_LIMIT, READ_BYTES)
        is_cut = len(rows) == READ_LIMIT or sum(len(row.body or b"") for row in rows) >= READ_BYTES
        through = rows[-1].seq if is_cut else reading.through
    except DatabaseDamaged as error:
        damage = error
        rows, through = log.read_around_damage(reading.after, reading.through, READ_LIMIT)
    whole, broken = _part(rows)
    return Found(replace(reading, through=through), whole, damage or broken)


def read_recent(log: RoomLog, count: int, max_bytes: int = MAX_SEQ) -> tuple[list[Row], StoreError | None]:
    """Read the newest rows, about `max_bytes` of them and as far as they can be, to be kept at hand.

    Raises StoreError, but not for damage.
    """
    try:
        return _part(log.recent(count, max_bytes))
    except DatabaseDamaged as error:
        last = log.span().last
        rows, _ = log.read_around_damage(max(0, last - count), last, count)
        return _part(rows)[0], error


def _part(rows: Iterable[Row]) -> tuple[list[Row], StoreError | None]:
    """Leave out the rows that say nothing anybody understands."""
    whole: list[Row] = []
    damage: StoreError | None = None
    for row in rows:
        try:
            encode_row(row)
        except StoreError as error:
            damage = error
        else:
            whole.append(row)
    return whole, damage
