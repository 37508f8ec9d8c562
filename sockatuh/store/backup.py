"""A room in one file, made while its server runs.

The file is a database of its own: the log and its history, without what was deleted, and in a table the server's keys.
So a room whose disk is gone comes back as the server its members know (`restore.py`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockatuh.errors import DatabaseUnusable

from .database import explained, open_as_it_is, rfc3339, wall_clock
from .files import read_private
from .lock import LOCK_FILE
from .reasons import unusable
from .rewind import COPIED, KEPT_FILES, set_mark

SERVER_KEY: Final = "server.key"
KEY_FILES: Final = (SERVER_KEY, "reset.key", "ticket.keys")
BESIDE: Final = ("-wal", "-shm")
"""What SQLite adds to a database's name for what belongs to it."""

_OF_SOURCE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: how many entries up to which seq, when the last was written (RFC 3339), and whether keys."""

    entries: int
    last: int
    at: str | None
    keys: bool


def make_backup(database: Path, file: Path, *, replace: bool) -> Contents:
    """Write what is committed in `database`, and the keys beside it, to `file` (0600), whole or not at all.

    A server may go on writing meanwhile. Raises DatabaseTooNew, DatabaseUnusable, KeyFileError and OSError, of which
    FileExistsError unless it may `replace`.
    """
    keys = {name: read_private(path) for name in KEY_FILES if (path := database.parent / name).exists()}
    with beside(file) as fresh:
        copy_database(database, fresh, file)
        with explained(file), closing(open_copy(fresh)) as copy:
            _pack(copy, keys)
            check_whole(copy, file)
            contents = describe(copy)
        sync(fresh)
        _place(fresh, file, replace=replace)
    return contents


def is_own(file: Path, database: Path) -> bool:
    """Tell whether a name is that of one of the room's own files."""
    own = {database.name, *KEY_FILES, LOCK_FILE, *(database.name + end for end in BESIDE)}
    return file.name in own and file.parent.resolve() == database.parent.resolve()


@contextlib.contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Make an empty private file next to another, to be moved there; nothing of it is left afterwards."""
    fresh = file.with_name(f".{file.name}.{os.urandom(6).hex()}")
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield fresh
    finally:
        for end in ("", "-journal", *BESIDE):
            Path(f"{fresh}{end}").unlink(missing_ok=True)


def copy_database(source: Path, fresh: Path, target: Path) -> None:
    """Copy a database as it is at this moment into an empty file; those who read and write it go on.

    Raises DatabaseTooNew, and DatabaseUnusable for the `source`, or for the `target` the file is to become.
    """
    with closing(open_as_it_is(source)) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(fresh),))
        except sqlite3.Error as error:
            raise unusable(source if error.sqlite_errorcode & 0xFF in _OF_SOURCE else target, error) from error


def open_copy(fresh: Path) -> sqlite3.Connection:
    """Open a copy that nobody else knows of."""
    return sqlite3.connect(fresh, isolation_level=None)


def check_whole(connection: sqlite3.Connection, file: Path) -> None:
    """Read all of a database; raise DatabaseUnusable, as `file`, if something in it does not fit."""
    found = [fault for (fault,) in connection.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise DatabaseUnusable(str(file), f"it is damaged ({found[0]})")


def describe(copy: sqlite3.Connection) -> Contents:
    """Say what a copy holds."""
    entries, at = copy.execute("SELECT count(*), (SELECT at FROM log ORDER BY seq DESC LIMIT 1) FROM log").fetchone()
    last = copy.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
    return Contents(entries, last[0] if last else 0, at, SERVER_KEY in read_keys(copy))


def read_keys(copy: sqlite3.Connection) -> dict[str, bytes]:
    """Read the server's keys from a copy, by file name; none if it is a plain log."""
    if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (KEPT_FILES,)).fetchone():
        return {}
    found = copy.execute(f"SELECT name, content FROM {KEPT_FILES}")  # noqa: S608 (a constant)
    return {name: content for name, content in found if name in KEY_FILES and isinstance(content, bytes)}


def sync(path: Path) -> None:
    """Wait until a file, or what stands in a directory, is on the disk."""
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


def _place(fresh: Path, file: Path, *, replace: bool) -> None:
    if replace:
        os.replace(fresh, file)
    else:
        _link(fresh, file)
    sync(file.parent)


def _link(fresh: Path, file: Path) -> None:
    try:
        os.link(fresh, file)
    except FileExistsError:
        raise
    except OSError as error:  # a stick whose file system has no hard links
        if file.exists():
            raise FileExistsError(error.errno, "there is such a file already", str(file)) from None
        os.replace(fresh, file)
