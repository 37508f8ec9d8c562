"""A log in memory that behaves like the one on disk: appends commit a little later, in order, and outlive a crash."""

from __future__ import annotations

from sockatuh.errors import DatabaseUnusable
from sockatuh.store.roomlog import Append, Committed, Conflict, Failed, Outcome, Row


class MemoryLog:
    """The durable part: rows by seq. `append` is what a RoomLog's writer does in one transaction."""

    def __init__(self, log_id: bytes) -> None:
        self.log_id = log_id
        self.rows: list[Row] = []
        self.full = False
        self.refusing = False
        self._by_id: dict[bytes, Row] = {}
        self._last: dict[str, int] = {}

    @property
    def head(self) -> int:
        return len(self.rows)

    def commit(self, append: Append, at: int) -> Outcome:
        self.refusing = self.refusing or self.full
        if self.refusing:
            return Failed(append, DatabaseUnusable("memory", "database or disk is full"))
        if append.id in self._by_id:
            return Committed(append, self._by_id[append.id], new=False)
        last = self._last.get(append.key or "", 0)
        if append.expect is not None and append.expect != last:
            return Conflict(append, last)
        row = Row(self.head + 1, append.id, at, append.kind, append.key, append.body)
        self.rows.append(row)
        self._by_id[append.id] = row
        if append.key is not None:
            self._last[append.key] = row.seq
        return Committed(append, row, new=True)

    def last_of_each_key(self) -> list[Row]:
        return [self.rows[seq - 1] for seq in sorted(self._last.values())]

    def read(self, after: int, through: int, limit: int) -> list[Row]:
        return self.rows[after:through][:limit]


class Recorder:
    """Keeps which sessions are written down as open."""

    def __init__(self) -> None:
        self.open: dict[int, str] = {}
        self._last = 0

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        del cid, owner, address, dialect, version, transient
        self._last += 1
        self.open[self._last] = name
        return self._last

    def moved(self, record: int, address: str) -> None:
        assert record in self.open
        assert address

    def closed(self, record: int, reason: str) -> None:
        assert reason
        del self.open[record]


class Silence:
    """A log of events that nobody reads, but every field of which must be printable."""

    def info(self, event: str, **fields: object) -> None:
        assert event.isidentifier()
        assert all(str(value).isprintable() for value in fields.values())

    warning = info
