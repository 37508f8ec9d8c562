from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable, StoreError
from sockatuh.store.database import MAX_BATCH, Readers, Writer, explained, free_pages, open_reader, open_writer

Insert = int
"""A job of these tests: insert this number; a negative one fails."""


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "room.db"


class Desk:
    """A writer of numbers, and what it answered: a list for each batch."""

    def __init__(self, path: Path) -> None:
        connection = open_writer(path, "full")
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number)")
        self.batches: list[list[str]] = []
        self.answered = threading.Event()
        self.rested = threading.Event()
        self.writer: Writer[Insert, str] = Writer(
            path, connection, run=self.run, fail=self.fail, finish=self.finish, rest=self.rested.set
        )
        self.free = threading.Event()
        self.free.set()

    def run(self, connection: sqlite3.Connection, jobs: list[Insert]) -> list[str]:
        assert self.free.wait(10)
        connection.executemany("INSERT INTO numbers VALUES (?)", [(job,) for job in jobs])
        if min(jobs) < 0:
            raise OSError("negative")
        return [f"done {job}" for job in jobs]

    def fail(self, jobs: list[Insert], error: StoreError) -> list[str]:
        return [f"{error}: {job}" for job in jobs]

    def finish(self, done: list[str]) -> None:
        self.batches.append(done)
        self.answered.set()


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    desk = Desk(path)
    yield desk
    desk.writer.close()


def numbers(path: Path) -> list[int]:
    with closing(open_reader(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM numbers ORDER BY rowid")]


def test_a_new_database_is_durable_shrinkable_and_readable_while_written(path: Path) -> None:
    with closing(open_writer(path, "full")) as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "auto_vacuum") == 2
        assert pragma(connection, "synchronous") == 2
        assert pragma(connection, "busy_timeout") == 1000
    with closing(open_writer(path, "normal")) as connection:
        assert pragma(connection, "auto_vacuum") == 2
        assert pragma(connection, "synchronous") == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_the_database_and_what_lies_beside_it_are_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(open_writer(path, "full")) as connection:
            connection.execute("CREATE TABLE t (a)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"room.db": 0o600, "room.db-wal": 0o600, "room.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("reopen", [lambda path: open_writer(path, "full"), open_reader])
def test_a_newer_database_is_refused(path: Path, reopen: Callable[[Path], object]) -> None:
    with closing(open_writer(path, "full")) as connection:
        connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(DatabaseTooNew, match="1000"):
        reopen(path)


@pytest.mark.parametrize("reopen", [lambda path: open_writer(path, "full"), open_reader])
def test_a_file_that_is_no_database_is_refused_with_the_reason(path: Path, reopen: Callable[[Path], object]) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"a letter to my aunt, much longer than a header" * 100)
    with pytest.raises(DatabaseUnusable, match=r"room\.db: file is not a database"):
        reopen(path)


def test_a_directory_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(DatabaseUnusable, match=r"File exists|Not a directory"):
        open_writer(tmp_path / "state" / "deeper" / "room.db", "full")


def test_reading_creates_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="unable to open"):
        open_reader(tmp_path / "room.db")
    assert os.listdir(tmp_path) == []


def test_a_reader_cannot_write(path: Path) -> None:
    open_writer(path, "full").close()
    with (
        closing(open_reader(path)) as connection,
        pytest.raises(DatabaseUnusable, match="read-only"),
        explained(path),
    ):
        connection.execute("DELETE FROM log")


@pytest.mark.parametrize("name", ["100%", "what?mode=rwc", "a#b", "ü 文"])
def test_a_path_with_any_characters_can_be_read(tmp_path: Path, name: str) -> None:
    open_writer(tmp_path / name / "room.db", "full").close()
    with closing(open_reader(tmp_path / name / "room.db")) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_unused_pages_are_freed(path: Path) -> None:
    with closing(open_writer(path, "full")) as connection:
        connection.execute("CREATE TABLE big (a)")
        connection.executemany("INSERT INTO big VALUES (?)", [("x" * 4000,)] * 100)
        connection.execute("DELETE FROM big")
        pages = pragma(connection, "freelist_count")
        freed = [free_pages(connection) for _ in range(3)]
        assert sum(freed) == pages
        assert freed[-1] == 0
        assert pragma(connection, "freelist_count") == 0


