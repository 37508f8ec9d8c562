"""The room's log on disk: appended to in order, each entry once, and read from anywhere.

An append returns at once; what became of it comes to `deliver`, in the order of the appends, once per commit and only
after it. So an outcome that says Committed is durable, and the row in it is what everybody is to see. The seam is
narrow on purpose: appends with an id, a condition on a key, and reading by seq are all that the room asks of a log.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

from sockatuh.errors import DatabaseDamaged, DatabaseUnusable, StoreError

from .byte_bound import ROW_COST, count_more, delete_oldest, read_tally, write_tally
from .database import Readers, Synchronous, Writer, free_pages, open_writer, rfc3339, wall_clock
from .lineage import Lineage, read_lineage, renew_log_id
from .log_table import (
    MAX_SEQ,
    Append,
    Committed,
    Conflict,
    Failed,
    Outcome,
    Row,
    Span,
    append_all,
    append_if,
    delete_old,
    find_young,
    read_between,
    read_kinds,
    read_last_of_each_key,
    read_recent,
    read_span,
)
from .sqlite_errors import is_passing, unusable

T = TypeVar("T")

MAX_KEPT: Final = 10_000
"""Other writes that wait for the database to take them; those beyond are given up."""
MAX_QUEUED: Final = 16_384
"""What waits for a disk that does not answer, above which other writes are given up."""

__all__ = ["Append", "Committed", "Conflict", "Failed", "Outcome", "RoomLog", "Row", "Span"]


@dataclass(frozen=True, slots=True)
class _Work:
    """Something else to write in the same order; `answer` is settled after the commit.

    `lasting`: nobody waits for it, so it is tried again when the database refused the whole transaction.
    """

    run: Callable[[sqlite3.Connection], Any]
    answer: Future[Any]
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class _Worked:
    work: _Work
    value: Any
    error: StoreError | None


class RoomLog:
    """The log of one room, kept in SQLite. All methods may be called from any thread."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        volatile_kinds: frozenset[str],
        deliver: Callable[[list[Outcome]], None],
        on_error: Callable[[StoreError], None],
        clock: Callable[[], int],
    ) -> None:
        self._path = path
        self._volatile_kinds = volatile_kinds
        self._deliver, self._on_error, self._clock = deliver, on_error, clock
        self._readers = Readers(path)
        self._writer: Writer[Append | _Work, Outcome | _Worked] = Writer(
            path, connection, run=self._run, fail=self._fail, finish=self._finish
        )
        self._refused: StoreError | None = None
        self._kept: deque[_Work] = deque()
        self._kept_for: StoreError | None = None
        self._trying = False
        self.appended_bytes = 0
        """About how many bytes this process has appended, whatever became of them."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        synchronous: Synchronous,
        volatile_kinds: frozenset[str],
        deliver: Callable[[list[Outcome]], None],
        on_error: Callable[[StoreError], None],
        clock: Callable[[], int] = wall_clock,
    ) -> RoomLog:
        """Open or make the database, and start its writer; raises DatabaseTooNew or DatabaseUnusable.

        Of `volatile_kinds` only seq, id, time and kind are written: Committed carries their body, nothing later does.
        `deliver` and `on_error` are called in the writer thread and must not wait, nor may `on_error` raise.
        `clock` gives milliseconds since 1970.
        """
        connection = open_writer(path, synchronous)
        return cls(path, connection, volatile_kinds=volatile_kinds, deliver=deliver, on_error=on_error, clock=clock)

    @property
    def answered_at(self) -> float:
        """When the writer last finished something or had nothing to do, in monotonic seconds; alive if a few old."""
        return self._writer.answered_at

    def append(self, append: Append, *, wake: bool = True) -> None:
        """Queue an entry and return at once; its outcome comes to `deliver`. DatabaseUnusable after `close`.

        Without `wake` it may wait a second for `wake`, or for something else that is queued.
        """
        self._writer.put(append, wake=wake)

    def wake(self) -> None:
        """Begin to write what was appended."""
        self._writer.wake()

    def resume(self) -> None:
        """Take appends again after one has failed: until then all fail, so that none gets in before it."""
        self._writer.put(_Work(lambda _: self._refuse(None), Future()))

    def submit(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Queue another write, in order with the appends, and return at once; errors come to `on_error`.

        If the database refuses, it is kept, with all that are submitted after it, for the next transaction.
        """
        if len(self._writer) >= MAX_QUEUED:
            self._on_error(DatabaseUnusable(str(self._path), "the disk does not answer, and too much waits for it"))
            return
        answer: Future[None] = Future()
        answer.add_done_callback(self._report)
        self._writer.put(_Work(work, answer, lasting=True))

    @property
    def obstacle(self) -> StoreError | None:
        """Why something that was submitted is kept; None when nothing is."""
        return self._kept_for

    def try_again(self) -> None:
        """Queue a transaction for what was submitted and is kept, if there is any and none is under way for it."""
        if self._kept and not self._trying:
            self._trying = True
            self.after_commit(self._tried)

    def _tried(self) -> None:
        self._trying = False

    def after_commit(self, then: Callable[[], None]) -> None:
        """Call `then`, in the writer thread, when all that was queued before is committed or has failed."""
        answer: Future[None] = Future()
        answer.add_done_callback(lambda _: then())
        self._writer.put(_Work(lambda _: None, answer))

    def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do another write, wait until it is committed and answer its value; raises StoreError.

        Not to be called from `deliver` or `on_error`, which run in the thread this waits for.
        """
        answer: Future[T] = Future()
        self._writer.put(_Work(work, answer))
        return answer.result()

    def renew(self, log_id: bytes, ended: int) -> None:
        """Queue a new id (16 bytes) for the log, which was found to have been set back to `ended`; return at once."""
        self.submit(lambda connection: renew_log_id(connection, log_id, ended))

    def lineage(self) -> Lineage:
        """Answer which logs this one continues."""
        return self._readers.read(read_lineage)

    def span(self) -> Span:
        """Answer which log this is and how far it reaches."""
        return self._readers.read(read_span)

    def read(self, after: int, through: int, limit: int, max_bytes: int = MAX_SEQ) -> list[Row]:
        """Read the entries that have a body, seq in (after, through], ascending, at most `limit`.

        The one with which their bodies come to `max_bytes` is the last.
        """
        read = partial(read_between, after=after, through=through, limit=limit, max_bytes=max_bytes)
        return self._readers.read(read)

    def read_around_damage(self, after: int, through: int, limit: int) -> tuple[list[Row], int]:
        """Read of (after, through], one by one, what can be read in the first `limit` places; answer how far as well.

        For a stretch of which `read` has said that it is damaged. Raises StoreError if the reason is another.
        """
        rows: list[Row] = []
        last = min(through, after + limit)
        for seq in range(after + 1, last + 1):
            with contextlib.suppress(DatabaseDamaged):
                rows += self.read(seq - 1, seq, 1)
        return rows, last

    def recent(self, count: int, max_bytes: int = MAX_SEQ) -> list[Row]:
        """Read the newest `count` entries that have a body, ascending, of their bodies about `max_bytes`."""
        return self._readers.read(partial(read_recent, count=count, max_bytes=max_bytes))

    def last_of_each_key(self) -> Iterator[Row]:
        """Read the last entry of every key, ascending: from these it is known who is here and who owns which name."""
        return self._readers.stream(read_last_of_each_key)

    def prune(
        self,
        message_before: str | None,
        event_before: str | None,
        message_kinds: frozenset[str],
        *,
        now: str | None = None,
        young: int = MAX_SEQ,
    ) -> int:
        """Delete entries older than a time (RFC 3339 as in the database; None: none), and give the space back.

        The last entry of a key stays whatever its age: it says who is here and whose a name is. None is older than one
        that stands before it, and from the seq `young` on none is old, whatever clock has stamped them; `now` is the
        time by which that is judged (None: the log's). Answers how many went.
        Takes its time, in small transactions between which others are written: call it in a thread of its own.
        """
        removed = 0
        now = now or rfc3339(self._clock())
        for kind in self._readers.read(read_kinds):
            before = message_before if kind in message_kinds else event_before
            if before is not None:
                first = min(young, self._readers.read(partial(find_young, since=before, until=now)))
                removed += self._delete_all(partial(delete_old, kind=kind, before=before, young=first))
        self._delete_all(free_pages)
        return removed

    def bound_bytes(self, kind: str, limit: int) -> int:
        """Delete the oldest entries of a kind, which has no keys, until all take at most `limit` bytes; say how many.

        Takes its time, like `prune`, and is not to run beside it.
        """
        tally = self._readers.read(partial(read_tally, kind=kind))
        while (more := self._readers.read(partial(count_more, kind=kind, tally=tally))) != tally:
            tally = more
        self.call(partial(write_tally, kind=kind, tally=tally))
        removed = self._delete_all(partial(delete_oldest, kind=kind, limit=limit))
        if removed:
            self._delete_all(free_pages)
        return removed

    def close(self) -> None:
        """Commit what is queued and close the database; the last outcomes are delivered before this returns."""
        with contextlib.suppress(StoreError):  # it is closed already
            self.try_again()
        self._readers.close()
        self._writer.close()

    def _delete_all(self, delete_some: Callable[[sqlite3.Connection], int]) -> int:
        total = 0
        while count := self.call(delete_some):
            total += count
        return total

    def _run(self, connection: sqlite3.Connection, jobs: list[Append | _Work]) -> list[Outcome | _Worked]:
        now = self._clock()
        self.appended_bytes += sum(ROW_COST + len(job.body or b"") for job in jobs if isinstance(job, Append))
        done: list[Outcome | _Worked] = [self._work(connection, work) for work in self._kept]
        for together, group in groupby(jobs, _is_unconditional):
            if together and self._refused is None:
                appends = [job for job in group if isinstance(job, Append)]
                done += append_all(connection, appends, now, self._volatile_kinds)
            else:
                done += (self._run_alone(connection, job, now) for job in group)
        return done

    def _run_alone(self, connection: sqlite3.Connection, job: Append | _Work, now: int) -> Outcome | _Worked:
        match job:
            case Append() if self._refused is not None:
                return Failed(job, self._refused)
            case Append():
                return append_if(connection, job, now, self._volatile_kinds)
            case _Work():
                return self._work(connection, job)

    def _work(self, connection: sqlite3.Connection, work: _Work) -> _Worked:
        """Do one piece of work so that its failure takes nothing else of the batch with it."""
        connection.execute("SAVEPOINT work")
        try:
            value = work.run(connection)
        except Exception as error:
            # SQLite has given up the whole transaction, or nothing else of it would be written either.
            if not connection.in_transaction or is_passing(error):
                raise
            connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
            return _Worked(work, None, unusable(self._path, error))
        connection.execute("RELEASE work")
        return _Worked(work, value, None)

    def _fail(self, jobs: list[Append | _Work], error: StoreError) -> list[Outcome | _Worked]:
        """Have appends wait for `resume` once one of them has failed, and keep of other writes what is lasting."""
        done: list[Outcome | _Worked] = []
        for job in jobs:
            if isinstance(job, Append):
                self._refuse(error)
                done.append(Failed(job, error))
            elif job.lasting and len(self._kept) < MAX_KEPT:
                self._kept.append(job)
                self._kept_for = error
            else:
                done.append(_Worked(job, None, error))
        return done

    def _refuse(self, error: StoreError | None) -> None:
        self._refused = error

    def _finish(self, done: list[Outcome | _Worked]) -> None:
        outcomes = [each for each in done if not isinstance(each, _Worked)]
        if outcomes:
            self._hand_over(outcomes)
        for each in done:
            if isinstance(each, _Worked):
                if self._kept and self._kept[0] is each.work:
                    self._kept.popleft()
                    self._kept_for = self._kept_for if self._kept else None
                _settle(each)

    def _hand_over(self, outcomes: list[Outcome]) -> None:
        try:
            self._deliver(outcomes)
        except Exception as error:  # the one who asked is gone, the log is not
            self._on_error(DatabaseUnusable(str(self._path), f"outcomes were not taken: {error!r}"))

    def _report(self, answer: Future[None]) -> None:
        error = answer.exception()
        if isinstance(error, StoreError):
            self._on_error(error)


def _is_unconditional(job: Append | _Work) -> bool:
    return isinstance(job, Append) and job.expect is None


def _settle(worked: _Worked) -> None:
    if worked.error is None:
        worked.work.answer.set_result(worked.value)
    else:
        worked.work.answer.set_exception(worked.error)
