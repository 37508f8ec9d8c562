"""What a restored log has to know about the log it replaces.

It has to know which ids the old log had, so that members who return read on from where both logs are the same; and
which sessions were open when its server was killed, so that the next server tells their clients to reconnect.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable
from sockatuh.room.log import Lineage

from .database import explained, open_as_it_is
from .log_identity import inherit, read_head, read_lineage

ASIDE: Final = "before-"
"""The start of the suffix that a file gets when a restored one replaces it."""

Sessions = list[tuple[int, str]]
"""Connection ids and addresses."""


class Replaced(msgspec.Struct, frozen=True):
    """The log that is about to be replaced."""

    lineage: Lineage
    head: int
    sessions: Sessions


class Unreadable(msgspec.Struct, frozen=True):
    """There is a log, but this program cannot read it, for this `reason`."""

    reason: str


def read_replaced(database: Path) -> Replaced | Unreadable | None:
    """Read the log at `database` before it is replaced; None if there is none.

    A log that a killed restore has already moved away counts as being there.
    """
    if not database.exists():
        aside = sorted(database.parent.glob(f"{database.name}.{ASIDE}*Z"))
        if not aside:
            return None
        database = aside[-1]
    try:
        with closing(open_as_it_is(database)) as connection, explained(database):
            return Replaced(read_lineage(connection), read_head(connection), read_open_sessions(connection))
    except DatabaseUnusable as error:
        return Unreadable(error.reason)
    except DatabaseTooNew as error:
        return Unreadable(str(error))
    except (KeyError, TypeError, ValueError) as error:
        return Unreadable(f"it is damaged ({error!r})")


def read_open_sessions(connection: sqlite3.Connection) -> Sessions:
    """Read the sessions whose clients may believe they are still connected, to this log or to one it has replaced."""
    query = "SELECT cid, address FROM sessions WHERE closed IS NULL AND cid IS NOT NULL"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replaced_sessions'").fetchone():
        query += " UNION SELECT cid, address FROM replaced_sessions"
    return [(int(cid), str(address)) for cid, address in connection.execute(query).fetchall()]


def take_place_of(copy: sqlite3.Connection, replaced: Replaced | Unreadable | None) -> None:
    """Note in a restored log, whose own sessions are still open, the ids and sessions of the log it replaces.

    If that cannot be read, the sessions of the copy itself are the best guess at who is still connected.
    """
    if isinstance(replaced, Replaced):
        inherit(copy, replaced.lineage, replaced.head)
        sessions = replaced.sessions
    else:
        sessions = read_open_sessions(copy)
    copy.execute("DELETE FROM replaced_sessions")
    copy.executemany("INSERT INTO replaced_sessions (cid, address) VALUES (?, ?)", sessions)
