"""What a simulated server has in place of its disk: a log that can fail or be set back, and a history."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sockatuh.errors import DatabaseUnusable
from sockatuh.protocol.seam import Address
from sockatuh.room.log import Lineage, Row
from sockatuh.store.memory_log import MemoryTable

Backup: TypeAlias = tuple[list[Row], Lineage]


class Disk(MemoryTable):
    """A table in memory that outlives its servers, fails on demand, and can be set back or restored."""

    def __init__(self, log_id: bytes) -> None:
        super().__init__(Lineage(log_id))

    @property
    def full(self) -> bool:
        return self.error is not None and not self.writes_in_error

    @full.setter
    def full(self, is_full: bool) -> None:
        self.error, self.writes_in_error = DatabaseUnusable("memory", "the disk is full") if is_full else None, False

    @property
    def lying(self) -> bool:
        """Whether what is committed is said to have failed."""
        return self.writes_in_error

    @lying.setter
    def lying(self, is_lying: bool) -> None:
        self.error = DatabaseUnusable("memory", "disk I/O error") if is_lying else None
        self.writes_in_error = is_lying

    @property
    def log_id(self) -> bytes:
        return self.lineage.log_id

    def renew(self, log_id: bytes, ended: int) -> None:
        self.lineage = self.lineage.renewed(log_id, ended)

    def set_back(self, head: int) -> None:
        """Be as it was when `head` was the last entry."""
        MemoryTable.__init__(self, self.lineage, self.rows[:head])

    def back_up(self) -> Backup:
        """Copy it as it is."""
        return [*self.rows], self.lineage

    def put_back(self, backup: Backup, log_id: bytes) -> None:
        """Be what was copied, under another id, as `restore` makes it."""
        rows, lineage = backup
        head = len(rows)
        MemoryTable.__init__(self, lineage.renewed(log_id, head).inherited(self.lineage, head, self.head), rows)


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
