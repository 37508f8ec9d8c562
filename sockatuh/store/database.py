"""The room's database file: how it is opened, and the one thread that writes to it.

Many read, one writes: SQLite's write-ahead log lets readers continue while the writer commits, and a single writer
never waits for a lock. The jobs that arrive during one commit make up the next transaction. So the expensive part,
waiting for the disk, is shared by all of them, and a job that arrives alone waits for nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import quote

from sockatuh.errors import DatabaseUnusable, KeyFileError, RowUnreadable, StoreError

from .bell import Bell
from .files import create_private, ensure_private_directory
from .log_identity import check_log_id, close_in_order, find_boot_id
from .migrations import migrate, refuse_newer
from .sqlite_errors import damaged, gone, refuse_read_only, unusable

Synchronous = Literal["full", "normal"]
Job = TypeVar("Job")
Done = TypeVar("Done")
T = TypeVar("T")

MAX_BATCH: Final = 1024
"""The most jobs in one transaction; it bounds how long the first of them waits."""
_FREED_AT_ONCE: Final = 64
_BUSY_TIMEOUT: Final = 5.0
_PATIENCE_MS: Final = 1_000
"""Milliseconds the writer waits for another program's lock before it reports a failure; the jobs are retried."""
_WAKE_INTERVAL: Final = 1.0
_NORMAL: Final = ("PRAGMA synchronous = NORMAL", "PRAGMA fullfsync = OFF", "PRAGMA checkpoint_fullfsync = OFF")
_WRITER_PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # on macOS a plain fsync stops at the disk's cache; elsewhere this changes nothing
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA journal_size_limit = 67108864",  # a long reader makes the write-ahead log grow; then it shrinks to 64 MiB
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # zeros where a row was, as far as the page is written anyway (striking.py)
    "PRAGMA cache_size = -16000",  # 16 MB: ids are random, so inserting touches pages all over their index
)


