"""Count the bytes that lines take in the log, and delete the oldest when they take too many.

`meta` holds a tally: how many bytes there are up to which seq, so that only newer entries are read, and up to which seq
all lines are gone, so that no search starts from the beginning. Lines are deleted and subtracted from the tally in
the same transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.room.entries import LINE_KINDS

ROW_COST: Final = 128
"""About how many bytes an entry takes on disk beside its body, indices included."""
CHUNK: Final = 200
"""Lines deleted in one transaction."""
COUNTED_AT_ONCE: Final = 10_000
"""Entries looked at by one query."""
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(LINE_KINDS))
_NAME: Final = "bytes of message"
"""The tally's name in the database; it is older than private lines, which count as well."""


class Tally(msgspec.Struct, frozen=True):
    """The bytes of the lines with a seq in (gone, counted]; those up to `gone` have been deleted."""

    bytes: int = 0
    counted: int = 0
    gone: int = 0


def read_tally(connection: sqlite3.Connection) -> Tally:
    """Read the tally; it starts empty."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return Tally(*json.loads(found[0])) if found is not None else Tally()


def write_tally(connection: sqlite3.Connection, tally: Tally) -> None:
    """Store the tally."""
    value = json.dumps([tally.bytes, tally.counted, tally.gone])
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NAME, value))


def count_more(connection: sqlite3.Connection, tally: Tally) -> Tally:
    """Return the tally with the next entries added; the same tally if there are none."""
    # The + keeps SQLite from using the index on kinds, which it would scan from the beginning.
    query = f"""
        SELECT coalesce(sum(size), 0), coalesce(max(seq), 0) FROM (
            SELECT seq, CASE WHEN kind IN ({_KINDS}) THEN coalesce(length(CAST(body AS BLOB)), 0) + ? ELSE 0 END AS size
            FROM log WHERE seq > ? ORDER BY seq LIMIT ?
        )
    """  # noqa: S608 (the kinds are ours)
    size, last = connection.execute(query, (ROW_COST, tally.counted, COUNTED_AT_ONCE)).fetchone()
    return replace(tally, bytes=tally.bytes + size, counted=max(last, tally.counted))


def delete_oldest(connection: sqlite3.Connection, limit: int) -> int:
    """Delete a chunk of the oldest lines if all take more than `limit` bytes; return how many."""
    tally = read_tally(connection)
    if tally.bytes <= limit:
        return 0
    query = f"""
        SELECT seq, coalesce(length(CAST(body AS BLOB)), 0) + ? FROM log
        WHERE +kind IN ({_KINDS}) AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?
    """  # noqa: S608 (the kinds are ours)
    oldest = connection.execute(query, (ROW_COST, tally.gone, tally.counted, CHUNK)).fetchall()
    if not oldest:  # already deleted elsewhere
        write_tally(connection, replace(tally, bytes=0, gone=tally.counted))
        return 0
    left, going = tally.bytes, []
    for seq, size in oldest:
        if left <= limit:
            break
        left -= size
        going.append(seq)
    marks = ", ".join("?" * len(going))
    connection.execute(f"DELETE FROM log WHERE seq IN ({marks})", going)  # noqa: S608 (only ? in it)
    write_tally(connection, replace(tally, bytes=left, gone=going[-1]))
    return len(going)


def subtract_deleted(connection: sqlite3.Connection, deleted: Iterable[tuple[int, int]]) -> None:
    """Subtract deleted lines, given as (seq, bytes of the body), from the tally."""
    tally = read_tally(connection)
    if size := sum(size + ROW_COST for seq, size in deleted if seq <= tally.counted):
        write_tally(connection, replace(tally, bytes=max(0, tally.bytes - size)))


def subtract_struck(connection: sqlite3.Connection, seq: int, size: int) -> None:
    """Subtract the bytes by which the body of a line that stays has become shorter."""
    tally = read_tally(connection)
    if tally.gone < seq <= tally.counted:
        write_tally(connection, replace(tally, bytes=max(0, tally.bytes - size)))
