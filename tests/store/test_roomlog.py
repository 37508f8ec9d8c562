from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from store.lines import body_of, entry, rename

from sockatuh.errors import DatabaseDamaged, DatabaseTooNew, DatabaseUnusable, StoreError
from sockatuh.room.entries import LINE_KINDS
from sockatuh.room.log import Append, Committed, Conflict, Failed, Outcome, Row, Span, Stretch
from sockatuh.room.moments import rfc3339
from sockatuh.store import roomlog
from sockatuh.store.log_table import PRUNE_CHUNK, append_all
from sockatuh.store.roomlog import RoomLog

START = 1_769_853_120_000
DAY = 86_400_000
MESSAGES = frozenset({"message"})


class Room:
    """A log, its clock, and everything delivered, by commit."""

    def __init__(self, path: Path, volatile_kinds: frozenset[str] = frozenset()) -> None:
        self.path = path
        self.now = START
        self.deliveries: list[tuple[Sequence[Row], Sequence[Outcome]]] = []
        self.errors: list[StoreError] = []
        self.log = RoomLog.open(
            path,
            synchronous="normal",
            volatile_kinds=volatile_kinds,
            on_error=self.errors.append,
            clock=lambda: self.now,
        )
        self.log.follow(self.log.span().last, lambda rows, outcomes: self.deliveries.append((rows, outcomes)))

    def append(self, *appends: Append) -> list[Outcome]:
        """Append, wait, and return the outcomes."""
        before = len(self.outcomes)
        for append in appends:
            self.log.append(append)
        self.wait()
        return self.outcomes[before:]

    def wait(self) -> None:
        """Return when all that was asked before has been delivered."""
        self.log.call(lambda _: None)

    def hold(self) -> threading.Event:
        """Keep the writer busy until the event is set, so that what is asked meanwhile gathers."""
        held, free = threading.Event(), threading.Event()

        def work(_: sqlite3.Connection) -> None:
            held.set()
            assert free.wait(10)

        self.log.submit(work)
        assert held.wait(10)
        return free

    def pragma(self, text: str) -> int:
        found: int = self.log.call(lambda connection: connection.execute(f"PRAGMA {text}").fetchone()[0])
        return found

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, outcomes in self.deliveries for outcome in outcomes]

    @property
    def followed(self) -> list[Row]:
        return [row for rows, _ in self.deliveries for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "room.db"


@pytest.fixture
def room(path: Path) -> Iterator[Room]:
    room = Room(path)
    yield room
    room.log.close()


def seqs(rows: Iterable[Row] | Stretch) -> list[int]:
    return [row.seq for row in (rows.rows if isinstance(rows, Stretch) else rows)]


def test_an_append_is_delivered_as_a_row_before_it_is_answered(room: Room) -> None:
    append = entry(1, "joined", "ana")
    room.append(append)
    assert room.deliveries == [([Row(1, append.id, START, append.body, "ana")], [Committed(append.id, 1)])]


def test_the_same_id_again_is_the_same_entry(room: Room) -> None:
    outcomes = [*room.append(entry(1)), *room.append(entry(1)), *room.append(entry(2))]
    assert outcomes == [Committed(entry(1).id, 1), Committed(entry(1).id, 1), Committed(entry(2).id, 2)]
    assert seqs(room.followed) == [1, 2]


def test_a_name_is_taken_by_one_of_two_who_ask_at_once(room: Room) -> None:
    free = room.hold()
    ana, other = entry(1, "joined", "ana", expect=0), entry(2, "joined", "ana", expect=0)
    room.log.append(ana)
    room.log.append(other)
    free.set()
    room.wait()
    assert room.outcomes == [Committed(ana.id, 1), Conflict(other.id, last=1, key=other.key)]


def test_a_condition_is_met_by_the_last_entry_of_its_key(room: Room) -> None:
    room.append(entry(1, "joined", "ana", expect=0), entry(2, "left", "ana"))
    late, right = entry(3, "joined", "ana", expect=1), entry(4, "joined", "ana", expect=2)
    assert room.append(late, right) == [Conflict(late.id, last=2, key=late.key), Committed(right.id, 3)]


def test_both_entries_of_an_append_are_delivered_in_one_call_and_answered_once(room: Room) -> None:
    room.append(entry(1, "joined", "tom", expect=0))
    renamed = rename(2, 0, 1)
    free = room.hold()
    for append in (renamed, entry(4)):
        room.log.append(append)
    free.set()
    room.wait()
    rows, outcomes = room.deliveries[-1]
    assert seqs(rows) == [2, 3, 4]
    assert [row.key for row in rows] == ["ana", "tom", None]
    assert outcomes == [Committed(renamed.id, 2), Committed(entry(4).id, 4)]
    assert room.append(renamed) == [Committed(renamed.id, 2)], "repeated, it is the same two entries"
    assert room.log.span().last == 4


@pytest.mark.parametrize(("expect", "old_expect", "last", "key"), [(7, 1, 0, "ana"), (0, 7, 1, "tom")])
def test_of_two_entries_of_which_one_comes_too_late_neither_is_written(
    room: Room, expect: int, old_expect: int, last: int, key: str
) -> None:
    room.append(entry(1, "joined", "tom", expect=0))
    late = rename(2, expect, old_expect)
    assert room.append(late) == [Conflict(late.id, last, key)]
    assert room.log.span().last == 1


def test_outcomes_come_in_the_order_of_the_appends_whatever_they_are(room: Room) -> None:
    appends = [
        entry(1),
        entry(2, "joined", "a", 0),
        entry(1),
        entry(3, "joined", "a", 0),
        entry(4, "left", "a"),
        entry(5),
    ]
    free = room.hold()
    for append in appends:
        room.log.append(append)
    free.set()
    room.wait()
    assert [outcome.id for outcome in room.outcomes] == [append.id for append in appends]
    assert [type(outcome) for outcome in room.outcomes] == [
        Committed, Committed, Committed, Conflict, Committed, Committed,
    ]  # fmt: skip


def test_queued_appends_share_one_commit_delivery_and_timestamp(room: Room) -> None:
    free = room.hold()
    for number in range(500):
        room.log.append(entry(number))
    free.set()
    room.wait()
    [(rows, outcomes)] = room.deliveries
    assert seqs(rows) == list(range(1, 501))
    assert outcomes == [Committed(row.id, row.seq) for row in rows]
    assert {row.at for row in rows} == {START}


def test_only_committed_entries_are_delivered(path: Path) -> None:
    seen: list[int] = []

    def deliver(rows: Sequence[Row], _: Sequence[Outcome]) -> None:
        with closing(sqlite3.connect(path)) as other:
            seen.append(other.execute("SELECT count(*) FROM log").fetchone()[0] - len(rows))

    log = RoomLog.open(path, synchronous="full", volatile_kinds=MESSAGES, on_error=print)
    log.follow(0, deliver)
    log.append(entry(1))
    log.close()
    assert seen == [0]


def test_a_log_found_set_back_keeps_its_new_id(room: Room) -> None:
    room.log.renew(b"another log id!!", 0)
    room.wait()
    assert room.log.span().log_id == b"another log id!!"
    room.log.close()
    again = Room(room.path)
    assert again.log.span().log_id == b"another log id!!"
    again.log.close()


def test_a_reopened_log_continues_with_all_its_entries(room: Room) -> None:
    room.append(entry(1), entry(2, "joined", "ana"))
    span, rows = room.log.span(), room.log.read(0, 10, 10)
    room.log.close()
    again = Room(room.path)
    with closing(again.log):
        assert (again.log.span(), again.log.read(0, 10, 10)) == (span, rows)
        assert again.append(entry(2), entry(3)) == [Committed(entry(2).id, 2), Committed(entry(3).id, 3)]
        assert seqs(again.followed) == [3]


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_late_follower_first_receives_the_existing_entries(room: Room, after: int) -> None:
    room.append(*map(entry, range(1, 6)))
    room.log.close()
    log = RoomLog.open(room.path, synchronous="normal", volatile_kinds=MESSAGES, on_error=room.errors.append)
    found: list[int] = []
    with closing(log):
        log.follow(after, lambda rows, _: found.extend(seqs(rows)))
        log.append(entry(6))
        log.call(lambda _: None)
    assert found == list(range(after + 1, 7))


def test_rows_written_by_another_program_are_delivered_in_order(room: Room) -> None:
    room.append(entry(1))
    with closing(sqlite3.connect(room.path, isolation_level=None)) as other:
        append_all(other, [entry(2), entry(3, "joined", "ana")], START, frozenset())
    join = entry(4, "joined", "ana", expect=0)
    assert room.append(join) == [Conflict(join.id, last=3, key=join.key)]
    assert seqs(room.followed) == [1, 2, 3], "who loses a race has been shown who won"
    with closing(sqlite3.connect(room.path, isolation_level=None)) as other:
        append_all(other, [entry(5), entry(6)], START, frozenset())
    assert room.append(entry(7)) == [Committed(entry(7).id, 6)]
    assert [row.id for row in room.followed] == [entry(each).id for each in (1, 2, 3, 5, 6, 7)]
    assert seqs(room.followed) == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a matter of POSIX")
def test_acknowledged_entries_survive_a_kill(path: Path) -> None:
    program = """if True:
        import sys, itertools
        from pathlib import Path
        from sockatuh.room.entries import Message
        from sockatuh.room.log import Append
        from sockatuh.store.roomlog import RoomLog
        def deliver(rows, outcomes):
            for outcome in outcomes:
                print(outcome.seq, outcome.id.hex(), flush=True)
        log = RoomLog.open(Path(sys.argv[1]), synchronous="full", volatile_kinds=frozenset(), on_error=print)
        log.follow(0, deliver)
        for number in range(5000):
            log.append(Append(number.to_bytes(16, "big"), Message("ana", "", str(number), False)))
        log.call(lambda connection: input())
    """
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(1500)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
    acknowledged = [tuple(line.split()) for line in lines if line.endswith("\n")]
    room = Room(path)
    with closing(room.log):
        kept = {row.seq: row.id.hex() for row in room.log.read(0, 10**6, 10**6).rows}
    assert all(kept[int(seq)] == entry_id for seq, entry_id in acknowledged)
    assert list(kept) == list(range(1, len(kept) + 1))


def test_reading_is_by_seq_bounded_and_ascending(room: Room) -> None:
    room.append(*map(entry, range(10)))
    assert seqs(room.log.read(3, 7, 100)) == [4, 5, 6, 7]
    assert seqs(room.log.read(3, 7, 2)) == [4, 5]
    assert room.log.read(10, 20, 100) == Stretch([], 20)
    assert seqs(room.log.recent(3)) == [8, 9, 10]
    assert seqs(room.log.recent(100)) == list(range(1, 11))
    assert room.log.read(0, 1, 1) == Stretch([Row(1, entry(0).id, START, entry(0).body)], 1)


def test_the_last_entry_of_each_key_is_known(room: Room) -> None:
    room.append(entry(1, "joined", "ana"), entry(2, "joined", "tom"), entry(3), entry(4, "left", "ana"))
    assert seqs(room.log.last_of_each_key()) == [2, 4]


@pytest.mark.parametrize("kind", ["message", "private"])
def test_volatile_kinds_are_delivered_and_counted_but_not_kept(path: Path, kind: str) -> None:
    room = Room(path, volatile_kinds=LINE_KINDS)
    with closing(room.log):
        room.append(entry(1, kind, text="soup at one"))
        room.append(entry(2, "joined", "ana"))
        assert room.append(entry(1, kind)) == [Committed(entry(1).id, 1)]
        assert [row.body for row in room.followed] == [body_of(kind, "soup at one"), body_of("joined", "2")]
        assert seqs(room.log.read(0, 10, 10)) == seqs(room.log.recent(10)) == [2]
        assert room.log.span() == Span(room.log.span().log_id, 1, 2)
    for file in path.parent.iterdir():
        assert b"soup at one" not in file.read_bytes()


def test_other_writes_are_done_in_order_with_the_appends(room: Room) -> None:
    counts: list[int] = []

    def count(connection: sqlite3.Connection) -> None:
        counts.append(connection.execute("SELECT count(*) FROM log").fetchone()[0])

    for number in range(3):
        room.log.append(entry(number))
        room.log.submit(count)
    room.wait()
    assert counts == [1, 2, 3]
    assert room.errors == []


def test_a_failing_write_does_not_affect_other_writes(room: Room) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 1)")
        connection.execute("INSERT INTO meta VALUES ('half', 2)")

    def broken(_: sqlite3.Connection) -> None:
        raise ZeroDivisionError

    free = room.hold()
    room.log.append(entry(1))
    room.log.submit(half)
    room.log.submit(broken)
    room.log.append(entry(2))
    free.set()
    room.wait()
    assert [type(outcome) for outcome in room.outcomes] == [Committed, Committed]
    unique, division = room.errors
    assert "UNIQUE constraint failed: meta.name" in str(unique)
    assert "ZeroDivisionError" in str(division)
    names = room.log.call(lambda connection: connection.execute("SELECT name FROM meta").fetchall())
    assert ("half",) not in names


