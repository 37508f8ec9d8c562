"""Put a room back from a backup while no server runs.

The backup may be older than what members have read, so the log gets a new id: clients are told and read on from where
both logs agree (`log_identity.py`), and the next server wakes them (`replaced.py`). What was there before is kept under
another name.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.moments import rfc3339

from .as_owner import as_owner
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
from .database import explained, open_as_it_is, wall_clock
from .files import find_bytes, lock_directory, write_private
from .history import SERVER_LOST
from .log_identity import BOOT, COPIED, find_mark, forget_copying, renew_log_id, set_mark
from .migrations import migrate, refuse_newer
from .replaced import ASIDE, Replaced, Unreadable, read_replaced, take_place_of
from .sources import Sources


class Restored(msgspec.Struct, frozen=True):
    """What was put in place, and where the previous files are now; `unreadable` says what is wrong with those."""

    contents: Contents
    kept: tuple[Path, ...]
    unreadable: str | None = None


def restore_backup(file: Path, database: Path) -> Restored:
    """Replace `database` and the keys beside it by the content of `file`, and keep what was there.

    The log gets a new id, and sessions that were open are closed as of the time of the copy. Keys are restored unless
    the same server's are there. Root works as the owner of the directory. Raises DatabaseTooNew, KeyFileError, OSError,
    and DatabaseUnusable if `file` is not a room or is damaged, or a server runs.
    """
    incoming = f".incoming.{os.urandom(6).hex()}"

    def work(directory: Path, handed: Sources | None) -> list[Any]:
        inside = directory / database.name
        if handed is None:
            return _restore(file, inside)
        with handed.copied_to(directory / incoming) as copied:
            return _restore(copied, inside)

    contents, kept, unreadable = as_owner(database.parent, work, hand=partial(Sources, file), names={incoming: file})
    return Restored(Contents(*contents), tuple(database.with_name(name) for name in kept), unreadable)


def _restore(file: Path, database: Path) -> list[Any]:
    """Restore with the rights of this process; return the fields of Restored."""
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
        sync(directory)
    unreadable = replaced.reason.replace(str(database), database.name) if isinstance(replaced, Unreadable) else None
    return [list(astuple(contents)), [path.name for path in kept], unreadable]


def _check_room(file: Path) -> None:
    """Raise DatabaseUnusable unless a file is an undamaged room, DatabaseTooNew if a newer program wrote it."""
    if not file.exists():
        raise DatabaseUnusable(str(file), "there is no such file")
    with closing(open_as_it_is(file)) as connection, explained(file):
        check_whole(connection, file)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not refuse_newer(connection, file) or not {"log", "sessions", "meta"} <= tables:
            raise DatabaseUnusable(str(file), "it is no SockAtuh room")


def _make_log(copy: sqlite3.Connection, replaced: Replaced | Unreadable | None) -> None:
    """Give the copy a log id of its own and close its sessions."""
    copy.execute("BEGIN")
    renew_log_id(copy)
    take_place_of(copy, replaced)
    query = "UPDATE sessions SET closed = max(opened, ?), reason = ? WHERE closed IS NULL"
    copy.execute(query, (find_mark(copy, COPIED) or rfc3339(wall_clock()), SERVER_LOST))
    forget_copying(copy)
    set_mark(copy, BOOT, None)
    copy.execute("COMMIT")


def _restore_keys(directory: Path, keys: Mapping[str, bytes], now: str) -> list[Path]:
    """Write a server's keys unless they are there already; return the new paths of the keys they replace."""
    if SERVER_KEY not in keys or find_bytes(directory / SERVER_KEY) == keys[SERVER_KEY]:
        return []
    kept: list[Path] = []
    for name in KEY_FILES:
        kept += _move(directory / name, now)
        if name in keys:
            write_private(directory / name, keys[name])
    return kept


def _set_aside(database: Path, now: str) -> list[Path]:
    """Rename a database, and its write-ahead log unless that is empty; a log without its database is deleted."""
    moved = _move(database, now)
    log, index = (Path(f"{database}{end}") for end in BESIDE)
    if moved and log.exists() and log.stat().st_size:
        log.rename(f"{moved[0]}{BESIDE[0]}")
    log.unlink(missing_ok=True)
    index.unlink(missing_ok=True)  # SQLite rebuilds it
    return moved


def _move(path: Path, now: str) -> list[Path]:
    """Rename a file to a free name; return the new path, or nothing if there is no such file."""
    if not os.path.lexists(path):
        return []
    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.name}.{now}{number}") for number in numbers)
    return [path.rename(next(name for name in names if not os.path.lexists(name)))]
