"""Reading old entries for those who ask: what is damaged is passed over, so that nobody waits for it for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sockatuh.errors import DatabaseDamaged, StoreError
from sockatuh.store.roomlog import RoomLog, Row

from .bridge import READ_LIMIT, Reading
from .wire import encode_row


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that could be read of a stretch, and what could not, if anything."""

    reading: Reading
    rows: list[Row]
    damage: StoreError | None


def read_stretch(log: RoomLog, reading: Reading) -> Found:
    """Read the first READ_LIMIT rows of a stretch; the answer's stretch ends where it was read to. Raises StoreError.

    Not for damage, which no other try would mend: its rows are missing in the answer like those that are not kept.
    """
    damage: StoreError | None = None
    try:
        rows = log.read(reading.after, reading.through, READ_LIMIT)
        through = rows[-1].seq if len(rows) == READ_LIMIT else reading.through
    except DatabaseDamaged as error:
        damage = error
        rows, through = log.read_around_damage(reading.after, reading.through, READ_LIMIT)
    whole, broken = _part(rows)
    return Found(replace(reading, through=through), whole, damage or broken)


def read_recent(log: RoomLog, count: int) -> tuple[list[Row], StoreError | None]:
    """Read the newest rows, as far as they can be, to be kept at hand; raises StoreError, but not for damage."""
    try:
        return _part(log.recent(count))
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
