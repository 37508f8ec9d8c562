"""A room's log in memory, with the rules of `room/log.py`: for tests, simulations and rooms that need not last.

`MemoryTable` is what a disk would hold. Each server of the room has a `MemoryLog` on it. Nothing happens by itself:
`commit` writes what is queued, as one transaction does, and `deliver` tells the follower. What happens between the two,
such as a server's death or another server's commit, is up to the caller.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from sockatuh.errors import StoreError
from sockatuh.room.entries import Message, Whispered, without_text
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


class MemoryTable:
    """The rows of one log, from seq 1 on without a hole, and which log it is."""

    def __init__(self, lineage: Lineage, rows: Iterable[Row] = ()) -> None:
        self.lineage = lineage
        self.rows = [*rows]
        self.error: StoreError | None = None
        """Why transactions fail; None if they do not."""
        self.writes_in_error = False
        """Whether a transaction reported as failed is still written, as happens when its confirmation is lost."""
        self._confirmed = self.head
        self._by_id = {row.id: row for row in self.rows}
        self._last = {row.key: row.seq for row in self.rows if row.key is not None}

    @property
    def head(self) -> int:
        """The highest seq, 0 for an empty log."""
        return len(self.rows)

    def write(self, append: Append, at: int) -> Committed | Conflict:
        """Write an append whole, unless it is there already or does not find what it expects (`room.log.Append`)."""
        outcome = self._write(append, at)
        last = outcome.last if isinstance(outcome, Conflict) else outcome.seq + len(append.entries) - 1
        self._confirmed = max(self._confirmed, last)
        return outcome

    def write_unconfirmed(self, append: Append, at: int) -> None:
        """Write an append in a transaction whose confirmation is lost: followers get it with the next confirmed one."""
        self._write(append, at)

    def confirmed_after(self, seq: int) -> list[Row]:
        """Return the rows after `seq` that a transaction has confirmed."""
        return self.rows[seq : self._confirmed]

    def last_of_each_key(self) -> list[Row]:
        """Return the last row of every key, ascending."""
        return [self.rows[seq - 1] for seq in sorted(self._last.values())]

    def _write(self, append: Append, at: int) -> Committed | Conflict:
        if (row := self._by_id.get(append.id)) is not None:
            return Committed(append.id, row.seq)
        for entry in append.entries:
            last = self._last.get(entry.key or "", 0)
            if entry.expect not in (None, last):
                return Conflict(append.id, last, entry.key)
            if entry.strikes is not None and not self._has_text(entry.strikes):
                return Conflict(append.id, 0)
        first = self.head + 1
        for seq, entry in enumerate(append.entries, first):
            if entry.strikes is not None:
                self._strike(entry.strikes)
            self.rows.append(row := Row(seq, entry.id, at, entry.body, entry.key))
            self._by_id[row.id] = row
            if row.key is not None:
                self._last[row.key] = row.seq
        return Committed(append.id, first)

    def _has_text(self, seq: int) -> bool:
        body = self.rows[seq - 1].body if 0 < seq <= self.head else None
        return isinstance(body, Message | Whispered) and not body.struck

    def _strike(self, seq: int) -> None:
        row = self.rows[seq - 1]
        if isinstance(row.body, Message | Whispered):
            self.rows[seq - 1] = self._by_id[row.id] = replace(row, body=without_text(row.body))


class MemoryLog:
    """One server's view of a table; `clock` returns milliseconds since 1970."""

    def __init__(self, table: MemoryTable, clock: Callable[[], int]) -> None:
        self._table, self._clock = table, clock
        self._queue: deque[Append | Callable[[], None]] = deque()
        self._outcomes: list[Outcome] = []
        self._callbacks: list[Callable[[], None]] = []
        self._deliver: Deliver | None = None
        self._delivered = 0
        self._refused: StoreError | None = None

    def append(self, append: Append) -> None:
        """Queue an entry for `commit`."""
        self._queue.append(append)

    def resume(self) -> None:
        """Accept appends again after one has failed, from this place in the queue on."""
        self._queue.append(self._accept)

    def after_commit(self, then: Callable[[], None]) -> None:
        """Call `then` when what was queued before is committed or has failed, and is delivered."""
        self._queue.append(lambda: self._callbacks.append(then))

    def follow(self, after: int, deliver: Deliver) -> None:
        """Deliver every row with a seq above `after`, and the outcomes of appends; called once, before any append."""
        self._deliver, self._delivered = deliver, after

    def commit(self, limit: int = MAX_SEQ) -> bool:
        """Write the first `limit` jobs of the queue in one transaction; tell whether there were any."""
        error, has_failed = self._table.error, False
        count = min(limit, len(self._queue))
        for _ in range(count):
            job = self._queue.popleft()
            if not isinstance(job, Append):
                job()
            elif self._refused is not None:
                self._outcomes.append(Failed(job.id, self._refused))
            elif error is not None:
                has_failed = True
                if self._table.writes_in_error:
                    self._table.write_unconfirmed(job, self._clock())
                self._outcomes.append(Failed(job.id, error))
            else:
                self._outcomes.append(self._table.write(job, self._clock()))
        if has_failed:
            self._refused = error
        return count > 0

    def deliver(self) -> bool:
        """Pass new rows, whichever server wrote them, then outcomes to the follower; return whether there were any."""
        rows = self._table.confirmed_after(self._delivered)
        outcomes, self._outcomes = self._outcomes, []
        callbacks, self._callbacks = self._callbacks, []
        self._delivered += len(rows)
        if self._deliver is not None and (rows or outcomes):
            self._deliver(rows, outcomes)
        for then in callbacks:
            then()
        return bool(rows or outcomes or callbacks)

    def read(self, after: int, through: int, limit: int, max_bytes: int = MAX_SEQ) -> Stretch:
        """Read (after, through] up to the `limit`th row; texts are in memory anyway, so `max_bytes` limits nothing."""
        del max_bytes
        rows = self._table.rows[after:through][:limit]
        return Stretch(rows, rows[-1].seq if len(rows) == limit else through)

    def span(self) -> Span:
        """Return which log this is and how far it reaches."""
        return Span(self._table.lineage.log_id, 1, self._table.head)

    def lineage(self) -> Lineage:
        """Return which logs this one continues."""
        return self._table.lineage

    def renew(self, log_id: bytes, ended: int) -> None:
        """Give the log a new id (16 bytes) after it was set back; its present id ends at the seq `ended`."""
        self._table.lineage = self._table.lineage.renewed(log_id, ended)

    def _accept(self) -> None:
        self._refused = None
