"""The room's log in SQLite: one thread writes, any thread reads (`room/log.py` has the rules for both).

An append returns at once. After each commit, the writer thread hands the follower the new rows and the outcomes in one
call. Rows come straight from the appends that made them; rows that this process did not write are read from the table.
Other writes (sessions, pruning) go through the same thread, in order with the appends.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from sockatuh.errors import DatabaseDamaged, DatabaseUnusable, StoreError
from sockatuh.room.entries import ORDER_KINDS, Struck, size_of
from sockatuh.room.log import (
    MAX_SEQ,
    Append,
    Committed,
    Conflict,
    Deliver,
    Failed,
    Lineage,
    Outcome,
    Row,
    Span,
    Stretch,
)
from sockatuh.room.moments import rfc3339

from .byte_bound import ROW_COST, count_more, delete_oldest, read_tally, write_tally
from .database import Readers, Synchronous, Writer, free_pages, open_writer, wall_clock
from .log_identity import read_lineage, renew_log_id
from .log_table import (
    append_all,
    append_if,
    delete_ended,
    delete_old,
    find_young,
    read_around_damage,
    read_between,
    read_kinds,
    read_last_of_each_key,
    read_recent,
    read_span,
)
from .sqlite_errors import is_passing, unusable
from .striking import truncate_wal

T = TypeVar("T")

MAX_KEPT: Final = 10_000
"""Other writes kept while the database refuses them; further ones are dropped."""
MAX_QUEUED: Final = 16_384
"""Jobs in the queue from which on other writes are dropped: the disk does not answer."""
TRUNCATE_INTERVAL: Final = 1.0
"""Seconds between two attempts to empty the write-ahead log."""
FOLLOW_LIMIT: Final = 1_024
"""Rows read at once for a follower that is behind."""


class _Work(msgspec.Struct, frozen=True):
    """Another write, in order with the appends; `answer` gets its value after the commit.

    If `lasting`, nobody waits for it, and it is kept for a retry when the database refuses the transaction.
    """

    run: Callable[[sqlite3.Connection], Any]
    answer: Future[Any]
    lasting: bool = False


class _Worked(msgspec.Struct, frozen=True):
    """A write that was done or has failed."""

    work: _Work
    value: Any
    error: StoreError | None


_Done = list[Row] | Conflict | Failed | _Worked
"""What became of a job: the rows of an append that is committed, or its outcome; or another write."""


class RoomLog:
    """The log of one room, stored in SQLite. All methods may be called from any thread."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        volatile_kinds: frozenset[str],
        on_error: Callable[[StoreError], None],
        clock: Callable[[], int],
    ) -> None:
        self._path = path
        self._volatile_kinds = volatile_kinds
        self._on_error, self._clock = on_error, clock
        self._deliver: Deliver | None = None
        self._delivered = 0
        self._readers = Readers(path)
        self._connection = connection
        self._has_remains = True
        """Whether the write-ahead log may hold removed texts, as at the start that of a process that was killed."""
        self._truncate_at = 0.0
        self._writer: Writer[Append | _Work, _Done] = Writer(
            path, connection, run=self._run, fail=self._fail, finish=self._finish, rest=self._rest
        )
        self._refused: StoreError | None = None
        self._kept: deque[_Work] = deque()
        self._kept_for: StoreError | None = None
        self._trying = False
        self.appended_bytes = 0
        """About how many bytes this process has appended."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        synchronous: Synchronous,
        volatile_kinds: frozenset[str],
        on_error: Callable[[StoreError], None],
        clock: Callable[[], int] = wall_clock,
    ) -> RoomLog:
        """Open or create the database and start its writer; raises DatabaseTooNew or DatabaseUnusable.

        Entries of `volatile_kinds` are delivered to the follower, but only their seq, id, time and kind are stored.
        `on_error` is called in the writer thread; it must not block or raise. `clock` returns milliseconds since 1970.
        """
        connection = open_writer(path, synchronous)
        return cls(path, connection, volatile_kinds=volatile_kinds, on_error=on_error, clock=clock)

    @property
    def answered_at(self) -> float:
        """When the writer was last idle or finished a batch, in monotonic seconds; a live writer's is recent."""
        return self._writer.answered_at

    def time_commits(self, observe: Callable[[float], None]) -> None:
        """Tell `observe`, in the writer thread, how many seconds each transaction takes from now on."""
        self._writer.timed = observe

    def follow(self, after: int, deliver: Deliver) -> None:
        """Deliver every row with a seq above `after`, and the outcomes of appends; called once, before any append.

        `deliver` is called in the writer thread, once per commit; it must not block.
        """
        self._deliver, self._delivered = deliver, after
        self.after_commit(self._catch_up)

    def append(self, append: Append, *, wake: bool = True) -> None:
        """Queue an entry and return at once; raises DatabaseUnusable after `close`.

        Without `wake`, it may wait up to a second for `wake` or for another job.
        """
        self._writer.put(append, wake=wake)

    def wake(self) -> None:
        """Make the writer process what is queued."""
        self._writer.wake()

    def resume(self) -> None:
        """Accept appends again after one has failed."""
        self._writer.put(_Work(lambda _: self._refuse(None), Future()))

    def submit(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Queue another write, in order with the appends, and return at once; errors go to `on_error`.

        If the database refuses it, it is kept, with all that are submitted after it, for the next transaction.
        """
        if len(self._writer) >= MAX_QUEUED:
            self._on_error(DatabaseUnusable(str(self._path), "the disk does not answer, and too much waits for it"))
            return
        answer: Future[None] = Future()
        answer.add_done_callback(self._report)
        self._writer.put(_Work(work, answer, lasting=True))

    @property
    def obstacle(self) -> StoreError | None:
        """Why submitted writes are being kept; None if none are."""
        return self._kept_for

    def try_again(self) -> None:
        """Queue a transaction for the submitted writes that are kept, unless there are none or one is queued."""
        if self._kept and not self._trying:
            self._trying = True
            self.after_commit(self._tried)

    def _tried(self) -> None:
        self._trying = False

    def after_commit(self, then: Callable[[], None]) -> None:
        """Call `then`, in the writer thread, when everything queued before is committed or has failed."""
        answer: Future[None] = Future()
        answer.add_done_callback(lambda _: then())
        self._writer.put(_Work(lambda _: None, answer))

    def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do another write, wait until it is committed, and return its value; raises StoreError.

        Calling it from `deliver` or `on_error` would deadlock: they run in the thread this waits for.
        """
        answer: Future[T] = Future()
        self._writer.put(_Work(work, answer))
        return answer.result()

    def renew(self, log_id: bytes, ended: int) -> None:
        """Give the log a new id (16 bytes) after it was set back; its present id ends at seq `ended`. Does not wait."""
        self.submit(lambda connection: renew_log_id(connection, log_id, ended))

    def lineage(self) -> Lineage:
        """Return which logs this one continues."""
        return self._readers.read(read_lineage)

    def span(self) -> Span:
        """Return which log this is and how far it reaches."""
        return self._readers.read(read_span)

    def read(self, after: int, through: int, limit: int, max_bytes: int = MAX_SEQ) -> Stretch:
        """Read (after, through] up to the `limit`th row, or the one with which their bodies reach `max_bytes`.

        Of a damaged stretch, only the first `limit` seqs are read. Raises StoreError if a later attempt may succeed.
        """
        read = partial(read_between, after=after, through=through, limit=limit, max_bytes=max_bytes)
        try:
            return self._readers.read(read)
        except DatabaseDamaged as error:
            return self._read_around_damage(after, min(through, after + limit), error)

    def recent(self, count: int, max_bytes: int = MAX_SEQ) -> Stretch:
        """Read the newest `count` rows; the oldest of them is the one with which their bodies reach `max_bytes`.

        If any are damaged, only the newest `count` seqs are read. Raises StoreError if a later attempt may succeed.
        """
        last = self.span().last
        try:
            return Stretch(self._readers.read(partial(read_recent, count=count, max_bytes=max_bytes)), last)
        except DatabaseDamaged as error:
            return self._read_around_damage(max(0, last - count), last, error)

    def _read_around_damage(self, after: int, through: int, damage: DatabaseDamaged) -> Stretch:
        rows = self._readers.read(partial(read_around_damage, after=after, through=through))
        return Stretch(rows, through, damage)

    def last_of_each_key(self) -> Iterator[Row]:
        """Yield the last row of every key, ascending: they tell who is here and who owns which name."""
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
        """Delete entries older than a time (RFC 3339 as in the database; None: none), and return how many.

        The last entry of a key is kept whatever its age, as it tells who is here, who owns a name, and which orders are
        in force; unless it is an order that ended as long ago. No entry counts as older than one before it, and none
        from the seq `young` on counts as old, whatever clock has stamped it; `now` is the time to judge this by (None:
        the log's clock).
        This can take long, in small transactions between which other jobs are written; call it in its own thread.
        """
        removed = 0
        now = now or rfc3339(self._clock())
        for kind in self._readers.read(read_kinds):
            before = message_before if kind in message_kinds else event_before
            if before is not None:
                first = min(young, self._readers.read(partial(find_young, since=before, until=now)))
                removed += self._delete_all(partial(delete_old, kind=kind, before=before, young=first))
                if kind in ORDER_KINDS:  # sorted, `banned` comes before `unbanned`
                    removed += self._delete_all(partial(delete_ended, kind=kind, before=before, young=first))
        self._delete_all(free_pages)
        return removed

    def bound_bytes(self, limit: int) -> int:
        """Delete the oldest lines until the rest take at most `limit` bytes; return how many.

        This can take long, like `prune`, and must not run at the same time.
        """
        tally = self._readers.read(read_tally)
        while (more := self._readers.read(partial(count_more, tally=tally))) != tally:
            tally = more
        self.call(partial(write_tally, tally=tally))
        removed = self._delete_all(partial(delete_oldest, limit=limit))
        if removed:
            self._delete_all(free_pages)
        return removed

    def close(self) -> None:
        """Commit what is queued and close the database; everything is delivered before this returns."""
        with contextlib.suppress(StoreError):  # already closed
            self.try_again()
        self._readers.close()
        self._writer.close()

    def _delete_all(self, delete_some: Callable[[sqlite3.Connection], int]) -> int:
        total = 0
        while count := self.call(delete_some):
            total += count
        return total

    def _run(self, connection: sqlite3.Connection, jobs: list[Append | _Work]) -> list[_Done]:
        now = self._clock()
        done: list[_Done] = [self._work(connection, work) for work in self._kept]
        for together, group in groupby(jobs, _is_unconditional):
            if together and self._refused is None:
                appends = [job for job in group if isinstance(job, Append)]
                done += ([row] for row in append_all(connection, appends, now, self._volatile_kinds))
            else:
                done += (self._run_alone(connection, job, now) for job in group)
        return done

    def _run_alone(self, connection: sqlite3.Connection, job: Append | _Work, now: int) -> _Done:
        match job:
            case Append() if self._refused is not None:
                return Failed(job.id, self._refused)
            case Append():
                return append_if(connection, job, now, self._volatile_kinds)
            case _Work():
                return self._work(connection, job)

    def _work(self, connection: sqlite3.Connection, work: _Work) -> _Worked:
        """Do one write in a savepoint, so that its failure affects nothing else in the batch."""
        connection.execute("SAVEPOINT work")
        try:
            value = work.run(connection)
        except Exception as error:
            # SQLite has rolled the whole transaction back, or the rest of the batch would fail for the same reason.
            if not connection.in_transaction or is_passing(error):
                raise
            connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
            return _Worked(work, None, unusable(self._path, error))
        connection.execute("RELEASE work")
        return _Worked(work, value, None)

    def _fail(self, jobs: list[Append | _Work], error: StoreError) -> list[_Done]:
        """Refuse appends until `resume`, and keep lasting writes for the next transaction."""
        done: list[_Done] = []
        for job in jobs:
            if isinstance(job, Append):
                self._refuse(error)
                done.append(Failed(job.id, error))
            elif job.lasting and len(self._kept) < MAX_KEPT:
                self._kept.append(job)
                self._kept_for = error
            else:
                done.append(_Worked(job, None, error))
        return done

    def _refuse(self, error: StoreError | None) -> None:
        self._refused = error

    def _finish(self, done: list[_Done]) -> None:
        rows: list[Row] = []
        outcomes: list[Outcome] = []
        written: list[_Worked] = []
        for each in done:
            match each:
                case list():
                    rows += each
                    outcomes.append(Committed(each[0].id, each[0].seq))
                case Conflict() | Failed():
                    outcomes.append(each)
                case _Worked():
                    written.append(each)
        has_struck = False
        for row in rows:
            self.appended_bytes += ROW_COST + size_of(row.body)
            has_struck = has_struck or isinstance(row.body, Struck)
        if has_struck:
            self._has_remains, self._truncate_at = True, 0.0
            self._rest()
        if outcomes and self._deliver is not None:
            self._hand_over(rows, outcomes)
        for each in written:
            if self._kept and self._kept[0] is each.work:
                self._kept.popleft()
                self._kept_for = self._kept_for if self._kept else None
            _settle(each)

    def _rest(self) -> None:
        """Empty the write-ahead log if it may hold removed texts; as long as a reader is in the way, once a second."""
        now = time.monotonic()
        if self._has_remains and now >= self._truncate_at:
            self._truncate_at = now + TRUNCATE_INTERVAL
            with contextlib.suppress(sqlite3.Error):  # what the disk refuses is reported when something is written
                self._has_remains = not truncate_wal(self._connection)

    def _hand_over(self, rows: list[Row], outcomes: list[Outcome]) -> None:
        """Deliver the rows that have not been delivered yet, and then the outcomes.

        If rows of other processes cannot be read, no later row is delivered, and the outcomes that come after them are
        failures: what they answer is repeated, and its rows are read then.
        """
        fresh: list[Row] = []
        unread: StoreError | None = None
        for row in sorted(rows, key=_seq):
            if row.seq > self._delivered + 1:  # another process has written the rows before it
                self._tell(fresh, [])
                fresh = []
                if (unread := self._deliver_missing(row.seq - 1)) is not None:
                    break
            if row.seq > self._delivered:
                fresh.append(row)
                self._delivered = row.seq
        last = max((each.last for each in outcomes if isinstance(each, Conflict)), default=0)
        if unread is None and last > self._delivered:
            self._tell(fresh, [])
            fresh = []
            unread = self._deliver_missing(last)
        self._tell(fresh, outcomes if unread is None else list(self._as_far_as_delivered(outcomes, unread)))

    def _as_far_as_delivered(self, outcomes: list[Outcome], unread: StoreError) -> Iterator[Outcome]:
        """Yield failures from the first outcome on whose row was not delivered; nothing may overtake it."""
        for outcome in outcomes:
            if self._refused is None and _row_before(outcome) > self._delivered:
                self._refuse(unread)
            yield outcome if self._refused is None else Failed(outcome.id, self._refused)

    def _catch_up(self) -> None:
        try:
            unread = self._deliver_missing(self.span().last)
        except StoreError as error:
            unread = error
        if unread is not None:
            self._on_error(unread)

    def _deliver_missing(self, through: int) -> StoreError | None:
        """Deliver the rows up to `through` that have not been delivered yet and are still in the log.

        Returns why not all of them could be read. Damage is no reason: damaged rows are missing for good.
        """
        try:
            while self._delivered < through:
                stretch = self.read(self._delivered, through, FOLLOW_LIMIT)
                self._delivered = stretch.through
                self._tell(stretch.rows, [])
                if isinstance(stretch.damage, StoreError):
                    self._on_error(stretch.damage)
        except StoreError as error:
            return error
        return None

    def _tell(self, rows: list[Row], outcomes: list[Outcome]) -> None:
        if self._deliver is None or not (rows or outcomes):
            return
        try:
            self._deliver(rows, outcomes)
        except Exception as error:  # the follower may be gone; the log goes on
            self._on_error(DatabaseUnusable(str(self._path), f"the follower failed: {error!r}"))

    def _report(self, answer: Future[None]) -> None:
        error = answer.exception()
        if isinstance(error, StoreError):
            self._on_error(error)


def _is_unconditional(job: Append | _Work) -> bool:
    return isinstance(job, Append) and job.expect is None and job.also is None and job.strikes is None


def _seq(row: Row) -> int:
    return row.seq


def _row_before(outcome: Outcome) -> int:
    """Return the seq whose row is delivered before the outcome."""
    match outcome:
        case Committed(seq=seq) | Conflict(last=seq):
            return seq
        case Failed():
            return 0


def _settle(worked: _Worked) -> None:
    if worked.error is None:
        worked.work.answer.set_result(worked.value)
    else:
        worked.work.answer.set_exception(worked.error)
