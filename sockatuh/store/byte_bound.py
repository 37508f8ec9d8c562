"""Count the bytes that the entries of one kind take, and delete the oldest when they take too many.

`meta` holds a tally: how many bytes there are up to which seq, so that only newer entries are read, and up to which seq
all entries are gone, so that no search starts from the beginning. Entries are deleted and subtracted from the tally in
the same transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

ROW_COST: Final = 128
"""About how many bytes an entry takes on disk beside its body, indices included."""
CHUNK: Final = 200
"""Entries deleted in one transaction."""
COUNTED_AT_ONCE: Final = 10_000
"""Entries summed up by one query."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The bytes of a kind's entries with a seq in (gone, counted]; those up to `gone` have been deleted."""

    bytes: int = 0
    counted: int = 0
    gone: int = 0


def read_tally(connection: sqlite3.Connection, kind: str) -> Tally:
    """Read the tally of a kind; it starts empty."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (_name(kind),)).fetchone()
    return Tally(*json.loads(found[0])) if found is not None else Tally()


def write_tally(connection: sqlite3.Connection, kind: str, tally: Tally) -> None:
    """Store the tally of a kind."""
    value = json.dumps([tally.bytes, tally.counted, tally.gone])
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_name(kind), value))


def count_more(connection: sqlite3.Connection, kind: str, tally: Tally) -> Tally:
    """Return the tally with the next entries added; the same tally if there are none."""
    # The + keeps SQLite from using the index on kinds, which it would scan from the beginning.
    query = """
        SELECT coalesce(sum(size), 0), coalesce(max(seq), 0) FROM (
            SELECT seq, CASE kind WHEN ? THEN coalesce(length(CAST(body AS BLOB)), 0) + ? ELSE 0 END AS size
            FROM log WHERE seq > ? ORDER BY seq LIMIT ?
        )
    """
    size, last = connection.execute(query, (kind, ROW_COST, tally.counted, COUNTED_AT_ONCE)).fetchone()
    return replace(tally, bytes=tally.bytes + size, counted=max(last, tally.counted))


def delete_oldest(connection: sqlite3.Connection, kind: str, limit: int) -> int:
    """Delete a chunk of the oldest entries of a kind if all take more than `limit` bytes; return how many."""
    tally = read_tally(connection, kind)
    if tally.bytes <= limit:
        return 0
    query = """
        SELECT seq, coalesce(length(CAST(body AS BLOB)), 0) + ? FROM log
        WHERE +kind = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?
    """
    oldest = connection.execute(query, (ROW_COST, kind, tally.gone, tally.counted, CHUNK)).fetchall()
    if not oldest:  # already deleted elsewhere
        write_tally(connection, kind, replace(tally, bytes=0, gone=tally.counted))
        return 0
    left, going = tally.bytes, []
    for seq, size in oldest:
        if left <= limit:
            break
        left -= size
        going.append(seq)
    marks = ", ".join("?" * len(going))
    connection.execute(f"DELETE FROM log WHERE seq IN ({marks})", going)  # noqa: S608 (only ? in it)
    write_tally(connection, kind, replace(tally, bytes=left, gone=going[-1]))
    return len(going)


def subtract_deleted(connection: sqlite3.Connection, kind: str, deleted: Iterable[tuple[int, int]]) -> None:
    """Subtract deleted entries, given as (seq, bytes of the body), from the tally of their kind."""
    tally = read_tally(connection, kind)
    if size := sum(size + ROW_COST for seq, size in deleted if seq <= tally.counted):
        write_tally(connection, kind, replace(tally, bytes=max(0, tally.bytes - size)))


def _name(kind: str) -> str:
    return f"bytes of {kind}"