def test_an_awaited_write_returns_its_value_or_raises_its_error(room: Room) -> None:
    assert room.log.call(lambda connection: connection.execute("SELECT 6 * 7").fetchone()[0]) == 42
    with pytest.raises(DatabaseUnusable, match="no such table"):
        room.log.call(lambda connection: connection.execute("SELECT * FROM nowhere"))
    assert room.errors == []


def test_the_log_survives_a_full_disk(room: Room) -> None:
    room.append(entry(1))
    large = entry(7, text="x" * 100_000)
    unlimited = room.pragma("max_page_count")
    room.pragma(f"max_page_count = {room.pragma('page_count') + 2}")
    free = room.hold()
    room.log.append(entry(2))
    room.log.append(large)
    room.log.submit(lambda _: None)
    free.set()
    with pytest.raises(DatabaseUnusable, match="full"):
        room.log.call(lambda connection: connection.execute("CREATE TABLE big AS SELECT zeroblob(100000)").fetchall())
    failed = [outcome for outcome in room.outcomes if isinstance(outcome, Failed)]
    assert [outcome.id for outcome in failed] == [entry(2).id, large.id]
    assert "the disk is full" in str(failed[0].error)
    assert all("full" in str(error) for error in room.errors)
    room.pragma(f"max_page_count = {unlimited}")
    assert isinstance(room.append(entry(3))[0], Failed), "nothing gets in before what failed is tried again"
    room.log.resume()
    assert room.append(entry(2), large) == [Committed(entry(2).id, 2), Committed(large.id, 3)]
    assert seqs(room.followed) == [1, 2, 3]


