"""SQLite's errors as a reason and a remedy.

SQLite reports what it ran into, which is not always the cause: on a full or read-only disk it often reports an I/O
error or a file that cannot be opened. So the file system is checked as well.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from sockatuh.errors import DatabaseDamaged, DatabaseUnusable

_NO_ROOM: Final = 65_536
"""Free bytes below which a file system counts as full; the smallest file SQLite creates takes half of that."""
_PRIMARY: Final = 0xFF
_RESTORE: Final = "stop the server and put a backup in its place: sockatuh restore FILE"


class _Fault(msgspec.Struct, frozen=True):
    """A cause and its remedy; `exactly`: SQLite's own message is added."""

    reason: str
    remedy: str
    exactly: bool = False


_FAULTS: Final = {
    sqlite3.SQLITE_FULL: _Fault("the disk is full", "make room there: df -h {directory}"),
    sqlite3.SQLITE_READONLY: _Fault("it is read-only", "let the server's user write there: ls -ld {directory} {path}"),
    sqlite3.SQLITE_IOERR: _Fault("the disk reports an error", "look into the kernel's log: dmesg", exactly=True),
    sqlite3.SQLITE_BUSY: _Fault("another program has locked it", "find that program and end it: fuser -v {path}"),
    sqlite3.SQLITE_CANTOPEN: _Fault("it cannot be opened", "see whose it is: ls -ld {directory} {path}", exactly=True),
    sqlite3.SQLITE_CORRUPT: _Fault("it is damaged", _RESTORE, exactly=True),
    sqlite3.SQLITE_NOTADB: _Fault("file is not a database", _RESTORE),
    sqlite3.SQLITE_ERROR: _Fault("its tables are not this program's", _RESTORE, exactly=True),
}
_DISGUISES: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_PASSING: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
)
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def unusable(path: Path, error: Exception) -> DatabaseUnusable:
    """Return the error to raise for one that SQLite has raised on the database `path`."""
    words = str(error) or repr(error)
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    fault = _FAULTS.get(_behind(code, path.parent))
    if fault is None:
        return DatabaseUnusable(str(path), words)
    reason = f"{fault.reason} ({words})" if fault.exactly else fault.reason
    kind = DatabaseDamaged if code in _DAMAGE else DatabaseUnusable
    return kind(str(path), reason, fault.remedy.format(path=path, directory=path.parent))


def damaged(path: Path, error: Exception) -> DatabaseDamaged:
    """Return the error to raise for content that makes no sense."""
    return DatabaseDamaged(str(path), f"it is damaged ({error})", _RESTORE)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file's content is damaged, which no retry repairs."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DAMAGE


def is_passing(error: Exception) -> bool:
    """Tell whether a retry may succeed."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _PASSING


def refuse_read_only(path: Path) -> None:
    """Raise DatabaseUnusable if the file is not writable; SQLite would silently open it read-only."""
    if not os.access(path, os.W_OK):
        fault = _FAULTS[sqlite3.SQLITE_READONLY]
        raise DatabaseUnusable(str(path), fault.reason, fault.remedy.format(path=path, directory=path.parent))


def gone(path: Path) -> DatabaseUnusable:
    """Return the error to raise when the open file is no longer the one at `path`, so that writes are lost."""
    remedy = "restart the server; members' lines are kept by their clients until then"
    return DatabaseUnusable(str(path), "it was removed or replaced while the server ran", remedy)


def _behind(code: int, directory: Path) -> int:
    """Return the cause of an error as one of SQLite's codes."""
    if code in _DISGUISES:
        if _is_full(directory):
            return sqlite3.SQLITE_FULL
        if directory.is_dir() and not os.access(directory, os.W_OK):
            return sqlite3.SQLITE_READONLY
    return code


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free < _NO_ROOM
    except OSError:
        return False
