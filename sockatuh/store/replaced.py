"""The log that a restored one takes the place of: what members of the old one need the new one to know.

Which ids it had, so that whoever returns reads on from where both logs are the same; and which sessions were open when
its server was killed, so that the next one wakes their clients instead of leaving them to find out by themselves.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable
from sockatuh.room.log import Lineage

from .database import explained, open_as_it_is
from .log_identity import inherit, read_head, read_lineage

ASIDE: Final = "before-"
"""How the new end of a name begins when its file has to give way to a restored one."""

Sessions = list[tuple[int, str]]
"""Connection ids and addresses."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A log that is about to be replaced."""

    lineage: Lineage
    head: int
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class Unreadable:
    """There is a log, but this program cannot read it: its `reason`."""

    reason: str


def read_replaced(database: Path) -> Replaced | Unreadable | None:
    """Read what stands at `database` before something else does; None if there is nothing.

    What a restore that was killed had moved away already counts as standing there.
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
    """Read where clients may still be that believe they are connected, to this log or to one it has replaced."""
    query = "SELECT cid, address FROM sessions WHERE closed IS NULL AND cid IS NOT NULL"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replaced_sessions'").fetchone():
        query += " UNION SELECT cid, address FROM replaced_sessions"
    return [(int(cid), str(address)) for cid, address in connection.execute(query).fetchall()]


def take_place_of(copy: sqlite3.Connection, replaced: Replaced | Unreadable | None) -> None:
    """Note in a log, while its own sessions are still open, what it owes the members of the one it replaces.

    With nothing to read in its place, the sessions of the copy itself are the best guess at who is out there.
    """
    if isinstance(replaced, Replaced):
        inherit(copy, replaced.lineage, replaced.head)
        sessions = replaced.sessions
    else:
        sessions = read_open_sessions(copy)
    copy.execute("DELETE FROM replaced_sessions")
    copy.executemany("INSERT INTO replaced_sessions (cid, address) VALUES (?, ?)", sessions)
