"""Restoring a room: a new log id, the same server, and nothing deleted."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from store.lines import entry

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable
from sockatuh.room.entries import Message
from sockatuh.room.log import Lineage
from sockatuh.store.backup import KEY_FILES, make_backup
from sockatuh.store.database import open_reader, open_writer
from sockatuh.store.files import lock_directory
from sockatuh.store.history import HistoryReader, SessionRecorder
from sockatuh.store.log_identity import BOOT, COPIED, KEPT_FILES, find_mark, read_lineage
from sockatuh.store.log_table import append_all, read_between, read_span
from sockatuh.store.migrations import STEPS
from sockatuh.store.restore import restore_backup
from sockatuh.store.roomlog import RoomLog

EARLY, LATE = 1_769_853_120_000, 1_769_853_180_000


class Place:
    """A state directory, and operations on it."""

    def __init__(self, directory: Path, key: str = "the key") -> None:
        self.directory, self.database = directory, directory / "room.db"
        directory.mkdir(mode=0o700)
        for name in KEY_FILES:
            (directory / name).touch(0o600)
            (directory / name).write_text(f"{name}: {key}")

    def say(self, *numbers: int) -> None:
        lines = [entry(number, text=f"line {number}") for number in numbers]
        with closing(open_writer(self.database, "normal")) as connection:
            append_all(connection, lines, EARLY, frozenset())

    def texts(self) -> list[str]:
        with closing(open_reader(self.database)) as connection:
            bodies = [row.body for row in read_between(connection, 0, 99, 99).rows]
            return [body.text for body in bodies if isinstance(body, Message)]

    def log_id(self) -> bytes:
        with closing(open_reader(self.database)) as connection:
            return read_span(connection).log_id

    def files(self) -> list[str]:
        return sorted(os.listdir(self.directory))


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Place:
    """A room with three lines, and a backup of it with two."""
    place = Place(tmp_path / "state")
    place.say(1, 2)
    with closing(open_writer(place.database, "full")) as connection:
        connection.execute(
            "INSERT INTO sessions (opened, name, owner, address, dialect, version, transient) "
            "VALUES ('2026-01-31T09:51:00.000Z', 'ana', 'k', '10.0.0.1:5', 'secure', '1', 0)"
        )
    make_backup(place.database, tmp_path / "backup", replace=False)
    place.say(3)
    return place


def test_a_restored_log_has_the_backups_entries_and_a_new_id(place: Place, tmp_path: Path) -> None:
    before = place.log_id()
    done = restore_backup(tmp_path / "backup", place.database)
    assert (done.contents.entries, done.contents.last) == (2, 2)
    assert place.texts() == ["line 1", "line 2"]
    assert place.log_id() != before
    renewed = place.log_id()
    open_writer(place.database, "full").close()
    assert place.log_id() == renewed, "once is enough"


def test_the_replaced_database_is_kept_under_a_dated_name(place: Place, tmp_path: Path) -> None:
    done = restore_backup(tmp_path / "backup", place.database)
    [kept] = done.kept
    assert kept.name.startswith("room.db.before-20")
    kept.rename(place.database)
    assert place.texts() == ["line 1", "line 2", "line 3"]


def test_the_old_databases_wal_files_move_with_it(place: Place, tmp_path: Path) -> None:
    copied = tmp_path / "killed"
    copied.mkdir(mode=0o700)
    connection = open_writer(place.database, "full")
    append_all(connection, [entry(4, text="line 4")], EARLY, frozenset())
    for name in ("room.db", "room.db-wal"):
        (copied / name).write_bytes((place.directory / name).read_bytes())
    connection.close()
    database = copied / "room.db"
    [kept, *_] = restore_backup(tmp_path / "backup", database).kept
    with closing(open_writer(kept, "full")) as old, closing(open_reader(database)) as new:
        assert read_span(old).last == 4
        assert read_span(new).last == 2


def test_two_restores_within_one_second_keep_both_databases(place: Place, tmp_path: Path) -> None:
    kept = [path for _ in range(3) for path in restore_backup(tmp_path / "backup", place.database).kept]
    assert len(set(kept)) == 3
    assert all(path.exists() for path in kept)


def test_open_sessions_are_closed_at_the_time_of_the_backup(place: Place, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "backup")) as copy:
        copied = find_mark(copy, COPIED)
    restore_backup(tmp_path / "backup", place.database)
    with closing(open_reader(place.database)) as connection:
        assert connection.execute("SELECT closed, reason FROM sessions").fetchall() == [(copied, "server_lost")]
    [session] = HistoryReader(place.database).joins(None, None, 10)
    assert session.closed is not None


def lineage_of(database: Path) -> Lineage:
    with closing(open_reader(database)) as connection:
        return read_lineage(connection)


def test_a_restored_log_knows_its_own_and_the_replaced_logs_ids(place: Place, tmp_path: Path) -> None:
    first = place.log_id()
    restore_backup(tmp_path / "backup", place.database)
    second = place.log_id()
    assert lineage_of(place.database) == Lineage(second, 2, {first: 2})
    place.say(5, 6, 7)
    make_backup(place.database, tmp_path / "later", replace=False)
    restore_backup(tmp_path / "backup", place.database)
    third = place.log_id()
    assert lineage_of(place.database) == Lineage(third, 2, {first: 2, second: 2})
    restore_backup(tmp_path / "later", place.database)
    assert lineage_of(place.database) == Lineage(place.log_id(), 5, {first: 2, second: 5, third: 2})


def test_a_restore_after_a_killed_one_uses_the_database_it_moved_away(place: Place, tmp_path: Path) -> None:
    restore_backup(tmp_path / "backup", place.database)
    meanwhile = place.log_id()
    place.database.rename(place.directory / "room.db.before-99990101T000000Z")
    restore_backup(tmp_path / "backup", place.database)
    assert lineage_of(place.database).former[meanwhile] == 2


def open_session(database: Path, cid: int | None, address: str, closed: str | None = None) -> None:
    with closing(open_writer(database, "full")) as connection:
        connection.execute(
            "INSERT INTO sessions (cid, opened, closed, name, owner, address, dialect, version, transient) "
            "VALUES (?, '2026-01-31T09:51:00.000Z', ?, 'ana', 'k', ?, 'secure', '1', 0)",
            (cid, closed, address),
        )


def to_wake(database: Path) -> list[tuple[int | None, str]]:
    """Return the sessions that the next server resets; it is started twice, as after a kill."""
    woken: list[list[tuple[int | None, str]]] = []
    for _ in range(2):
        log = RoomLog.open(database, synchronous="full", volatile_kinds=frozenset(), on_error=lambda _: None)
        with closing(log):
            recorder = SessionRecorder(log)
            woken.append([(lost.cid, lost.address) for lost in recorder.lost_sessions()])
    with closing(
        RoomLog.open(database, synchronous="full", volatile_kinds=frozenset(), on_error=lambda _: None)
    ) as log:
        SessionRecorder(log).close_lost()
        log.call(lambda _: None)
        assert SessionRecorder(log).lost_sessions() == []
    assert woken[0] == woken[1]
    return woken[0]


def test_sessions_of_the_replaced_log_are_reset_at_the_next_start(place: Place, tmp_path: Path) -> None:
    open_session(place.database, 77, "10.0.0.7:7")
    open_session(place.database, 78, "10.0.0.8:8", closed="2026-01-31T09:52:00.000Z")
    open_session(place.database, None, "10.0.0.9:9")
    restore_backup(tmp_path / "backup", place.database)
    restore_backup(tmp_path / "backup", place.database)
    assert to_wake(place.database) == [(77, "10.0.0.7:7")], "also if the first backup was the wrong one"
    assert [session.reason for session in HistoryReader(place.database).joins(None, None, 10)] == ["server_lost"]


def test_on_a_new_disk_the_backups_sessions_are_reset(place: Place, tmp_path: Path) -> None:
    open_session(place.database, 77, "10.0.0.7:7")
    make_backup(place.database, tmp_path / "later", replace=False)
    restore_backup(tmp_path / "later", tmp_path / "new" / "room.db")
    assert to_wake(tmp_path / "new" / "room.db") == [(77, "10.0.0.7:7")]


@pytest.mark.parametrize("damage", [b"", b"x" * 9_000])
def test_an_unreadable_database_is_replaced_and_the_reason_reported(
    place: Place, tmp_path: Path, damage: bytes
) -> None:
    first = place.log_id()
    place.database.write_bytes(damage)
    done = restore_backup(tmp_path / "backup", place.database)
    assert done.unreadable
    assert place.texts() == ["line 1", "line 2"]
    assert lineage_of(place.database).former == {first: 2}


def test_no_temporary_copy_is_left_behind(place: Place, tmp_path: Path) -> None:
    restore_backup(tmp_path / "backup", place.database)
    with closing(open_reader(place.database)) as connection:
        assert (find_mark(connection, COPIED), find_mark(connection, BOOT)) == (None, None)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (KEPT_FILES,)).fetchall()
    assert b"server.key: the key" not in place.database.read_bytes(), "it has its own file"
    assert [name for name in place.files() if name.startswith(".")] == []
    if os.name == "posix":
        assert stat.S_IMODE(place.database.stat().st_mode) == 0o600


def test_on_a_new_disk_the_servers_key_is_restored(place: Place, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = restore_backup(tmp_path / "backup", new / "room.db")
    assert done.kept == ()
    for name in KEY_FILES:
        assert (new / name).read_bytes() == (place.directory / name).read_bytes()
        if os.name == "posix":
            assert stat.S_IMODE((new / name).stat().st_mode) == 0o600


def test_a_key_made_meanwhile_is_replaced_and_kept_aside(place: Place, tmp_path: Path) -> None:
    new = Place(tmp_path / "new", "made by init")
    done = restore_backup(tmp_path / "backup", new.database)
    assert sorted(path.name.split(".before-")[0] for path in done.kept) == sorted(KEY_FILES)
    assert (new.directory / "server.key").read_text() == "server.key: the key"
    assert {path.read_text().split(": ")[1] for path in done.kept} == {"made by init"}
    assert place.texts()


def test_newer_ticket_keys_of_the_same_server_are_kept(place: Place, tmp_path: Path) -> None:
    (place.directory / "ticket.keys").write_text("today's")
    restore_backup(tmp_path / "backup", place.database)
    assert (place.directory / "ticket.keys").read_text() == "today's"


def test_restoring_a_plain_database_leaves_the_keys_alone(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other", "another key")
    other.say(7)
    before = other.log_id()
    restore_backup(other.database, place.database)
    assert place.texts() == ["line 7"]
    assert place.log_id() != before
    assert (place.directory / "server.key").read_text() == "server.key: the key"
    assert other.texts() == ["line 7"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_files_restored_by_root_belong_to_the_servers_user(place: Place, tmp_path: Path) -> None:
    (place.directory / "server.key").unlink()
    for path in (place.directory, *place.directory.iterdir()):
        os.chown(path, 4711, 4712)
    restore_backup(tmp_path / "backup", place.database)
    owners = {name: (place.directory / name).stat() for name in ("room.db", "server.key", "room.lock")}
    assert {name: (owner.st_uid, owner.st_gid) for name, owner in owners.items()} == dict.fromkeys(owners, (4711, 4712))


def test_restore_changes_nothing_while_a_server_runs(place: Place, tmp_path: Path) -> None:
    with lock_directory(place.directory):
        before = place.files()
        with pytest.raises(DatabaseUnusable, match="already") as running:
            restore_backup(tmp_path / "backup", place.database)
        assert running.value.path == str(place.directory)
        assert "stop" in running.value.remedy
        assert place.files() == before
    assert place.texts() == ["line 1", "line 2", "line 3"]


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 5_000)


def spoil(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4_096:12_288] = os.urandom(8_192)
    file.write_bytes(data)


def make_another_thing(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name)")


def fill_with(data: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(data)


@pytest.mark.parametrize(
    "ruin", [cut_short, spoil, make_another_thing, Path.unlink, fill_with(b""), fill_with(b"x" * 9_000)]
)
def test_an_incomplete_backup_is_refused_and_nothing_changes(
    place: Place, tmp_path: Path, ruin: Callable[[Path], object]
) -> None:
    backup = tmp_path / "backup"
    ruin(backup)
    before, log_id = place.files(), place.log_id()
    with pytest.raises(DatabaseUnusable) as refused:
        restore_backup(backup, place.database)
    assert refused.value.path == str(backup)
    assert set(place.files()) - {"room.db-wal", "room.db-shm", "room.lock"} == set(before) - {"room.lock"}
    assert (place.log_id(), place.texts()[-1]) == (log_id, "line 3")


def test_a_newer_backup_is_refused_and_an_older_one_migrated(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (*STEPS, ("CREATE TABLE later (a)",))
    monkeypatch.setattr("sockatuh.store.migrations.STEPS", later)
    restore_backup(tmp_path / "backup", place.database)
    with closing(open_reader(place.database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(later),)
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
    make_backup(place.database, tmp_path / "newer", replace=False)
    monkeypatch.undo()
    with pytest.raises(DatabaseTooNew):
        restore_backup(tmp_path / "newer", place.database)


def test_a_backup_copied_by_hand_gets_a_new_log_id(place: Place, tmp_path: Path) -> None:
    before = place.log_id()
    place.database.write_bytes((tmp_path / "backup").read_bytes())
    place.say(4)
    assert place.texts() == ["line 1", "line 2", "line 4"]
    assert place.log_id() != before
    assert b"server.key: the key" not in place.database.read_bytes()