def test_readers_see_only_committed_rows(path: Path) -> None:
    def count(connection: sqlite3.Connection) -> int:
        found: int = connection.execute("SELECT count(*) FROM meta").fetchone()[0]
        return found

    readers = Readers(path)
    with closing(open_writer(path, "full")) as writer, closing(readers):
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO meta VALUES ('x', 1)")
        assert readers.read(count) == 1
        writer.execute("COMMIT")
        assert readers.read(count) == 2


def test_readers_survive_an_error_and_end_with_close(path: Path) -> None:
    open_writer(path, "full").close()
    readers = Readers(path)
    with pytest.raises(DatabaseUnusable, match="no such table"):
        readers.read(lambda connection: connection.execute("SELECT * FROM nowhere"))
    assert readers.read(lambda connection: connection.execute("SELECT 1").fetchall()) == [(1,)]
    readers.close()
    with pytest.raises(DatabaseUnusable, match="closed"):
        readers.read(lambda connection: connection.execute("SELECT 1").fetchall())


def test_a_read_still_running_at_close_finishes(path: Path) -> None:
    open_writer(path, "full").close()
    readers = Readers(path)

    def read(connection: sqlite3.Connection) -> list[tuple[int]]:
        readers.close()
        return connection.execute("SELECT 1").fetchall()

    assert readers.read(read) == [(1,)]


def test_jobs_queued_during_a_commit_form_the_next_batch(desk: Desk, path: Path) -> None:
    desk.free.clear()
    desk.writer.put(0)
    for job in range(1, 100):
        desk.writer.put(job)
    desk.free.set()
    desk.writer.close()
    assert list(itertools.chain(*desk.batches)) == [f"done {job}" for job in range(100)]
    assert len(desk.batches) <= 2
    assert numbers(path) == list(range(100))


def test_jobs_put_without_waking_wait_for_one_transaction(desk: Desk, path: Path) -> None:
    for job in range(50):
        desk.writer.put(job, wake=False)
    desk.writer.wake()
    desk.writer.close()
    assert [len(batch) for batch in desk.batches] == [50]
    assert numbers(path) == list(range(50))


def test_close_commits_jobs_put_without_waking(desk: Desk, path: Path) -> None:
    desk.writer.put(7, wake=False)
    desk.writer.close()
    assert numbers(path) == [7]


def test_a_batch_is_bounded(desk: Desk) -> None:
    desk.free.clear()
    for job in range(2 * MAX_BATCH + 10):
        desk.writer.put(job)
    desk.free.set()
    desk.writer.close()
    assert max(map(len, desk.batches)) <= MAX_BATCH
    assert sum(map(len, desk.batches)) == 2 * MAX_BATCH + 10


def test_a_failed_batch_is_rolled_back_and_the_next_one_committed(desk: Desk, path: Path) -> None:
    desk.writer.put(-1)
    assert desk.answered.wait(10)
    desk.writer.put(7)
    desk.writer.close()
    assert desk.batches == [[f"{path}: negative: -1"], ["done 7"]]
    assert numbers(path) == [7]


def test_close_commits_queued_jobs_and_refuses_later_ones(desk: Desk, path: Path) -> None:
    for job in range(10):
        desk.writer.put(job)
    desk.writer.close()
    desk.writer.close()
    assert numbers(path) == list(range(10))
    with pytest.raises(DatabaseUnusable, match="closed"):
        desk.writer.put(10)


def test_the_writer_reports_when_it_last_finished_a_job(desk: Desk) -> None:
    before = desk.writer.answered_at
    desk.writer.put(1)
    desk.writer.close()
    assert before < desk.writer.answered_at <= time.monotonic()


def test_the_writer_rests_after_a_batch_and_about_once_a_second(desk: Desk) -> None:
    assert desk.rested.wait(10), "without a job, too"
    desk.rested.clear()
    desk.writer.put(1)
    desk.writer.close()
    assert desk.rested.is_set()


def test_closing_leaves_one_file(desk: Desk, path: Path) -> None:
    desk.writer.put(1)
    desk.writer.close()
    assert os.listdir(path.parent) == ["room.db"]


def test_opening_an_up_to_date_room_writes_nothing(path: Path) -> None:
    open_writer(path, "full").close()
    before = path.read_bytes()
    with closing(open_writer(path, "full")) as connection:
        assert pragma(connection, "user_version")
        assert os.stat(f"{path}-wal").st_size == 0
    assert path.read_bytes() == before
