"""Which log this is: its id, the ids it had before, and when it gets a new one (the theory is in `Lineage`).

Three things set a log back. The power fails under `synchronous = "normal"`: while such a log is open, its mark `boot`
names the boot of the machine whose memory holds what is not on the disk yet. A backup takes its place: that has the
mark `copied`. Anything else, such as an old file copied over it by hand, is noticed by the server when a member shows
a ticket from further on (`server/dialects/resumption.py`).
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from sockatuh.room.log import Lineage

MAX_FORMER: Final = 1_024
"""Former ids that are kept, the newest ones; a machine that loses power every day makes as many in three years."""
LOG_ID: Final = "log_id"
LOG_BEGAN: Final = "log_began"
"""The mark that holds the seq after which the present id began; without it, that is 0."""
BOOT: Final = "boot"
COPIED: Final = "copied"
"""The mark of a backup: when it was made (RFC 3339)."""
KEPT_FILES: Final = "kept_files"
"""The table of a backup that holds the server's keys."""
_HEAD: Final = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def find_boot_id() -> str:
    """Return the id of this boot of the machine, "" where the system has none."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def check_log_id(connection: sqlite3.Connection, boot_id: str, *, durable: bool) -> None:
    """Give the log a new id if it may have been set back; raises sqlite3.Error.

    Unless commits are `durable` from now on, the log gets the mark `boot` with `boot_id` ("": unknown). The connection
    must still be in `synchronous = FULL`: the mark must reach the disk before anything that may not.
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
    """Write everything to the disk if possible, in case the power fails, and close the writer's connection."""
    with contextlib.suppress(sqlite3.Error):  # the mark stays, and the next start renews the id
        if find_mark(connection, BOOT) is not None:
            connection.execute("PRAGMA synchronous = FULL")
            set_mark(connection, BOOT, None)
    connection.close()


def forget_copying(connection: sqlite3.Connection) -> None:
    """Remove from a copy what only a copy has; it is overwritten, as it includes keys."""
    set_mark(connection, COPIED, None)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"DROP TABLE IF EXISTS {KEPT_FILES}")
    connection.execute("PRAGMA secure_delete = OFF")


def find_mark(connection: sqlite3.Connection, name: str) -> str | None:
    """Return the value of a mark, None if the log does not have it."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def set_mark(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Set a mark, or remove it (None)."""
    if value is None:
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def read_lineage(connection: sqlite3.Connection) -> Lineage:
    """Read which logs this one continues; a log with the first schema has no former ids."""
    marks = dict(connection.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", (LOG_ID, LOG_BEGAN)))
    has_former = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'former_logs'").fetchone()
    former = connection.execute("SELECT log_id, ended FROM former_logs").fetchall() if has_former else []
    return Lineage(bytes(marks[LOG_ID]), int(marks.get(LOG_BEGAN, 0)), dict(former))


def read_head(connection: sqlite3.Connection) -> int:
    """Read the highest seq that the log ever gave."""
    head: int = connection.execute(f"SELECT {_HEAD}").fetchone()[0]
    return head


def renew_log_id(connection: sqlite3.Connection, log_id: bytes | None = None, ended: int | None = None) -> None:
    """Give the log a new id (16 bytes; None: random); the present one ended at `ended` (None: the head)."""
    at = read_head(connection) if ended is None else ended
    query = "INSERT OR REPLACE INTO former_logs (log_id, ended) SELECT value, ? FROM meta WHERE name = ?"
    connection.execute(query, (at, LOG_ID))
    connection.execute("UPDATE meta SET value = coalesce(?, randomblob(16)) WHERE name = ?", (log_id, LOG_ID))
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (LOG_BEGAN, at))
    _forget_oldest(connection)


def inherit(connection: sqlite3.Connection, replaced: Lineage, replaced_head: int) -> None:
    """Add the ids of the log that this one replaces, each up to where both logs are the same."""
    lineage = read_lineage(connection).inherited(replaced, read_head(connection), replaced_head)
    query = "INSERT OR IGNORE INTO former_logs (log_id, ended) VALUES (?, ?)"
    connection.executemany(query, lineage.former.items())
    _forget_oldest(connection)


def _forget_oldest(connection: sqlite3.Connection) -> None:
    query = "DELETE FROM former_logs WHERE number <= (SELECT max(number) FROM former_logs) - ?"
    connection.execute(query, (MAX_FORMER,))
