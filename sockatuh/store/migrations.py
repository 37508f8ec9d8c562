"""The schema of `room.db` as numbered steps: step N upgrades `PRAGMA user_version` N-1 to N.

`at`, `opened` and `closed` are RFC 3339 in UTC with milliseconds and `Z`; all have one width, so they sort as text.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from sockatuh.errors import DatabaseTooNew

_ROOM: Final = (
    # AUTOINCREMENT: no seq is given twice, even after everything has been pruned.
    """
    CREATE TABLE log (
        seq  INTEGER PRIMARY KEY AUTOINCREMENT,
        id   BLOB NOT NULL UNIQUE,
        at   TEXT NOT NULL,
        kind TEXT NOT NULL,
        key  TEXT,
        body TEXT
    )
    """,
    "CREATE INDEX log_key ON log (key, seq) WHERE key IS NOT NULL",
    "CREATE INDEX log_age ON log (kind, at)",
    """
    CREATE TABLE sessions (
        record    INTEGER PRIMARY KEY,
        cid       INTEGER,
        opened    TEXT NOT NULL,
        closed    TEXT,
        name      TEXT NOT NULL,
        owner     TEXT NOT NULL,
        address   TEXT NOT NULL,
        dialect   TEXT NOT NULL,
        version   TEXT NOT NULL,
        transient INTEGER NOT NULL,
        reason    TEXT
    )
    """,
    "CREATE INDEX sessions_opened ON sessions (opened)",
    "CREATE INDEX sessions_open ON sessions (record) WHERE closed IS NULL",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "INSERT INTO meta (name, value) VALUES ('log_id', randomblob(16))",
)

_LINEAGE: Final = (
    # The former ids of this log, and the seq up to which the log under each id is the same as this one.
    """
    CREATE TABLE former_logs (
        number INTEGER PRIMARY KEY,
        log_id BLOB NOT NULL UNIQUE,
        ended  INTEGER NOT NULL
    )
    """,
    # The open sessions of a log that this one has replaced: their clients are told to reconnect.
    "CREATE TABLE replaced_sessions (cid INTEGER NOT NULL, address TEXT NOT NULL)",
)

# Entries may be of the kinds `private` and `renamed`, which an older program would take for damage.
_WHISPERS_AND_RENAMES: Final = ()

# Entries may be the admin's orders (`removed`, `banned`, `released`, `struck` …); the last of a key may be deleted.
_ORDERS: Final = ()

STEPS: Final = (_ROOM, _LINEAGE, _WHISPERS_AND_RENAMES, _ORDERS)


def refuse_newer(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema; raises DatabaseTooNew if this program does not know it."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(STEPS):
        raise DatabaseTooNew(str(path), found, len(STEPS))
    return found


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Upgrade the schema in one transaction; raises DatabaseTooNew, or sqlite3.Error with nothing changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = refuse_newer(connection, path)
        for step in STEPS[found:]:
            for statement in step:
                connection.execute(statement)
        if found < len(STEPS):  # a start without an upgrade writes nothing, so it succeeds on a full disk
            connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
