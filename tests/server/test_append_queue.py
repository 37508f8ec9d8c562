from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from kit.disk import Disk

from sockatuh.errors import StoreError
from sockatuh.room.entries import Message
from sockatuh.room.log import Append, Committed, Conflict, Failed, Outcome, Row
from sockatuh.server.append_queue import RETRY_INTERVAL, SILENCE, AppendQueue, LineWaiter
from sockatuh.store.memory_log import MemoryLog


def entry(number: int, *, key: str | None = None, expect: int | None = None) -> Append:
    return Append(number.to_bytes(16, "big"), Message("ana", "", str(number), action=False), key, expect)


class Desk:
    """A queue of appends, and a log that writes on request."""

    def __init__(self) -> None:
        self.log = Disk(bytes(16))
        self._log = MemoryLog(self.log, lambda: 0)
        self._log.follow(0, self._resolve)
        self.queue: list[bytes] = []
        """The ids of the appends that are with the log."""
        self.appends = AppendQueue(self._put, self._log.resume)
        self.settled: list[tuple[Committed | Conflict, list[object]]] = []
        self.now = 0.0

    def write(self, count: int = 1000) -> None:
        self._log.commit(count)
        self._log.deliver()

    def _put(self, append: Append) -> None:
        self.queue.append(append.id)
        self._log.append(append)

    def _resolve(self, _: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        del self.queue[: len(outcomes)]
        self.settled += [(each, list(who)) for _, each, who in self.appends.resolve(outcomes, self.now)]

    def retry_after(self, seconds: float) -> None:
        self.now += seconds
        self.appends.retry(self.now)


def test_an_outcome_is_returned_with_the_sessions_waiting_for_it() -> None:
    desk = Desk()
    desk.appends.add(entry(1), LineWaiter(7, 1))
    desk.appends.add(entry(2))
    assert len(desk.appends) == 2
    desk.write()
    assert [waiters for _, waiters in desk.settled] == [[LineWaiter(7, 1)], []]
    assert len(desk.appends) == 0


def test_a_repeated_line_is_written_once_and_answered_twice() -> None:
    desk = Desk()
    desk.appends.add(entry(1), LineWaiter(7, 1))
    desk.appends.add(entry(1), LineWaiter(8, 1))
    assert len(desk.queue) == 1
    desk.write()
    assert [waiters for _, waiters in desk.settled] == [[LineWaiter(7, 1), LineWaiter(8, 1)]]


def test_a_conflict_is_final_and_reported_to_the_waiting_sessions() -> None:
    desk = Desk()
    desk.appends.add(entry(1, key="ana", expect=0))
    desk.appends.add(entry(2, key="ana", expect=0), LineWaiter(7, 1))
    desk.write()
    outcome, waiters = desk.settled[1]
    assert outcome == Conflict(entry(2).id, last=1, key="ana")
    assert waiters == [LineWaiter(7, 1)]
    assert len(desk.appends) == 0


def test_nothing_is_answered_while_the_database_fails() -> None:
    desk = Desk()
    desk.log.full = True
    desk.appends.add(entry(1), LineWaiter(7, 1))
    desk.write()
    assert desk.settled == []
    assert (len(desk.appends), desk.appends.held) == (1, 1)


def test_an_append_after_a_failed_one_waits_behind_it() -> None:
    desk = Desk()
    desk.log.full = True
    desk.appends.add(entry(1))
    desk.write()
    desk.appends.add(entry(2))
    assert not desk.queue
    assert desk.appends.held == 2


def test_failed_appends_are_retried_together_after_a_second() -> None:
    desk = Desk()
    desk.log.full = True
    desk.appends.add(entry(1))
    desk.write()
    desk.appends.add(entry(2))
    desk.log.full = False
    desk.retry_after(RETRY_INTERVAL / 2)
    assert not desk.queue
    desk.retry_after(RETRY_INTERVAL / 2)
    assert desk.queue == [entry(1).id, entry(2).id]
    desk.write()
    assert [row.id for row in desk.log.rows] == [entry(1).id, entry(2).id]
    assert desk.appends.held == 0


def test_no_retry_overtakes_an_append_in_progress() -> None:
    desk = Desk()
    desk.log.full = True
    desk.appends.add(entry(1))
    desk.appends.add(entry(2))
    desk.write(1)
    desk.retry_after(10.0)
    assert desk.queue == [entry(2).id]


def test_nothing_is_retried_without_a_failure() -> None:
    desk = Desk()
    desk.appends.add(entry(1))
    desk.retry_after(10.0)
    assert desk.queue == [entry(1).id]


@given(st.lists(st.sampled_from(["add", "repeat", "write one", "write all", "fill", "mend", "retry"]), max_size=60))
def test_despite_failures_each_line_is_written_once_and_in_order(steps: list[str]) -> None:
    desk = Desk()
    said = 0
    for step in steps:
        match step:
            case "add":
                said += 1
                desk.appends.add(entry(said), LineWaiter(1, said))
            case "repeat":
                said = max(said, 1)
                desk.appends.add(entry(said), LineWaiter(2, said))
            case "write one":
                desk.write(1)
            case "write all":
                desk.write()
            case "fill" | "mend":
                desk.log.full = step == "fill"
            case _:
                desk.retry_after(RETRY_INTERVAL)
        assert desk.appends.held <= len(desk.appends) <= said
    desk.log.full = False
    for _ in range(2):
        desk.write()
        desk.retry_after(RETRY_INTERVAL)
    desk.write()
    assert [row.id for row in desk.log.rows] == [entry(number).id for number in range(1, said + 1)]
    answered = {waiter.number for _, waiters in desk.settled for waiter in waiters if isinstance(waiter, LineWaiter)}
    assert answered == set(range(1, said + 1))
    assert len(desk.appends) == 0


def test_the_reason_of_an_outage_is_available_until_a_write_succeeds() -> None:
    desk = Desk()
    desk.log.full = True
    desk.appends.add(entry(1))
    assert desk.appends.obstacle(desk.now) is None
    desk.write()
    assert "the disk is full" in str(desk.appends.obstacle(desk.now))
    desk.retry_after(RETRY_INTERVAL)
    assert desk.appends.held == 1, "it still waits, while it is tried again"
    assert "the disk is full" in str(desk.appends.obstacle(desk.now))
    desk.log.full = False
    desk.write()
    desk.retry_after(RETRY_INTERVAL)
    desk.write()
    assert desk.appends.obstacle(desk.now) is None
    assert desk.appends.held == 0


def test_an_unresponsive_log_counts_as_an_outage() -> None:
    desk = Desk()
    desk.retry_after(1.0)
    desk.retry_after(100.0)
    desk.appends.add(entry(1))
    desk.retry_after(SILENCE - 0.1)
    assert desk.appends.obstacle(desk.now) is None
    desk.retry_after(0.1)
    assert "does not answer" in str(desk.appends.obstacle(desk.now))
    desk.write()
    assert desk.appends.obstacle(desk.now) is None


def test_lines_of_a_closed_session_are_written_without_waiting() -> None:
    desk = Desk()
    desk.log.full = True
    for session in (7, 8):
        desk.appends.add(entry(1), LineWaiter(session, 1))
    desk.write()
    desk.appends.forget(7)
    desk.log.full = False
    desk.retry_after(RETRY_INTERVAL)
    desk.write()
    assert [waiters for _, waiters in desk.settled] == [[LineWaiter(8, 1)]]


def test_an_outcome_without_a_waiting_session_is_ignored() -> None:
    desk = Desk()
    desk.appends.add(entry(1), LineWaiter(7, 1))
    others: list[Outcome] = [Committed(entry(2).id, 1), Conflict(entry(3).id, 1), Failed(entry(4).id, StoreError("?"))]
    assert list(desk.appends.resolve(others, desk.now)) == []
    assert (len(desk.appends), desk.appends.held, desk.appends.obstacle(desk.now)) == (1, 0, None)
