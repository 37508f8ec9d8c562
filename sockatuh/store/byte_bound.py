"""How much of the log the entries of one kind take, without reading all of it, and the oldest go when it is too much.

`meta` holds how many bytes were counted and up to which seq, so only what came since is read; and up to which seq all
are gone, so that nobody searches from the beginning. Whoever deletes entries takes them off in the same transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

ROW_COST: Final = 128
"""About what an entry takes on disk beside its body, with its places in the indices."""
CHUNK: Final = 200
"""Entries deleted in one transaction."""
COUNTED_AT_ONCE: Final = 10_000
"""Entries summed up in one reading."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Bytes of the entries of a kind with a seq in (gone, counted]; none is at or below `gone`."""

    bytes: int = 0
    counted: int = 0
    gone: int = 0


def read_tally(connection: sqlite3.Connection, kind: str) -> Tally:
    """Read what is known of a kind, nothing at first."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (_name(kind),)).fetchone()
    return Tally(*json.loads(found[0])) if found is not None else Tally()


def write_tally(connection: sqlite3.Connection, kind: str, tally: Tally) -> None:
    """Write down what is known of a kind."""
    value = json.dumps([tally.bytes, tally.counted, tally.gone])
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_name(kind), value))


def count_more(connection: sqlite3.Connection, kind: str, tally: Tally) -> Tally:
    """Return the tally with the next entries counted; the same when there are none."""
    # With + the index on kinds is passed over: it would be walked along from its beginning.
    query = """
        SELECT coalesce(sum(size), 0), coalesce(max(seq), 0) FROM (
            SELECT seq, CASE kind WHEN ? THEN coalesce(length(CAST(body AS BLOB)), 0) + ? ELSE 0 END AS size
            FROM log WHERE seq > ? ORDER BY seq LIMIT ?
        )
    """
    size, last = connection.execute(query, (kind, ROW_COST, tally.counted, COUNTED_AT_ONCE)).fetchone()
    return replace(tally, bytes=tally.bytes + size, counted=max(last, tally.counted))


def delete_oldest(connection: sqlite3.Connection, kind: str, limit: int) -> int:
    """Delete a chunk of the oldest entries of a kind, if they take more than `limit` bytes; return how many went."""
    tally = read_tally(connection, kind)
    if tally.bytes <= limit:
        return 0
    query = """
        SELECT seq, coalesce(length(CAST(body AS BLOB)), 0) + ? FROM log
        WHERE +kind = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?
    """
    oldest = connection.execute(query, (ROW_COST, kind, tally.gone, tally.counted, CHUNK)).fetchall()
    if not oldest:  # somebody else has deleted them
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


def take_off(connection: sqlite3.Connection, kind: str, deleted: Iterable[tuple[int, int]]) -> None:
    """Take entries off the tally that were deleted: (seq, bytes of the body) of each."""
    tally = read_tally(connection, kind)
    if size := sum(size + ROW_COST for seq, size in deleted if seq <= tally.counted):
        write_tally(connection, kind, replace(tally, bytes=max(0, tally.bytes - size)))


def _name(kind: str) -> str:
    return f"bytes of {kind}"