def test_a_failing_receiver_is_reported_and_does_not_stop_the_log(path: Path) -> None:
    errors: list[StoreError] = []

    def deliver(_: Sequence[Row], __: Sequence[Outcome]) -> None:
        raise RuntimeError("the loop is closed")

    log = RoomLog.open(path, synchronous="normal", volatile_kinds=MESSAGES, on_error=errors.append)
    log.follow(0, deliver)
    log.append(entry(1))
    log.call(lambda _: None)
    log.append(entry(2))
    log.close()
    assert len(errors) == 2
    assert "the loop is closed" in str(errors[0])


def test_close_commits_and_delivers_queued_entries(room: Room) -> None:
    free = room.hold()
    for number in range(5):
        room.log.append(entry(number))
    free.set()
    room.log.close()
    assert len(room.outcomes) == 5
    for use in (lambda: room.log.append(entry(9)), lambda: room.log.span(), lambda: room.log.submit(lambda _: None)):
        with pytest.raises(DatabaseUnusable, match="closed"):
            use()


def test_a_newer_database_is_refused(room: Room) -> None:
    room.log.call(lambda connection: connection.execute("PRAGMA user_version = 99").fetchall())
    room.log.close()
    with pytest.raises(DatabaseTooNew):
        Room(room.path)


def test_the_writer_reports_that_it_is_alive(room: Room) -> None:
    room.append(entry(1))
    assert time.monotonic() - room.log.answered_at < 60


