"""What a server has in place of its disk: a log that can fail or be set back, a history, and a log of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
        """Go back to when `head` was the last entry."""
        MemoryTable.__init__(self, self.lineage, self.rows[:head])

    def back_up(self) -> Backup:
        """Return a copy of it."""
        return [*self.rows], self.lineage

    def put_back(self, backup: Backup, log_id: bytes) -> None:
        """Replace it by a copy under another id, as `restore` does."""
        rows, lineage = backup
        head = len(rows)
        MemoryTable.__init__(self, lineage.renewed(log_id, head).inherited(self.lineage, head, self.head), rows)


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the server's log."""

    event: str
    fields: dict[str, object]


class Diary:
    """The server's log of events; every field must be printable."""

    def __init__(self) -> None:
        self.logged: list[Logged] = []
        self.errors: list[str] = []
        """The events at level error."""

    def info(self, event: str, **fields: object) -> None:
        assert event.isidentifier()
        assert all(str(value).isprintable() for value in fields.values())
        self.logged.append(Logged(event, fields))

    warning = info

    def error(self, event: str, **fields: object) -> None:
        self.info(event, **fields)
        self.errors.append(event)

    def of(self, event: str) -> list[dict[str, object]]:
        return [each.fields for each in self.logged if each.event == event]


@dataclass(slots=True)
class Record:
    """One session as the history has it; `reason` is None while it is open."""

    cid: int | None
    name: str
    address: str
    dialect: str
    transient: bool
    reason: str | None = None


class Ledger:
    """The history's sessions. `later` has something done when what comes before it is written.

    `records` is what the server's process knows; `written` is what of the open sessions outlives it.
    """

    def __init__(self, later: Callable[[Callable[[float], None]], None]) -> None:
        self.records: list[Record] = []
        self.written: dict[int, tuple[int, Address]] = {}
        self._later = later

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        del owner, version
        number = len(self.records)
        self.records.append(Record(cid, name, address, dialect, transient))
        if cid is not None:
            self._write(number, cid, address)
        return number

    def moved(self, record: int, address: str) -> None:
        self.records[record].address = address
        if record in self.written:
            self._write(record, self.written[record][0], address)

    def renamed(self, record: int, name: str) -> None:
        self.records[record].name = name

    def closed(self, record: int, reason: str) -> None:
        assert reason
        assert self.records[record].reason is None, "a session was closed twice"
        self.records[record].reason = reason
        self._later(lambda _: self.written.pop(record, None) and None)

    def dropped(self, record: int) -> None:
        self.closed(record, "dropped")

    def when_written(self, then: Callable[[float], None]) -> None:
        self._later(then)

    def open(self) -> list[Record]:
        return [record for record in self.records if record.reason is None]

    def take_lost(self) -> list[tuple[int, Address]]:
        """Close the sessions that a server which is gone had open, and return where those are that it had written."""
        for record in self.open():
            record.reason = "server_lost"
        lost = list(self.written.values())
        self.written.clear()
        return lost

    def _write(self, record: int, cid: int, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._later(lambda _: self.written.update({record: (cid, (host, int(port)))}))
