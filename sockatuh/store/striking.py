"""Remove the text of a line from the database, so that no byte of it stays in the file.

SQLite leaves what it no longer needs where it was: in the free space of a page, in free pages, in the write-ahead log.
`secure_delete` overwrites the first two with zeros as soon as they become free. One thing escapes it: when the rows of
neighbouring pages are put together, because others between them were deleted, a page may keep a copy of a row that has
moved to the next one. So the rows around the line are moved away and back, which empties and frees their pages. The
write-ahead log is truncated afterwards (`truncate_wal`), unless somebody still reads from it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sockatuh.errors import RowUnreadable
from sockatuh.room.entries import LINE_KINDS, Message, Whispered, decode_body, encode_body, without_text

from .byte_bound import subtract_struck
from .sqlite_errors import is_damage

NEIGHBOURS: Final = 64
"""Rows on each side of the line that are moved: with 10, in tests, no copy of a line was left."""
_BEFORE: Final = "SELECT min(seq) FROM (SELECT seq FROM log WHERE seq <= ? ORDER BY seq DESC LIMIT ?)"
_AFTER: Final = "SELECT max(seq) FROM (SELECT seq FROM log WHERE seq >= ? ORDER BY seq LIMIT ?)"
_MOVE: Final = "UPDATE log SET seq = -seq WHERE seq BETWEEN ? AND ?"


def has_text(connection: sqlite3.Connection, seq: int) -> bool:
    """Tell whether there is a line at this seq whose text is kept."""
    return _find(connection, seq) is not None


def strike(connection: sqlite3.Connection, seq: int) -> None:
    """Remove the text of a line if it is kept; to be called in a transaction."""
    found = _find(connection, seq)
    if found is None:
        return
    line, size = found
    body = encode_body(without_text(line))
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        connection.execute("UPDATE log SET body = CAST(? AS TEXT) WHERE seq = ?", (body, seq))
        first = connection.execute(_BEFORE, (seq, NEIGHBOURS)).fetchone()[0]
        last = connection.execute(_AFTER, (seq, NEIGHBOURS)).fetchone()[0]
        connection.execute(_MOVE, (first, last))
        connection.execute(_MOVE, (-last, -first))
    finally:
        connection.execute("PRAGMA secure_delete = FAST").fetchall()
    subtract_struck(connection, seq, size - len(body))


def truncate_wal(connection: sqlite3.Connection) -> bool:
    """Write everything to the database file and empty the write-ahead log; False if a reader is in the way.

    To be called outside a transaction. Raises sqlite3.Error.
    """
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA busy_timeout = 0").fetchall()
    try:
        is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not is_busy
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}").fetchall()


def _find(connection: sqlite3.Connection, seq: int) -> tuple[Message | Whispered, int] | None:
    """Find a line whose text is kept, and the size of its stored body; one that is damaged counts as missing."""
    query = "SELECT kind, CAST(body AS BLOB) FROM log WHERE seq = ? AND body IS NOT NULL"
    try:
        found = connection.execute(query, (seq,)).fetchone()
        body = None if found is None or found[0] not in LINE_KINDS else decode_body(*found)
    except RowUnreadable:
        return None
    except sqlite3.Error as error:
        if is_damage(error):
            return None
        raise
    return (body, len(found[1])) if isinstance(body, Message | Whispered) and not body.struck else None
