from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.errors import DatabaseDamaged, DatabaseUnusable
from sockatuh.store.sqlite_errors import damaged, gone, is_passing, refuse_read_only, unusable


def met(code: int, words: str) -> sqlite3.Error:
    """Return an error as SQLite's module makes it."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "room.db"


@pytest.fixture
def lock(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.parametrize(
    ("code", "words", "reason", "remedy"),
    [
        (sqlite3.SQLITE_FULL, "database or disk is full", "the disk is full", "df -h"),
        (sqlite3.SQLITE_READONLY, "attempt to write a readonly database", "it is read-only", "ls -ld"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "attempt to write a readonly database", "it is read-only", "ls -ld"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error", "the disk reports an error (disk I/O error)", "dmesg"),
        (sqlite3.SQLITE_CANTOPEN, "unable to open", "it cannot be opened (unable to open)", "ls -ld"),
        (sqlite3.SQLITE_CORRUPT, "malformed", "it is damaged (malformed)", "sockatuh restore"),
        (sqlite3.SQLITE_NOTADB, "file is not a database", "file is not a database", "sockatuh restore"),
        (
            sqlite3.SQLITE_ERROR,
            "no such table: log",
            "its tables are not this program's (no such table: log)",
            "restore",
        ),
    ],
)
def test_an_sqlite_error_is_explained_with_its_remedy(
    path: Path, code: int, words: str, reason: str, remedy: str
) -> None:
    error = unusable(path, met(code, words))
    assert (error.path, error.reason) == (str(path), reason)
    assert remedy in error.remedy
    assert str(error) == f"{path}: {reason}"


@pytest.mark.usefixtures("lock")
def test_a_foreign_lock_is_explained_with_the_command_to_find_it(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=0)) as connection, pytest.raises(sqlite3.OperationalError) as locked:
        connection.execute("BEGIN IMMEDIATE")
    error = unusable(path, locked.value)
    assert error.reason == "another program has locked it"
    assert error.remedy.endswith(f"fuser -v {path}")
    assert is_passing(locked.value)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is always full")
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CANTOPEN])
def test_every_form_of_a_full_disk_is_recognised(code: int) -> None:
    assert unusable(Path("/proc/room.db"), met(code, "disk I/O error")).reason == "the disk is full"


def test_a_missing_directory_is_not_reported_as_read_only(tmp_path: Path) -> None:
    error = unusable(tmp_path / "gone" / "room.db", met(sqlite3.SQLITE_CANTOPEN, "unable to open"))
    assert error.reason.startswith("it cannot be opened")


def test_errors_not_from_sqlite_keep_their_own_words(path: Path) -> None:
    assert unusable(path, OverflowError("too large")).reason == "too large"
    assert unusable(path, ZeroDivisionError()).reason == "ZeroDivisionError()"


def test_damage_has_its_own_error_because_retrying_is_useless(path: Path) -> None:
    assert isinstance(unusable(path, met(sqlite3.SQLITE_CORRUPT_INDEX, "malformed")), DatabaseDamaged)
    assert isinstance(damaged(path, ValueError("no time")), DatabaseDamaged)
    assert not isinstance(unusable(path, met(sqlite3.SQLITE_IOERR_READ, "disk I/O error")), DatabaseDamaged)
    assert not is_passing(met(sqlite3.SQLITE_CORRUPT, "malformed"))
    assert is_passing(met(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"))


def test_a_removed_file_is_explained_with_a_way_to_keep_the_lines(path: Path) -> None:
    assert "removed or replaced" in str(gone(path))
    assert "restart" in gone(path).remedy


def test_a_read_only_file_is_refused(path: Path) -> None:
    path.touch(mode=0o400)
    path.chmod(0o400)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write anything")
    with pytest.raises(DatabaseUnusable, match="read-only"):
        refuse_read_only(path)