def wall_clock() -> int:
    """Return the time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as DatabaseUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def open_writer(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """Open the database for its one writer; create it (0600, in a 0700 directory) or migrate it if necessary.

    A log that may have been set back gets a new id. Raises DatabaseTooNew or DatabaseUnusable. The connection may be
    used in another thread.
    """
    try:
        ensure_private_directory(path.parent)
        if not os.path.exists(path):
            create_private(path, b"")
        refuse_read_only(path)
    except KeyFileError as error:
        raise DatabaseUnusable(error.path, error.reason) from error
    with explained(path):
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path, synchronous)
            connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        except BaseException:
            connection.close()
            raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, synchronous: Synchronous) -> None:
    refuse_newer(connection, path)
    if path.stat().st_size == 0:  # has no effect once the file has a header
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise DatabaseUnusable(str(path), "this file system cannot hold a write-ahead log")
    for pragma in _WRITER_PRAGMAS:
        connection.execute(pragma)
    migrate(connection, path)
    check_log_id(connection, find_boot_id(), durable=synchronous == "full")
    for pragma in _NORMAL if synchronous == "normal" else ():
        connection.execute(pragma)


def database_uri(path: Path, *options: str) -> str:
    """Return the URI under which SQLite opens the file.

    `Path.as_uri` does the same, but imports modules when called, which a process confined to a directory cannot.
    """
    return f"file:{quote(str(path.absolute()))}?{'&'.join(options)}"


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Open the database read-only, even while another process writes; the connection may be used in other threads.

    `immutable`: nobody writes the file, so nothing is created beside it. Raises DatabaseTooNew or DatabaseUnusable.
    """
    uri = database_uri(path, "mode=ro", *(["immutable=1"] if immutable else []))
    with explained(path):
        connection = sqlite3.connect(
            uri, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            refuse_newer(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_as_it_is(path: Path) -> sqlite3.Connection:
    """Open read-only; a file without a write-ahead log can be opened even in a directory that is not writable."""
    try:
        return open_reader(path)
    except DatabaseUnusable:
        if os.path.exists(f"{path}-wal"):
            raise
        return open_reader(path, immutable=True)


def free_pages(connection: sqlite3.Connection) -> int:
    """Return some unused pages to the file system; return how many, 0 if there were none.

    One page per statement: Python steps `PRAGMA incremental_vacuum(N)` only once, which frees one page whatever N is.
    """
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    count = min(free, _FREED_AT_ONCE)
    for _ in range(count):
        connection.execute("PRAGMA incremental_vacuum(1)")
    return count


class Readers:
    """A pool of read-only connections, one for each thread that reads at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads from a connection; it must leave no cursor open. Raises StoreError."""
        connection = self._take()
        try:
            with explained(self._path):
                answer = work(connection)
        except (TypeError, ValueError, RowUnreadable) as error:
            connection.close()
            raise damaged(self._path, error) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return answer

    def stream(self, work: Callable[[sqlite3.Connection], Iterator[T]]) -> Iterator[T]:
        """Yield what `work` reads, from a connection of its own. Raises StoreError."""
        with closing(open_reader(self._path)) as connection:
            try:
                with explained(self._path):
                    yield from work(connection)
            except (TypeError, ValueError, RowUnreadable) as error:
                raise damaged(self._path, error) from error

    def close(self) -> None:
        """Close idle connections now, and those in use when they are returned."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise DatabaseUnusable(str(self._path), "closed")
            if self._idle:
                return self._idle.pop()
        return open_reader(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _files(names: tuple[str, str]) -> tuple[tuple[int, int] | None, ...]:
    """Identify the files that now have the names of the database and of its write-ahead log."""
    database, wal = names
    return _inode(database), _inode(wal)


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Writer(Generic[Job, Done]):
    """One thread that runs all queued jobs in one transaction and passes on their results together.

    `run` does a batch of jobs inside the transaction. If it or the commit raises, the transaction is rolled back and
    `fail` supplies the results instead. `finish` gets the results after the commit, in the order of the jobs. `rest` is
    called when a batch is done, and about once a second when there is none. All four are called in the thread, which
    survives every error in a job.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        run: Callable[[sqlite3.Connection, list[Job]], list[Done]],
        fail: Callable[[list[Job], StoreError], list[Done]],
        finish: Callable[[list[Done]], None],
        rest: Callable[[], None],
    ) -> None:
        self._path = path
        self._connection = connection
        self._names = (str(path), f"{path}-wal")
        self._files = _files(self._names)
        self._run, self._fail, self._finish, self._rest = run, fail, finish, rest
        self._waiting: deque[Job] = deque()
        self._bell = Bell()
        self._gate = threading.Lock()
        self._closed = False
        self.timed: Callable[[float], None] = lambda _: None
        """Told, in the thread, how many seconds each transaction took."""
        self.answered_at = time.monotonic()
        """When the thread was last idle or finished a batch, in monotonic seconds; a live thread's is recent."""
        self._thread = threading.Thread(target=self._serve, name="sockatuh-writer", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: Job, *, wake: bool = True) -> None:
        """Queue a job and return at once; raises DatabaseUnusable after `close`.

        Without `wake`, the job waits for the next call that wakes the thread: woken once for many jobs, the thread puts
        them in one transaction instead of two, one of which has only the first.
        """
        with self._gate:
            if self._closed:
                raise DatabaseUnusable(str(self._path), "closed")
            self._waiting.append(job)
        if wake:
            self._bell.ring()

    def wake(self) -> None:
        """Make the thread process what is queued."""
        if self._waiting:
            self._bell.ring()

    def close(self) -> None:
        """Commit what is queued, close the connection and wait for the thread to end."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._bell.ring()
        self._thread.join()

    def _serve(self) -> None:
        last = False
        while not last:
            jobs, last = self._collect()
            if jobs:
                began_at = time.monotonic()
                done = self._commit(jobs)
                self.timed(time.monotonic() - began_at)
                self._finish(done)
            self._rest()
            self.answered_at = time.monotonic()
        self._bell.close()
        close_in_order(self._connection)

    def _collect(self) -> tuple[list[Job], bool]:
        """Wait a moment to be woken and take the queued jobs; also tell whether they are the last ones."""
        self._bell.wait(_WAKE_INTERVAL)
        closed = self._closed  # read before the jobs are counted: none is queued after it is set
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        if self._waiting:
            self._bell.ring()
        return jobs, closed and not self._waiting

    def _commit(self, jobs: list[Job]) -> list[Done]:
        try:
            return self._transact(jobs)
        except Exception as error:  # whatever is wrong with this batch, the next one must be written
            return self._fail(jobs, error if isinstance(error, StoreError) else unusable(self._path, error))

    def _transact(self, jobs: list[Job]) -> list[Done]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = self._run(connection, jobs)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if _files(self._names) != self._files:  # this commit is lost as soon as the file is closed
            raise gone(self._path)
        return done
