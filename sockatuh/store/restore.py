"""A room put back from a backup, while no server runs.

What comes back is older than what members may have read: the log gets a new id, so that they are told and read again
from where both logs are the same (`lineage.py`), and their clients are woken at the next start (`replaced.py`). What
was there before is kept under another name.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sockatuh.errors import DatabaseUnusable

from .backup import (
    BESIDE,
    KEY_FILES,
    SERVER_KEY,
    Contents,
    beside,
    check_whole,
    copy_database,
    describe,
    open_copy,
    read_keys,
    sync,
)
from .database import explained, open_as_it_is, rfc3339, wall_clock
from .files import write_private
from .history import SERVER_LOST
from .lineage import renew_log_id
from .lock import LOCK_FILE, lock_directory
from .migrations import migrate, refuse_newer
from .replaced import ASIDE, Replaced, Unreadable, read_replaced, take_place_of
from .rewind import BOOT, COPIED, find_mark, forget_copying, set_mark


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place, and where that is now which was there before; `unreadable` says why if that is damaged."""

    contents: Contents
    kept: tuple[Path, ...]
    unreadable: str | None = None


def restore_backup(file: Path, database: Path) -> Restored:
    """Put what `file` holds in the place of `database` and of the keys beside it, and keep what was there.

    The log gets a new id, and sessions that were open are closed as of the time of the copy. The keys come back where
    there are none, or another server's. Raises DatabaseTooNew, KeyFileError, OSError, and DatabaseUnusable: `file` is
    no room or is damaged, or a server runs.
    """
    _check_room(file)
    directory = database.parent
    with lock_directory(directory), beside(database) as fresh:
        copy_database(file, fresh, database)
        replaced = read_replaced(database)
        with explained(file), closing(open_copy(fresh)) as copy:
            migrate(copy, file)
            contents, keys = describe(copy), read_keys(copy)
            _make_log(copy, replaced)
            check_whole(copy, file)
        sync(fresh)
        now = f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        kept = _restore_keys(directory, keys, now) + _set_aside(database, now)
        os.replace(fresh, database)
        _give_to_owner(directory, database, *(directory / name for name in (*KEY_FILES, LOCK_FILE)))
        sync(directory)
    return Restored(contents, tuple(kept), replaced.reason if isinstance(replaced, Unreadable) else None)


def _check_room(file: Path) -> None:
    """Raise DatabaseUnusable unless a file is a whole room, DatabaseTooNew if it is a newer program's."""
    if not file.exists():
        raise DatabaseUnusable(str(file), "there is no such file")
    with closing(open_as_it_is(file)) as connection, explained(file):
        check_whole(connection, file)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not refuse_newer(connection, file) or not {"log", "sessions", "meta"} <= tables:
            raise DatabaseUnusable(str(file), "it is no SockAtuh room")


def _make_log(copy: sqlite3.Connection, replaced: Replaced | Unreadable | None) -> None:
    """Make a log of its own of a copy."""
    copy.execute("BEGIN")
    renew_log_id(copy)
    take_place_of(copy, replaced)
    query = "UPDATE sessions SET closed = max(opened, ?), reason = ? WHERE closed IS NULL"
    copy.execute(query, (find_mark(copy, COPIED) or rfc3339(wall_clock()), SERVER_LOST))
    forget_copying(copy)
    set_mark(copy, BOOT, None)
    copy.execute("COMMIT")


def _restore_keys(directory: Path, keys: Mapping[str, bytes], now: str) -> list[Path]:
    """Write a server's keys, unless they are its own that are there; return where the others are now."""
    present = directory / SERVER_KEY
    if SERVER_KEY not in keys or (present.exists() and present.read_bytes() == keys[SERVER_KEY]):
        return []
    kept: list[Path] = []
    for name in KEY_FILES:
        kept += _move(directory / name, now)
        if name in keys:
            write_private(directory / name, keys[name])
    return kept


def _set_aside(database: Path, now: str) -> list[Path]:
    """Move a database away, and then its write-ahead log if there is something in it: alone that means nothing."""
    moved = _move(database, now)
    log, index = (Path(f"{database}{end}") for end in BESIDE)
    if moved and log.exists() and log.stat().st_size:
        log.rename(f"{moved[0]}{BESIDE[0]}")
    log.unlink(missing_ok=True)
    index.unlink(missing_ok=True)  # SQLite makes it anew
    return moved


def _move(path: Path, now: str) -> list[Path]:
    """Give a file a name that is free; return it, nothing if there is no such file."""
    if not path.exists():
        return []
    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.name}.{now}{number}") for number in numbers)
    return [path.rename(next(name for name in names if not name.exists()))]


def _give_to_owner(directory: Path, *files: Path) -> None:
    """Give files to whoever owns the directory: what root restores, another user's server has to read."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner = directory.stat()
    for file in files:
        if file.exists():
            os.chown(file, owner.st_uid, owner.st_gid)
