"""Reading: what is acknowledged, what is asked for, and when."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from protocol.house import Dice, entry

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import GET_RETRY_AFTER, REORDER_DELAY
from sockatuh.protocol.peer_events import CaughtUp, EntriesGone, EntryArrived
from sockatuh.protocol.reader import MARKS_KEPT, Reader
from sockatuh.protocol.requests import line_id

KEY, STREAM = bytes(32), bytes(8)


def make_reader(cursor: int = 0) -> Reader:
    return Reader(KEY, STREAM, Dice(3), cursor)


def told(after: int, through: int, *seqs: int, end: bool = False) -> m.Entries:
    return m.Entries(after, through, end, tuple(msgspec.Raw(entry(seq)[1]) for seq in seqs))


def due_until(reader: Reader, end: float) -> list[tuple[float, m.Ack | m.Get]]:
    """Return what is sent until a time, and when."""
    sent: list[tuple[float, m.Ack | m.Get]] = []
    while (at := reader.get_timer()) is not None and at <= end:
        reply = reader.due(at)
        if reply is not None:
            sent.append((at, reply))
    return sent


def test_what_was_read_is_acknowledged_after_a_while_and_once() -> None:
    reader = make_reader()
    reader.receive(told(0, 1, 1), 10.0)
    assert reader.due(10.07) is None
    ((at, reply),) = due_until(reader, 99.0)
    assert reply == m.Ack(1)
    assert 10.075 <= at <= 10.125


def test_acknowledgements_of_many_readers_are_spread() -> None:
    spans = set[float]()
    reader = make_reader()
    for seq in range(1, 60):
        reader.receive(told(seq - 1, seq, seq), float(seq))
        ((at, _),) = due_until(reader, seq + 0.5)
        spans.add(at - seq)
    assert 0.074 <= min(spans) < 0.085
    assert 0.115 < max(spans) <= 0.126


def test_what_comes_while_an_acknowledgement_waits_is_acknowledged_with_it() -> None:
    reader = make_reader()
    for seq in range(1, 20):
        reader.receive(told(seq - 1, seq, seq), 10.0 + seq / 1000)
    assert [reply for _, reply in due_until(reader, 99.0)] == [m.Ack(19)]


def test_nothing_is_acknowledged_when_the_cursor_has_not_moved() -> None:
    reader = make_reader()
    reader.receive(told(0, 1, 1), 10.0)
    due_until(reader, 11.0)
    reader.receive(told(0, 1, 1), 12.0)
    assert due_until(reader, 99.0) == []


def test_the_server_says_how_long_to_collect() -> None:
    reader = make_reader()
    reader.ack_seconds = 2.0
    reader.receive(told(0, 1, 1), 10.0)
    ((at, _),) = due_until(reader, 99.0)
    assert 11.5 <= at <= 12.5


def test_a_hole_is_asked_for_after_the_time_that_reordering_takes() -> None:
    reader = make_reader()
    reader.receive(told(2, 3, 3), 10.0)
    ((at, reply),) = due_until(reader, 10.1)
    assert (at, reply) == (10.0 + REORDER_DELAY, m.Get(0, 2))


def test_a_hole_that_closes_in_that_time_is_not_asked_for() -> None:
    reader = make_reader()
    reader.receive(told(2, 3, 3), 10.0)
    reader.receive(told(0, 2, 1, 2), 10.005)
    assert [type(reply) for _, reply in due_until(reader, 99.0)] == [m.Ack]


def test_a_hole_that_stays_is_asked_for_ever_more_slowly() -> None:
    reader = make_reader()
    reader.notice_head(5, 10.0)
    sent = due_until(reader, 25.0)
    assert {reply for _, reply in sent} == {m.Get(0, 5)}
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(sent)]
    assert waits[:6] == pytest.approx([0.25, 0.5, 1.0, 2.0, 2.0, 2.0])
    assert waits[0] == GET_RETRY_AFTER[0]


def test_progress_begins_the_schedule_anew() -> None:
    reader = make_reader()
    reader.notice_head(5, 10.0)
    due_until(reader, 12.0)
    reader.receive(told(0, 1, 1), 12.0)
    due_until(reader, 14.0)
    reader.receive(told(1, 2, 2), 14.0)
    first, second = [at for at, reply in due_until(reader, 16.4) if isinstance(reply, m.Get)][:2]
    assert second - first == pytest.approx(GET_RETRY_AFTER[0])


def test_one_who_is_still_short_at_the_end_of_an_answer_asks_on_at_once() -> None:
    reader = make_reader()
    reader.begin(100, 10.0)
    assert reader.due(10.0) == m.Get(0, 100)
    reader.receive(told(0, 40, *range(1, 41), end=True), 10.001)
    assert reader.due(10.001) == m.Get(40, 100)


def test_the_answer_to_a_get_may_come_in_several_datagrams_without_being_asked_for_again() -> None:
    reader = make_reader()
    reader.begin(100, 10.0)
    assert reader.due(10.0) == m.Get(0, 100)
    for seq in range(1, 50):
        reader.receive(told(seq - 1, seq, seq), 10.0 + seq / 1000)
    assert all(isinstance(reply, m.Ack) for _, reply in due_until(reader, 10.05))


def test_a_get_acknowledges_what_is_before_the_hole() -> None:
    reader = make_reader()
    reader.receive(told(0, 1, 1), 10.0)
    reader.receive(told(2, 3, 3), 10.0)
    assert [reply for _, reply in due_until(reader, 10.2)] == [m.Get(1, 2)]


def test_a_session_begins_with_what_is_missing() -> None:
    reader = make_reader(cursor=7)
    reader.begin(9, 10.0)
    assert reader.due(10.0) == m.Get(7, 9)
    reader = make_reader(cursor=9)
    reader.begin(9, 10.0)
    assert reader.get_timer() is None


def test_one_is_caught_up_when_everything_up_to_the_head_of_that_moment_is_there() -> None:
    reader = make_reader()
    reader.begin(2, 10.0)
    reader.receive(told(0, 1, 1), 10.0)
    reader.receive(told(2, 3, 3), 10.0)
    assert not [event for event in reader.take() if isinstance(event, CaughtUp)]
    reader.receive(told(1, 2, 2), 10.0)
    assert [type(event) for event in reader.take()] == [EntryArrived, EntryArrived, CaughtUp]
    reader.receive(told(3, 4, 4), 10.0)
    assert [type(event) for event in reader.take()] == [EntryArrived]


def test_one_who_has_missed_nothing_is_caught_up_at_once() -> None:
    reader = make_reader(cursor=9)
    reader.begin(9, 10.0)
    assert reader.take() == [CaughtUp()]


def test_what_is_gone_is_told() -> None:
    reader = make_reader()
    reader.receive(told(0, 3, 3), 10.0)
    gone, arrived = reader.take()
    assert isinstance(gone, EntriesGone)
    assert gone.stretch.count == 2
    assert isinstance(arrived, EntryArrived)


def mine(seq: int, number: int, kind: int = m.MESSAGE, key: bytes = KEY) -> m.Entries:
    encoding = entry(seq, "mine", kind, line_id(key, STREAM, number)[:6])[1]
    return m.Entries(seq - 1, seq, False, (msgspec.Raw(encoding),))


@pytest.mark.parametrize("kind", [m.MESSAGE, m.ACTION])
def test_ones_own_line_is_recognised_by_its_mark_once(kind: int) -> None:
    reader = make_reader()
    reader.expect(4)
    reader.receive(mine(1, 4, kind), 10.0)
    reader.receive(mine(2, 4, kind), 10.0)
    assert [event.own for event in reader.take() if isinstance(event, EntryArrived)] == [4, None]


@pytest.mark.parametrize(("kind", "key"), [(m.JOINED, KEY), (m.MESSAGE, b"x" * 32)])
def test_nothing_else_is_taken_for_ones_own_line(kind: int, key: bytes) -> None:
    reader = make_reader()
    reader.expect(4)
    reader.receive(mine(1, 4, kind, key), 10.0)
    assert [event.own for event in reader.take() if isinstance(event, EntryArrived)] == [None]


def test_only_so_many_own_lines_are_remembered() -> None:
    reader = make_reader()
    for number in range(1, MARKS_KEPT + 2):
        reader.expect(number)
    assert len(reader._marks) == MARKS_KEPT
    reader.receive(mine(1, 1), 10.0)
    reader.receive(mine(2, 2), 10.0)
    assert [event.own for event in reader.take() if isinstance(event, EntryArrived)] == [None, 2]


def test_what_does_not_decode_is_the_one_error() -> None:
    with pytest.raises(ProtocolError):
        make_reader().receive(m.Entries(0, 1, False, (msgspec.Raw(b"\xc0"),)), 10.0)
