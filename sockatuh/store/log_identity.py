"""Whether the log may have been set back since it was written last, and the new id it then gets.

A client's cursor is good for one log_id. When entries are lost and their numbers given again to others, a cursor of
before would match lines it never saw; under a new log_id it matches only what both logs share (`lineage.py`), and its
client is told. Three things set a log back. The power fails under `synchronous = "normal"`: while such a log is open
its mark `boot` names the boot of the machine that holds what is not on the disk yet. A backup is put in its place: it
bears the mark `copied`. Anything else, such as an old file copied back by hand, is noticed by the server when a member
comes with a ticket from further on (`server/resumption.py`).
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from .lineage import renew_log_id

BOOT: Final = "boot"
COPIED: Final = "copied"
"""When the copy was made, RFC 3339; in a copy only."""
KEPT_FILES: Final = "kept_files"
"""The table in a copy that holds the server's keys."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def find_boot_id() -> str:
    """Return what the system calls the time since it was started, "" where it has no name for it."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def settle_log_id(connection: sqlite3.Connection, boot_id: str, *, durable: bool) -> None:
    """Give the log a new id if it may have been set back; raises sqlite3.Error.

    Unless what is written from now on is `durable` at once, the log is marked with `boot_id` ("": unknown). The
    connection must still write with `synchronous = FULL`: the mark has to be on the disk before what may not be.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        written_under = find_mark(connection, BOOT)
        if find_mark(connection, COPIED) is not None:
            forget_copying(connection)
            renew_log_id(connection)
        elif written_under is not None and (not boot_id or written_under != boot_id):
            renew_log_id(connection)
        marked = None if durable else boot_id
        if marked != written_under:
            set_mark(connection, BOOT, marked)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def close_in_order(connection: sqlite3.Connection) -> None:
    """Close the writer's connection, with everything on the disk if that can be; then the power may fail."""
    with contextlib.suppress(sqlite3.Error):  # then the mark stays, and tells the next start
        if find_mark(connection, BOOT) is not None:
            connection.execute("PRAGMA synchronous = FULL")
            set_mark(connection, BOOT, None)
    connection.close()


def forget_copying(connection: sqlite3.Connection) -> None:
    """Take out of a copy what only a copy has; what is deleted is overwritten, for there are keys in it."""
    set_mark(connection, COPIED, None)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"DROP TABLE IF EXISTS {KEPT_FILES}")
    connection.execute("PRAGMA secure_delete = OFF")


def find_mark(connection: sqlite3.Connection, name: str) -> str | None:
    """Return one of the marks, None if the log does not bear it."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def set_mark(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Put a mark on the log, or take it off (None)."""
    if value is None:
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
