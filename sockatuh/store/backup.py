"""Write a room to one file while its server runs.

The file is a database: the log and the sessions, without the remains of deleted rows, and the server's keys in a table.
So after the loss of a disk, the room comes back as the server that its members know (`restore.py`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.moments import rfc3339

from .as_owner import as_owner
from .backup_stamp import STAMP
from .database import database_uri, explained, open_as_it_is, wall_clock
from .draft import Draft
from .files import LOCK_FILE, read_private
from .log_identity import COPIED, KEPT_FILES, set_mark
from .sqlite_errors import unusable

SERVER_KEY: Final = "server.key"
KEY_FILES: Final = (SERVER_KEY, "reset.key", "ticket.keys")
BESIDE: Final = ("-wal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database."""

_TABLES: Final = (
    "SELECT name, sql FROM room.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
)
_OTHERS: Final = "SELECT sql FROM room.sqlite_master WHERE type <> 'table' AND sql IS NOT NULL"
_OF_SOURCE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


class Contents(msgspec.Struct, frozen=True):
    """What a backup holds: the number of entries, the last seq and its time (RFC 3339), and whether it has keys."""

    entries: int
    last: int
    at: str | None
    keys: bool


def make_backup(database: Path, file: Path, *, replace: bool) -> Contents:
    """Write what is committed in `database`, and the keys beside it, to `file` (0600), whole or not at all.

    A server may keep writing meanwhile. Raises DatabaseTooNew, DatabaseUnusable, KeyFileError, OSError, and
    FileExistsError if `file` exists and `replace` is False.
    """
    with Draft(file) as draft:
        made = as_owner(
            database.parent,
            partial(_write, database.name, draft),
            hand=draft.open_apart,
            apart=draft.is_in_foreign_hands,
        )
        draft.place(replace=replace)
    return Contents(*made)


def _write(name: str, draft: Draft, directory: Path, handed: sqlite3.Connection | None) -> list[Any]:
    """Write a room and its keys into a draft; return the fields of its Contents."""
    keys = {each: read_private(path) for each in KEY_FILES if os.path.lexists(path := directory / each)}
    with closing(handed or draft.open()) as copy:
        copy_tables(directory / name, copy, draft.file)
        with explained(draft.file):
            _pack(copy, keys)
            check_whole(copy, draft.file)
            return list(astuple(describe(copy)))


def is_own(file: Path, database: Path) -> bool:
    """Return whether a file is one of the room's own."""
    own = {database.name, *KEY_FILES, LOCK_FILE, STAMP, *(database.name + end for end in BESIDE)}
    return file.name in own and file.parent.resolve() == database.parent.resolve()


@contextlib.contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Create an empty private file beside `file`, for the block to rename to `file`; delete it if it remains."""
    fresh = file.with_name(f".{file.name}.{os.urandom(6).hex()}")
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield fresh
    finally:
        for end in ("", "-journal", *BESIDE):
            Path(f"{fresh}{end}").unlink(missing_ok=True)


def copy_database(source: Path, fresh: Path, target: Path) -> None:
    """Copy the current state of a database into an empty file, without holding up its readers and its writer.

    Raises DatabaseTooNew, and DatabaseUnusable that names the `source`, or the `target` that the copy is made for.
    """
    with closing(open_as_it_is(source)) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(fresh),))
        except sqlite3.Error as error:
            raise unusable(source if error.sqlite_errorcode & 0xFF in _OF_SOURCE else target, error) from error


def copy_tables(source: Path, copy: sqlite3.Connection, target: Path) -> None:
    """Copy the current content of a database into an open, empty one, without holding up readers and writer.

    `VACUUM INTO` would open the target itself. Raises the same errors as `copy_database`.
    """
    open_as_it_is(source).close()  # raises what is wrong with it
    try:
        _attach(source, copy)
        copy.execute("BEGIN")
        for name, statement in copy.execute(_TABLES).fetchall():
            copy.execute(statement)
            copy.execute(f'INSERT INTO main."{name}" SELECT * FROM room."{name}"')  # noqa: S608 (names of tables)
        copy.execute("DELETE FROM main.sqlite_sequence")
        copy.execute("INSERT INTO main.sqlite_sequence SELECT * FROM room.sqlite_sequence")
        for (statement,) in copy.execute(_OTHERS).fetchall():
            copy.execute(statement)
        version = copy.execute("PRAGMA room.user_version").fetchone()[0]
        copy.execute(f"PRAGMA main.user_version = {version}")
        copy.execute("COMMIT")
        copy.execute("DETACH room")
    except sqlite3.Error as error:
        raise unusable(source if error.sqlite_errorcode & 0xFF in _OF_SOURCE else target, error) from error


def _attach(source: Path, copy: sqlite3.Connection) -> None:
    """Attach a database as `room`, also in a directory that cannot be written, if it has no write-ahead log."""
    copy.execute("ATTACH ? AS room", (database_uri(source, "mode=ro"),))
    try:
        copy.execute("SELECT count(*) FROM room.sqlite_master").fetchone()
    except sqlite3.Error:
        copy.execute("DETACH room")
        copy.execute("ATTACH ? AS room", (database_uri(source, "mode=ro", "immutable=1"),))


def open_copy(fresh: Path) -> sqlite3.Connection:
    """Open a copy that no other process uses."""
    return sqlite3.connect(fresh, isolation_level=None)


def check_whole(connection: sqlite3.Connection, file: Path) -> None:
    """Check the integrity of a whole database; DatabaseUnusable names it `file`."""
    found = [fault for (fault,) in connection.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise DatabaseUnusable(str(file), f"it is damaged ({found[0]})")


def describe(copy: sqlite3.Connection) -> Contents:
    """Return what a copy holds."""
    entries, at = copy.execute("SELECT count(*), (SELECT at FROM log ORDER BY seq DESC LIMIT 1) FROM log").fetchone()
    last = copy.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
    return Contents(entries, last[0] if last else 0, at, SERVER_KEY in read_keys(copy))


def read_keys(copy: sqlite3.Connection) -> dict[str, bytes]:
    """Return the server's keys in a copy by file name, none if it is a plain room.db."""
    if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (KEPT_FILES,)).fetchone():
        return {}
    found = copy.execute(f"SELECT name, content FROM {KEPT_FILES}")  # noqa: S608 (a constant)
    return {name: content for name, content in found if name in KEY_FILES and isinstance(content, bytes)}


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a directory, are on the disk."""
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pack(copy: sqlite3.Connection, keys: Mapping[str, bytes]) -> None:
    copy.execute("BEGIN")
    set_mark(copy, COPIED, rfc3339(wall_clock()))
    copy.execute(f"CREATE TABLE {KEPT_FILES} (name TEXT PRIMARY KEY, content BLOB)")
    copy.executemany(f"INSERT INTO {KEPT_FILES} VALUES (?, ?)", keys.items())  # noqa: S608 (a constant)
    copy.execute("COMMIT")
