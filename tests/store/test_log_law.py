"""Both logs obey the rules of `room/log.py` under appends, strikes, failures, repeats and foreign writes."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace
from store.lines import body_of, rename

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.entries import Left, Message, Renamed, Struck, without_text
from sockatuh.room.log import Append, Conflict, Failed, Lineage, Log, Outcome, Row
from sockatuh.store.log_table import append_if
from sockatuh.store.memory_log import MemoryLog, MemoryTable
from sockatuh.store.roomlog import RoomLog

AT = 1_769_853_120_000
KEYS = [None, "ana", "budi"]
numbers = st.integers(0, 11)


def entry_of(number: int, expect: int | None = None) -> Append:
    """Return the entry whose id is `number`; the id decides what it says and its key."""
    kind, key = ("message", None) if number % 3 == 0 else ("joined", KEYS[number % 3])
    return Append(number.to_bytes(16, "big"), body_of(kind, str(number)), key, expect)


def strike_of(number: int, seq: int) -> Append:
    """Return the entry whose id is `number` and a line's seq, and which strikes that line."""
    return Append((300 + number * 1_000 + seq).to_bytes(16, "big"), Struck("ana", "key", seq, AT), strikes=seq)


class Follower:
    """Checks what a log delivers against the rules, and records it."""

    def __init__(self, after: int) -> None:
        self.after = self.head = after
        self.rows: dict[int, Row] = {}
        self.outcomes: list[Outcome] = []
        self.accepts = True
        self.broken: list[str] = []

    def deliver(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        for row in rows:
            self._hold(row.seq == self.head + 1, f"{row.seq} follows {self.head}")
            self._hold(row.id not in {each.id for each in self.rows.values()}, f"{row.id.hex()} came twice")
            self.head, self.rows[row.seq] = row.seq, row
            if isinstance(row.body, Struck):
                self._strike(row.body.line)
        for outcome in outcomes:
            self.outcomes.append(outcome)
            if isinstance(outcome, Failed):
                self.accepts = False
                continue
            self._hold(self.accepts, f"{outcome} overtakes what has failed")
            last = outcome.last if isinstance(outcome, Conflict) else outcome.seq
            self._hold(last <= self.head, f"{outcome} comes before its row")
            if not isinstance(outcome, Conflict) and outcome.seq > self.after:
                self._hold(self.rows[outcome.seq].id == outcome.id, f"{outcome} is another row")
                if isinstance(self.rows[outcome.seq].body, Renamed):
                    following = self.rows.get(outcome.seq + 1)
                    self._hold(following is not None and isinstance(following.body, Left), f"{outcome} is half there")

    def _strike(self, seq: int) -> None:
        """Note that a line's text is gone, also from what was delivered before."""
        line = self.rows[seq]
        if isinstance(line.body, Message):
            self.rows[seq] = replace(line, body=without_text(line.body))
        strikes = [row for row in self.rows.values() if isinstance(row.body, Struck) and row.body.line == seq]
        self._hold(len(strikes) == 1, f"{seq} was struck twice")
        self._hold(isinstance(line.body, Message), f"{seq} is no line")

    def _hold(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)


class Bench(Protocol):
    """A log whose commits can be made to fail, with a second writer beside it."""

    @property
    def log(self) -> Log:
        """The log as it is open now."""

    def open(self) -> None:
        """Open, or reopen, the stored log."""

    def commit(self) -> None:
        """Write and deliver everything queued."""

    def commit_refused(self) -> None:
        """Do the same while every write fails."""

    def commit_unconfirmed(self) -> None:
        """Do the same with every commit written but reported as failed."""

    def write_elsewhere(self, appends: list[Append]) -> None:
        """Write from another process."""

    def close(self) -> None:
        """Close the log."""


class MemoryBench:
    log: MemoryLog

    def __init__(self) -> None:
        self._table = MemoryTable(Lineage(bytes(16)))

    def open(self) -> None:
        self.log = MemoryLog(self._table, lambda: AT)

    def commit(self) -> None:
        self.log.commit()
        self.log.deliver()

    def commit_refused(self) -> None:
        self._table.error = DatabaseUnusable("memory", "the disk is full")
        self.commit()
        self._table.error = None

    def commit_unconfirmed(self) -> None:
        self._table.writes_in_error = True
        self.commit_refused()
        self._table.writes_in_error = False

    def write_elsewhere(self, appends: list[Append]) -> None:
        for append in appends:
            self._table.write(append, AT)

    def close(self) -> None:
        self.commit()


class DiskBench:
    log: RoomLog

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._path = Path(self._directory.name) / "state" / "room.db"

    def open(self) -> None:
        self.log = RoomLog.open(
            self._path, synchronous="normal", volatile_kinds=frozenset(), on_error=print, clock=lambda: AT
        )
        self.log.call(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchall())

    def commit(self) -> None:
        with suppress(DatabaseUnusable):
            self.log.call(lambda _: None)

    def commit_refused(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.commit()

    def commit_unconfirmed(self) -> None:
        elsewhere = self._path.with_name("elsewhere.db")
        self._path.rename(elsewhere)
        self.commit()
        elsewhere.rename(self._path)

    def write_elsewhere(self, appends: list[Append]) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            for append in appends:
                append_if(other, append, AT, frozenset())

    def close(self) -> None:
        self.log.close()
        self._directory.cleanup()


class Law(RuleBasedStateMachine):
    """What both logs promise."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.pending: dict[bytes, Append] = {}

    @initialize()
    def begin(self) -> None:
        self.bench.open()
        self._follow(0)

    @rule(number=numbers, expect=st.sampled_from(["nothing", "the last", "none", "another"]))
    def append(self, number: int, expect: str) -> None:
        last = max((row.seq for row in self.follower.rows.values() if row.key == entry_of(number).key), default=0)
        expected = {"nothing": None, "the last": last, "none": 0, "another": last + 1}[expect]
        append = entry_of(number, expected if entry_of(number).key else None)
        if append.id not in self.pending:
            self.pending[append.id] = append
            self.bench.log.append(append)

    @rule(number=numbers, expect=st.sampled_from(["the last", "none"]), old=st.sampled_from(["the last", "another"]))
    def append_two(self, number: int, expect: str, old: str) -> None:
        last = {key: max((row.seq for row in self.follower.rows.values() if row.key == key), default=0) for key in KEYS}
        expected = last["ana"] if expect == "the last" else 0
        append = rename(100 + 2 * number, expected, last["budi"] + (old == "another"), "ana", "budi")
        if append.id not in self.pending:
            self.pending[append.id] = append
            self.bench.log.append(append)

    @rule(number=st.integers(0, 3), seq=st.integers(1, 20), elsewhere=st.booleans())
    def strike(self, number: int, seq: int, elsewhere: bool) -> None:
        append = strike_of(number, seq)
        if elsewhere:
            self.bench.write_elsewhere([append])
        elif append.id not in self.pending:
            self.pending[append.id] = append
            self.bench.log.append(append)

    @rule()
    def commit(self) -> None:
        self.bench.commit()

    @rule()
    def commit_refused(self) -> None:
        self.bench.commit_refused()

    @rule()
    def commit_unconfirmed(self) -> None:
        self.bench.commit_unconfirmed()

    @rule()
    def repeat_what_has_failed(self) -> None:
        self.bench.commit()
        self._take_outcomes()
        if self.pending:
            self.bench.log.resume()
            self.follower.accepts = True
            for append in self.pending.values():
                self.bench.log.append(append)

    @rule(which=st.lists(numbers, min_size=1, max_size=3, unique=True))
    def write_elsewhere(self, which: list[int]) -> None:
        self.bench.write_elsewhere([entry_of(number) for number in which])

    @invariant()
    def the_law_holds(self) -> None:
        assert self.follower.broken == []

    def teardown(self) -> None:
        for _ in range(2):
            self.repeat_what_has_failed()
        self.bench.log.append(entry_of(999))
        self.bench.commit()
        self._take_outcomes()
        assert set(self.pending) <= {entry_of(999).id}, "every append is answered in the end"
        assert self.follower.broken == []
        last = self.bench.log.span().last
        kept = self.bench.log.read(0, last, last + 1).rows
        assert [*self.follower.rows.values()] == kept
        struck = {row.body.line for row in kept if isinstance(row.body, Struck)}
        assert struck == {row.seq for row in kept if isinstance(row.body, Message) and row.body.struck}
        self.bench.close()

    def _follow(self, after: int) -> None:
        self.follower = Follower(after)
        self.bench.log.follow(after, self.follower.deliver)

    def _take_outcomes(self) -> None:
        for outcome in self.follower.outcomes:
            if not isinstance(outcome, Failed):
                self.pending.pop(outcome.id, None)
        self.follower.outcomes.clear()


class MemoryLaw(Law):
    def __init__(self) -> None:
        super().__init__(MemoryBench())


class DiskLaw(Law):
    def __init__(self) -> None:
        super().__init__(DiskBench())


MemoryLaw.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
DiskLaw.TestCase.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
TestMemoryLog = MemoryLaw.TestCase
TestRoomLog = DiskLaw.TestCase