def test_concurrent_readers_see_a_growing_log_without_gaps(room: Room) -> None:
    gaps: list[list[int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found = seqs(room.log.read(0, 10**6, 10**6))
            if found != list(range(1, len(found) + 1)):
                gaps.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(0, 1000, 100):
        room.append(*map(entry, range(start, start + 100)))
    done.set()
    for reader in readers:
        reader.join()
    assert gaps == []
    assert room.log.span().last == 1000


def test_pruning_deletes_messages_and_events_by_their_own_age(room: Room) -> None:
    room.append(entry(1), entry(2, "joined", "ana"), entry(3, "left", "ana"))
    room.now += 10 * DAY
    room.append(entry(4), entry(5, "joined", "ana"))
    room.now += 10 * DAY
    room.append(entry(6), entry(7, "left", "ana"))
    after_first, after_second = rfc3339(START + 5 * DAY), rfc3339(START + 15 * DAY)
    assert room.log.prune(None, None, MESSAGES) == 0
    assert room.log.prune(after_second, after_first, MESSAGES) == 4
    assert seqs(room.log.read(0, 10, 10)) == [5, 6, 7]
    assert room.log.prune(None, after_second, MESSAGES) == 1
    assert seqs(room.log.read(0, 10, 10)) == [6, 7]


def test_timestamps_never_decrease(room: Room) -> None:
    room.append(entry(1), entry(2))
    room.now += 10 * DAY
    room.append(entry(3))
    right, room.now = room.now, 60_000
    room.append(entry(4), entry(5))
    room.now = right + 5 * DAY
    room.append(entry(6))
    assert room.log.prune(rfc3339(START + DAY), None, MESSAGES) == 2
    assert seqs(room.log.read(0, 10, 10)) == [3, 4, 5, 6], "4 and 5 are of 1970, but were said after 3"
    assert room.log.prune(rfc3339(right + DAY), None, MESSAGES) == 3


def test_a_future_timestamp_does_not_prevent_pruning(room: Room) -> None:
    room.now += 400 * DAY
    room.append(entry(1))
    room.now = START
    room.append(entry(2), entry(3))
    room.now += 10 * DAY
    assert room.log.prune(rfc3339(START + DAY), None, MESSAGES) == 2
    assert seqs(room.log.read(0, 10, 10)) == [1]


def test_entries_known_to_be_recent_are_never_pruned(room: Room) -> None:
    room.append(entry(1), entry(2), entry(3))
    room.now += 10 * DAY
    assert room.log.prune(rfc3339(room.now), None, MESSAGES, young=3) == 2
    assert seqs(room.log.read(0, 10, 10)) == [3]


def test_pruning_keeps_the_last_entry_of_each_key(room: Room) -> None:
    room.append(entry(1, "joined", "ana"), entry(2, "joined", "tom"), entry(3, "left", "ana"), entry(4))
    room.now += 100 * DAY
    assert room.log.prune(rfc3339(room.now), rfc3339(room.now), MESSAGES) == 2
    assert seqs(room.log.last_of_each_key()) == seqs(room.log.recent(10)) == [2, 3]


def test_pruning_everything_never_reuses_a_seq(room: Room) -> None:
    room.append(entry(1), entry(2))
    span = room.log.span()
    assert room.log.prune(rfc3339(START + 1), None, MESSAGES) == 2
    assert room.log.span() == Span(span.log_id, 3, 2)
    room.log.close()
    again = Room(room.path)
    with closing(again.log):
        assert again.log.span() == Span(span.log_id, 3, 2)
        assert again.append(entry(3)) == [Committed(entry(3).id, 3)]


def test_other_writes_happen_between_chunks_of_pruning(room: Room) -> None:
    room.append(*map(entry, range(3 * PRUNE_CHUNK)))
    sizes: list[int] = []
    chunks: list[str] = []
    room.log.call(lambda connection: connection.set_trace_callback(chunks.append))
    pruning = threading.Thread(target=lambda: sizes.append(room.log.prune(rfc3339(START + 1), None, MESSAGES)))
    pruning.start()
    pruning.join()
    room.log.call(lambda connection: connection.set_trace_callback(None))
    deletes = [position for position, statement in enumerate(chunks) if "DELETE FROM log" in statement]
    commits = [position for position, statement in enumerate(chunks) if statement == "COMMIT"]
    assert sizes == [3 * PRUNE_CHUNK]
    assert len(deletes) == 4
    for one, other in itertools.pairwise(deletes):
        assert any(one < commit < other for commit in commits)


def test_pruning_frees_disk_space(room: Room) -> None:
    room.append(*(entry(number, text="x" * 4000) for number in range(300)))
    room.log.prune(rfc3339(START + 1), None, MESSAGES)
    assert room.pragma("freelist_count") == 0
    room.log.close()
    assert room.path.stat().st_size < 100_000


# The database fails for a while.


@contextmanager
def locked(room: Room) -> Iterator[None]:
    """Lock the database from another program."""
    room.log.call(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchall())
    with closing(sqlite3.connect(room.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def put_down(name: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES (?, 1)", (name,))

    return work


def put_down_so_far(room: Room) -> list[str]:
    query = "SELECT name FROM meta WHERE value = 1 ORDER BY name"
    return [name for (name,) in room.log.call(lambda connection: connection.execute(query).fetchall())]


def test_submissions_during_an_outage_are_written_later_in_order(room: Room) -> None:
    with locked(room):
        room.log.submit(put_down("a"))
        with pytest.raises(DatabaseUnusable, match="another program has locked it"):
            room.wait()
        room.log.submit(lambda connection: put_down("b")(connection) if put_down_in(connection, "a") else None)
        with pytest.raises(DatabaseUnusable, match="locked"):
            room.wait()
        assert "another program has locked it" in str(room.log.obstacle)
    room.log.try_again()
    assert put_down_so_far(room) == ["a", "b"]
    assert room.log.obstacle is None
    assert room.errors == []


def put_down_in(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM meta WHERE name = ?", (name,)).fetchone() is not None


def test_closing_writes_pending_submissions(room: Room) -> None:
    with locked(room):
        room.log.submit(put_down("a"))
        with pytest.raises(DatabaseUnusable):
            room.wait()
    room.log.close()
    with closing(sqlite3.connect(room.path)) as other:
        assert other.execute("SELECT count(*) FROM meta WHERE name = 'a'").fetchone() == (1,)


def test_resuming_without_pending_submissions_does_nothing(room: Room) -> None:
    room.log.try_again()
    room.log.submit(put_down("a"))
    assert put_down_so_far(room) == ["a"]


def test_appends_wait_for_resume_only_if_one_of_them_has_failed(room: Room) -> None:
    with locked(room):
        room.log.submit(put_down("a"))
        with pytest.raises(DatabaseUnusable):
            room.wait()
    assert isinstance(room.append(entry(1))[0], Committed)


def test_a_kept_submission_is_undone_with_a_single_append_that_fails(room: Room, path: Path) -> None:
    with locked(room):
        room.log.submit(put_down("a"))
        with pytest.raises(DatabaseUnusable):
            room.wait()
    answered = threading.Event()
    room.log._deliver = lambda _rows, _outcomes: answered.set()
    room.log.append(entry(1, text="\ud800"))  # cannot be encoded
    assert answered.wait(10)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM meta WHERE name = 'a'").fetchone() == (0,)
    room.log.resume()
    assert put_down_so_far(room) == ["a"]
    assert room.errors == []


def test_submissions_beyond_the_bound_are_dropped_and_reported(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roomlog, "MAX_KEPT", 2)
    with locked(room):
        for name in "abc":
            room.log.submit(put_down(name))
        with pytest.raises(DatabaseUnusable):
            room.wait()
    assert put_down_so_far(room) == ["a", "b"]
    [error] = room.errors
    assert "locked" in str(error)


def errors_of(room: Room, *appends: Append) -> list[str]:
    """Append an entry that fails, and return the reason."""
    before = len(room.outcomes)
    for append in appends:
        room.log.append(append)
    with suppress(DatabaseUnusable):
        room.wait()
    failed = [outcome for outcome in room.outcomes[before:] if isinstance(outcome, Failed)]
    assert [outcome.id for outcome in failed] == [append.id for append in appends]
    return [str(outcome.error) for outcome in failed]


def test_an_append_wrongly_reported_as_failed_is_stored_once(room: Room) -> None:
    room.append(entry(1, "joined", "tom", expect=0))
    elsewhere = room.path.with_name("elsewhere.db")
    room.path.rename(elsewhere)
    line, join = entry(2), entry(3, "joined", "ana", expect=0)
    assert all("removed or replaced" in error for error in errors_of(room, line, join))
    elsewhere.rename(room.path)
    room.log.resume()
    assert seqs(room.followed) == [1], "nobody is told what may not be there"
    assert room.append(line, join) == [Committed(line.id, 2), Committed(join.id, 3)]
    assert seqs(room.log.read(0, 10, 10)) == seqs(room.followed) == [1, 2, 3]


@pytest.mark.parametrize("name", ["room.db", "room.db-wal"])
def test_nothing_is_acknowledged_once_the_file_was_removed(room: Room, name: str) -> None:
    room.append(entry(1))
    (room.path.parent / name).unlink()
    [error] = errors_of(room, entry(2))
    assert "removed or replaced" in error


# Rows of another process that cannot be read for a while.


@pytest.fixture
def unreadable(path: Path) -> Iterator[sqlite3.Connection]:
    """A database that the log's writer goes on writing and nobody else can open: it calls itself too new."""
    Room(path).log.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        yield other


@contextmanager
def followed_unread(path: Path, other: sqlite3.Connection) -> Iterator[Room]:
    """Open the log with a follower of everything while it cannot be read."""
    room = Room(path)
    deliver = room.deliveries
    room.log.close()
    room.log = RoomLog.open(
        path, synchronous="normal", volatile_kinds=frozenset(), on_error=room.errors.append, clock=lambda: START
    )
    other.execute("PRAGMA user_version = 99")
    room.log.follow(0, lambda rows, outcomes: deliver.append((rows, outcomes)))
    yield room
    room.log.close()


def test_a_conflict_is_not_told_before_the_rows_that_it_is_about_could_be_read(
    path: Path, unreadable: sqlite3.Connection
) -> None:
    version = unreadable.execute("PRAGMA user_version").fetchone()[0]
    late = entry(2, "joined", "ana", expect=0)
    with followed_unread(path, unreadable) as room:
        append_all(unreadable, [entry(1, "joined", "ana")], START, frozenset())
        [failed] = room.append(late)
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, DatabaseTooNew)
        assert isinstance(room.append(entry(3))[0], Failed), "nothing overtakes it"
        unreadable.execute(f"PRAGMA user_version = {version}")
        room.log.resume()
        assert room.append(late, entry(3)) == [Conflict(late.id, 1, "ana"), Committed(entry(3).id, 2)]
        assert seqs(room.followed) == [1, 2]


def test_no_row_is_delivered_before_those_that_could_not_be_read(path: Path, unreadable: sqlite3.Connection) -> None:
    version = unreadable.execute("PRAGMA user_version").fetchone()[0]
    with followed_unread(path, unreadable) as room:
        append_all(unreadable, [entry(1), entry(2)], START, frozenset())
        assert [type(outcome) for outcome in room.append(entry(3), entry(2))] == [Failed, Failed]
        assert room.followed == []
        unreadable.execute(f"PRAGMA user_version = {version}")
        room.log.resume()
        assert room.append(entry(3), entry(2)) == [Committed(entry(3).id, 3), Committed(entry(2).id, 2)]
        assert seqs(room.followed) == [1, 2, 3]


# Damage.


@pytest.fixture
def damaged(path: Path) -> Iterator[RoomLog]:
    """A log of a hundred entries, one page of which has been overwritten."""
    room = Room(path)
    room.append(*(entry(number, text="x" * 1000) for number in range(100)))
    room.log.close()
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    page = next(at for at in range(20 * size, len(data), size) if data[at] == 13 and b"xxxx" in data[at : at + size])
    data[page : page + 100] = b"\xff" * 100
    path.write_bytes(data)
    log = RoomLog.open(path, synchronous="normal", volatile_kinds=MESSAGES, on_error=print)
    yield log
    log.close()


def test_a_damaged_page_leaves_a_gap_between_readable_entries(damaged: RoomLog) -> None:
    first = damaged.read(0, 100, 60)
    rest = damaged.read(first.through, 100, 60)
    assert (first.through, rest.through) == (60, 100)
    found = [*seqs(first), *seqs(rest)]
    assert 90 <= len(found) < 100
    assert found == sorted(set(found))
    missing = sorted({*range(1, 101)} - {*found})
    assert missing == list(range(missing[0], missing[-1] + 1))
    [damage] = [stretch.damage for stretch in (first, rest) if stretch.damage]
    assert isinstance(damage, DatabaseDamaged)
    assert "sockatuh restore" in damage.remedy


def test_an_invalid_entry_counts_as_damage(room: Room) -> None:
    room.append(*map(entry, range(1, 6)))
    room.log.call(lambda connection: connection.execute("UPDATE log SET at = 'noon' WHERE seq = 2").fetchall())
    room.log.call(lambda connection: connection.execute("UPDATE log SET body = '{' WHERE seq = 4").fetchall())
    found = room.log.read(0, 5, 10)
    assert (seqs(found), found.through) == ([1, 5], 5), "3 stands between two that are damaged"
    assert "noon" in str(found.damage)


def test_damage_is_reported_and_skipped_while_following(room: Room) -> None:
    room.append(*map(entry, range(1, 6)))
    room.log.call(lambda connection: connection.execute("UPDATE log SET body = '{' WHERE seq = 3").fetchall())
    room.log.close()
    found: list[int] = []
    log = RoomLog.open(room.path, synchronous="normal", volatile_kinds=frozenset(), on_error=room.errors.append)
    with closing(log):
        log.follow(0, lambda rows, _: found.extend(seqs(rows)))
        log.call(lambda _: None)
    assert found == [1, 2, 4, 5]
    [error] = room.errors
    assert isinstance(error, DatabaseDamaged)
