"""A backup that is read from its open files (sockatuh/store/sources.py)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import BinaryIO

import pytest

from sockatuh.errors import DatabaseUnusable
from sockatuh.store.sources import Sources

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows has no root"),
    # Only a process that ends right afterwards reads like this: it closes nothing.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "backup.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE lines (text)")
        connection.execute("INSERT INTO lines VALUES ('kept')")
    connection.close()
    return file


def lines_of(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [text for (text,) in connection.execute("SELECT text FROM lines")]
    finally:
        connection.close()


def test_the_copy_is_complete_private_and_removed_at_the_end(file: Path, tmp_path: Path) -> None:
    with Sources(file).copied_to(tmp_path / "copy") as copy:
        assert copy.stat().st_mode & 0o077 == 0
        assert lines_of(copy) == ["kept"]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_write_ahead_log_is_copied_too(file: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(file, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("INSERT INTO lines VALUES ('not moved yet')")
        with Sources(file).copied_to(tmp_path / "copy") as copy:
            assert lines_of(copy) == ["kept", "not moved yet"]
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy")]
    finally:
        writer.close()


def test_a_file_that_changes_meanwhile_is_refused_and_no_copy_is_left(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_as_it_is = shutil.copyfileobj

    def write_meanwhile(source: BinaryIO, copy: BinaryIO) -> None:
        copy_as_it_is(source, copy)
        with open(file, "ab") as database:
            database.write(b"more")

    monkeypatch.setattr(shutil, "copyfileobj", write_meanwhile)
    with pytest.raises(DatabaseUnusable, match="a server writes to it"), Sources(file).copied_to(tmp_path / "copy"):
        pytest.fail("it was given out")
    assert not (tmp_path / "copy").exists()


def test_replacing_the_file_after_opening_has_no_effect(file: Path, tmp_path: Path) -> None:
    sources = Sources(file)
    file.unlink()
    file.symlink_to("/etc/passwd")
    with sources.copied_to(tmp_path / "copy") as copy:
        assert lines_of(copy) == ["kept"]


def test_a_link_in_its_place_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(file)
    with pytest.raises(DatabaseUnusable, match="it is a link"):
        Sources(tmp_path / "link.db")


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "there is no such file"), (b"", "not a database"), (b"root:x:0:0", "not a database")]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "other").write_bytes(content)
    with pytest.raises(DatabaseUnusable, match=reason):
        Sources(tmp_path / "other")
