"""A log in memory that behaves like the one on disk: appends commit a little later, in order, and outlive a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sockatuh.errors import DatabaseUnusable
from sockatuh.protocol.seam import Address
from sockatuh.store.lineage import Lineage
from sockatuh.store.roomlog import Append, Committed, Conflict, Failed, Outcome, Row

Backup: TypeAlias = tuple[list[Row], Lineage]


class MemoryLog:
    """The durable part: rows by seq. `append` is what a RoomLog's writer does in one transaction."""

    def __init__(self, log_id: bytes) -> None:
        self.lineage = Lineage(log_id)
        self.rows: list[Row] = []
        self.full = False
        self.lying = False
        """Whether what is committed is said to have failed."""
        self.refusing = False
        self._by_id: dict[bytes, Row] = {}
        self._last: dict[str, int] = {}

    @property
    def head(self) -> int:
        return len(self.rows)

    def commit(self, append: Append, at: int) -> Outcome:
        self.refusing = self.refusing or self.full
        if self.refusing:
            return Failed(append, DatabaseUnusable("memory", "the disk is full"))
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
        if self.lying:
            return Failed(append, DatabaseUnusable("memory", "disk I/O error"))
        return Committed(append, row, new=True)

    @property
    def log_id(self) -> bytes:
        return self.lineage.log_id

    def renew(self, log_id: bytes, ended: int) -> None:
        self.lineage = self.lineage.renewed(log_id, ended)

    def set_back(self, head: int) -> None:
        """Be as it was when `head` was the last entry."""
        gone, self.rows = self.rows[head:], self.rows[:head]
        for row in gone:
            del self._by_id[row.id]
        self._last = {row.key: row.seq for row in self.rows if row.key is not None}

    def back_up(self) -> Backup:
        """Copy it as it is."""
        return [*self.rows], self.lineage

    def put_back(self, backup: Backup, log_id: bytes) -> None:
        """Be what was copied, under another id, as `restore` makes it."""
        rows, lineage = backup
        head = len(rows)
        self.lineage = lineage.renewed(log_id, head).inherited(self.lineage, head, self.head)
        self.rows = [*rows]
        self._by_id = {row.id: row for row in rows}
        self._last = {row.key: row.seq for row in rows if row.key is not None}

    def last_of_each_key(self) -> list[Row]:
        return [self.rows[seq - 1] for seq in sorted(self._last.values())]

    def read(self, after: int, through: int, limit: int) -> list[Row]:
        return self.rows[after:through][:limit]


class Recorder:
    """Keeps which sessions are written down as open; `later` has something done when all before it is written.

    What is `open` is known to the server's process; what it has `written` outlives that.
    """

    def __init__(self, later: Callable[[Callable[[float], None]], None]) -> None:
        self.open: dict[int, str] = {}
        self.written: dict[int, tuple[int, Address]] = {}
        self._later = later
        self._last = 0

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        del owner, dialect, version, transient
        self._last += 1
        self.open[self._last] = name
        if cid is not None:
            self._write(self._last, (cid, _address(address)))
        return self._last

    def moved(self, record: int, address: str) -> None:
        assert record in self.open
        if record in self.written:
            self._write(record, (self.written[record][0], _address(address)))

    def closed(self, record: int, reason: str) -> None:
        assert reason
        self.dropped(record)

    def dropped(self, record: int) -> None:
        del self.open[record]
        self._later(lambda _: self.written.pop(record, None) and None)

    def take_lost(self) -> list[tuple[int, Address]]:
        """Return where the sessions are that a server which is gone had written down, and close them."""
        lost = list(self.written.values())
        self.open.clear()
        self.written.clear()
        return lost

    def when_written(self, then: Callable[[float], None]) -> None:
        self._later(then)

    def _write(self, record: int, session: tuple[int, Address]) -> None:
        self._later(lambda _: self.written.update({record: session}))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


class Silence:
    """A log of events that nobody reads, but every field of which must be printable."""

    def info(self, event: str, **fields: object) -> None:
        assert event.isidentifier()
        assert all(str(value).isprintable() for value in fields.values())

    warning = info
