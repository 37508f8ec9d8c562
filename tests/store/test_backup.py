"""A room in one file: complete, private, and a snapshot of one moment even during writes."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store.lines import entry

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable, KeyFileError
from sockatuh.store.backup import KEY_FILES, Contents, is_own, make_backup, read_keys
from sockatuh.store.database import open_reader, open_writer
from sockatuh.store.log_identity import COPIED, find_mark
from sockatuh.store.log_table import append_all, read_between, read_span
from sockatuh.store.migrations import STEPS

AT = 1_769_853_120_000
MOMENT = "2026-01-31T09:52:00.000Z"


@pytest.fixture(name="state")
def _state(tmp_path: Path) -> Path:
    """A directory with keys in it."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for name in KEY_FILES:
        (state / name).touch(0o600)
        (state / name).write_bytes(name.encode())
    return state


@pytest.fixture(name="room")
def _room(state: Path) -> Iterator[sqlite3.Connection]:
    """A room whose server runs, with three lines said and one of them deleted."""
    with closing(open_writer(state / "room.db", "normal")) as connection:
        say(connection, 1, 2, 3)
        connection.execute("DELETE FROM log WHERE seq = 3")
        yield connection


def say(connection: sqlite3.Connection, *numbers: int) -> None:
    lines = [entry(number, text=f"line {number}") for number in numbers]
    append_all(connection, lines, AT, frozenset())


@pytest.mark.usefixtures("room")
def test_a_backup_holds_the_log_and_the_keys(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "room.backup"
    assert make_backup(state / "room.db", file, replace=False) == Contents(2, 3, MOMENT, keys=True)
    with closing(open_reader(file)) as copy, closing(open_reader(state / "room.db")) as log:
        assert read_span(copy) == read_span(log)
        assert read_between(copy, 0, 9, 9) == read_between(log, 0, 9, 9)
        assert read_keys(copy) == {name: name.encode() for name in KEY_FILES}
        assert find_mark(copy, COPIED)
    assert b"line 3" not in file.read_bytes(), "what was deleted is not carried about"


@pytest.mark.usefixtures("room")
def test_a_backup_is_one_private_file_and_leaves_nothing_else(state: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_backup(state / "room.db", tmp_path / "room.backup", replace=False)
    finally:
        os.umask(before)
    assert sorted(os.listdir(tmp_path)) == ["room.backup", "state"]
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "room.backup").stat().st_mode) == 0o600


def test_a_backup_is_a_snapshot_and_blocks_no_writer(room: sqlite3.Connection, state: Path, tmp_path: Path) -> None:
    room.execute("BEGIN IMMEDIATE")
    say(room, 4)
    found = make_backup(state / "room.db", tmp_path / "one", replace=False)
    room.execute("COMMIT")
    assert found.last == 3, "what is not committed is not there"
    assert make_backup(state / "room.db", tmp_path / "two", replace=False).last == 4


def test_a_stopped_or_read_only_room_can_be_backed_up(state: Path, tmp_path: Path) -> None:
    connection = open_writer(state / "room.db", "full")
    say(connection, 1)
    connection.close()
    assert make_backup(state / "room.db", tmp_path / "one", replace=False).entries == 1


def test_an_empty_room_without_keys_can_be_copied(tmp_path: Path) -> None:
    open_writer(tmp_path / "state/room.db", "full").close()
    found = make_backup(tmp_path / "state/room.db", tmp_path / "file", replace=False)
    assert found == Contents(0, 0, None, keys=False)


@pytest.mark.usefixtures("room")
def test_an_existing_file_is_replaced_only_when_allowed(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(FileExistsError):
        make_backup(state / "room.db", file, replace=False)
    assert file.read_text() == "precious"
    make_backup(state / "room.db", file, replace=True)
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert sorted(os.listdir(tmp_path)) == ["file", "state"]


@pytest.mark.usefixtures("room")
def test_without_hard_links_an_existing_file_is_not_replaced(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    make_backup(state / "room.db", tmp_path / "file", replace=False)
    with pytest.raises(FileExistsError, match="already"):
        make_backup(state / "room.db", tmp_path / "file", replace=False)
    assert sorted(os.listdir(tmp_path)) == ["file", "state"]


@pytest.mark.parametrize("name", ["room.db", "room.db-wal", "room.db-shm", "server.key", "ticket.keys", "room.lock"])
def test_the_rooms_own_files_are_recognised_by_any_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "state")
    assert is_own(tmp_path / "way" / name, tmp_path / "state" / "room.db")
    assert not is_own(tmp_path / name, tmp_path / "state" / "room.db")
    assert not is_own(tmp_path / "state" / f"my-{name}", tmp_path / "state" / "room.db")


def test_a_damaged_room_is_not_backed_up(state: Path, tmp_path: Path) -> None:
    connection = open_writer(state / "room.db", "full")
    say(connection, *range(1, 200))
    connection.close()
    database = state / "room.db"
    data = bytearray(database.read_bytes())
    data[8_192:] = bytes(len(data) - 8_192)
    database.write_bytes(data)
    with pytest.raises(DatabaseUnusable, match=r"room\.db") as damaged:
        make_backup(database, tmp_path / "file", replace=False)
    assert damaged.value.path == str(database)
    assert os.listdir(tmp_path) == ["state"]


def test_a_newer_room_is_not_backed_up(state: Path, tmp_path: Path) -> None:
    with closing(open_writer(state / "room.db", "full")) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(DatabaseTooNew):
        make_backup(state / "room.db", tmp_path / "file", replace=False)
    assert os.listdir(tmp_path) == ["state"]


@pytest.mark.usefixtures("room")
def test_a_file_that_cannot_be_written_is_named(state: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        make_backup(state / "room.db", tmp_path / "nowhere" / "file", replace=False)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
@pytest.mark.usefixtures("room")
def test_a_key_readable_by_others_is_not_backed_up(state: Path, tmp_path: Path) -> None:
    (state / "server.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod"):
        make_backup(state / "room.db", tmp_path / "file", replace=False)
