"""Reading: what is acknowledged, what is asked for, and when."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from kit.bare_room import Dice, entry

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.catch_up import ANSWER_GUESS, ANSWERS_TIMED, GET_BACKOFF, MARKS_KEPT, CatchUp
from sockatuh.protocol.client.events import CaughtUp, EntriesGone, EntryArrived
from sockatuh.protocol.constants import ACK_ENTRIES, ACK_PATIENCE, GET_RETRY_MAX, REORDER_DELAY
from sockatuh.protocol.datagrams import line_id

KEY, STREAM = bytes(32), bytes(8)


def make_reader(cursor: int = 0) -> CatchUp:
    return CatchUp(KEY, STREAM, Dice(3), cursor)


def make_entries(after: int, through: int, *seqs: int, end: bool = False) -> m.Entries:
    return m.Entries(after, through, end, tuple(msgspec.Raw(entry(seq).encoding) for seq in seqs))


def due_until(reader: CatchUp, end: float) -> list[tuple[float, m.Ack | m.Get]]:
    """Return what is sent until a time, and when."""
    sent: list[tuple[float, m.Ack | m.Get]] = []
    while (at := reader.get_timer()) is not None and at <= end:
        reply = reader.due(at)
        if reply is not None:
            sent.append((at, reply))
    return sent


def test_what_was_read_is_acknowledged_after_a_while_and_once() -> None:
    reader = make_reader()
    reader.receive(make_entries(0, 1, 1), 10.0)
    assert reader.due(10.07) is None
    ((at, reply),) = due_until(reader, 99.0)
    assert reply == m.Ack(1)
    assert 10.075 <= at <= 10.125


def test_acknowledgements_of_many_readers_are_spread() -> None:
    spans = set[float]()
    reader = make_reader()
    for seq in range(1, 60):
        reader.receive(make_entries(seq - 1, seq, seq), float(seq))
        ((at, _),) = due_until(reader, seq + 0.5)
        spans.add(at - seq)
    assert 0.074 <= min(spans) < 0.085
    assert 0.115 < max(spans) <= 0.126


def test_what_comes_while_an_acknowledgement_waits_is_acknowledged_with_it() -> None:
    reader = make_reader()
    for seq in range(1, 20):
        reader.receive(make_entries(seq - 1, seq, seq), 10.0 + seq / 1000)
    assert [reply for _, reply in due_until(reader, 99.0)] == [m.Ack(19)]


def test_while_more_comes_an_acknowledgement_waits_but_not_for_ever() -> None:
    reader = make_reader()
    acks = []
    for seq in range(1, 1001):
        now = 10.0 + seq * 0.07
        acks += due_until(reader, now)
        reader.receive(make_entries(seq - 1, seq, seq), now)
    acks += due_until(reader, 99.0)
    waits = [at - earlier for (earlier, _), (at, _) in pairwise([(10.0, None), *acks])]
    assert len(waits) > 3
    assert all(0.75 * ACK_PATIENCE <= wait <= 1.25 * ACK_PATIENCE + 0.1 for wait in waits[:-1])
    assert acks[-1][1] == m.Ack(1000)


def test_much_is_acknowledged_at_once() -> None:
    reader = make_reader()
    for seq in range(1, ACK_ENTRIES + 1):
        assert not due_until(reader, 10.0)
        reader.receive(make_entries(seq - 1, seq, seq), 10.0)
    assert due_until(reader, 10.0) == [(10.0, m.Ack(ACK_ENTRIES))]


def test_nothing_is_acknowledged_when_the_cursor_has_not_moved() -> None:
    reader = make_reader()
    reader.receive(make_entries(0, 1, 1), 10.0)
    due_until(reader, 11.0)
    reader.receive(make_entries(2, 3, 3), 12.0)
    reader.notice_head(1, 12.0, again=False)
    assert not [reply for _, reply in due_until(reader, 99.0) if isinstance(reply, m.Ack)]


@pytest.mark.parametrize(
    "again",
    [
        lambda reader: reader.receive(make_entries(0, 1, 1), 12.0),
        lambda reader: reader.receive(make_entries(1, 2, 2), 12.0),
        lambda reader: reader.receive(m.EntryPart(2, 0, 3, b"x", False), 12.0),
        lambda reader: reader.notice_head(2, 12.0, again=True),
    ],
    ids=["the same", "the last of it", "a part", "the head"],
)
def test_a_server_that_tells_again_what_is_known_has_missed_the_acknowledgement(
    again: Callable[[CatchUp], None],
) -> None:
    """Otherwise it would tell it for ever."""
    reader = make_reader()
    reader.receive(make_entries(0, 2, 1, 2), 10.0)
    due_until(reader, 11.0)
    again(reader)
    again(reader)
    assert [reply for _, reply in due_until(reader, 99.0)] == [m.Ack(2)]


def test_a_head_that_is_not_known_is_asked_for_and_not_acknowledged() -> None:
    reader = make_reader(cursor=3)
    reader.notice_head(5, 10.0, again=True)
    assert [reply for _, reply in due_until(reader, 10.02)] == [m.Get(3, 5)]


def test_the_server_says_how_long_to_collect() -> None:
    reader = make_reader()
    reader.ack_seconds = 2.0
    reader.receive(make_entries(0, 1, 1), 10.0)
    ((at, _),) = due_until(reader, 99.0)
    assert 11.5 <= at <= 12.5


def test_a_hole_is_asked_for_after_the_time_that_reordering_takes() -> None:
    reader = make_reader()
    reader.receive(make_entries(2, 3, 3), 10.0)
    ((at, reply),) = due_until(reader, 10.1)
    assert (at, reply) == (10.0 + REORDER_DELAY, m.Get(0, 2))


def test_a_hole_that_closes_in_that_time_is_not_asked_for() -> None:
    reader = make_reader()
    reader.receive(make_entries(2, 3, 3), 10.0)
    reader.receive(make_entries(0, 2, 1, 2), 10.005)
    assert [type(reply) for _, reply in due_until(reader, 99.0)] == [m.Ack]


def gets(reader: CatchUp, end: float) -> list[float]:
    """Return when something is asked for, until a time."""
    return [at for at, reply in due_until(reader, end) if isinstance(reply, m.Get)]


def lacking(head: int) -> CatchUp:
    """Return a reader that has just asked for all there is."""
    reader = make_reader()
    reader.begin(head, 10.0)
    assert reader.due(10.0) == m.Get(0, head)
    return reader


def test_all_holes_are_asked_for_at_once() -> None:
    reader = make_reader()
    for seq in (3, 6):
        reader.receive(m.Entries(seq - 1, seq, False, (msgspec.Raw(entry(seq, "x" * 600).encoding),)), 10.0)
    reader.notice_head(7, 10.0, again=False)
    assert [reply for _, reply in due_until(reader, 10.02)] == [m.Get(0, 2, ((3, 5), (6, 7)))]


def test_a_hole_that_stays_is_asked_for_ever_more_slowly() -> None:
    asked = gets(lacking(5), 60.0)
    waits = [later - earlier for earlier, later in pairwise([10.0, *asked])]
    assert waits[0] == pytest.approx(2 * ANSWER_GUESS)
    assert all(later == pytest.approx(min(earlier * GET_BACKOFF, GET_RETRY_MAX)) for earlier, later in pairwise(waits))
    assert waits[-1] == GET_RETRY_MAX
    assert sum(waits[:7]) < 1.6, "seven in a row are lost to one of a hundred in the worst of weathers"


def test_one_waits_twice_as_long_as_the_quickest_answer_of_late_has_taken() -> None:
    reader, now = lacking(99), 10.0
    for seq, seconds in enumerate([0.9, 0.3, *[0.6] * (ANSWERS_TIMED - 2)]):
        now += seconds
        reader.receive(make_entries(seq, seq + 1, seq + 1, end=True), now)
        assert reader.due(now) == m.Get(seq + 1, 99)
    assert gets(reader, now + 0.61) == pytest.approx([now + 0.6])


def test_an_answer_is_timed_from_the_first_request_for_it() -> None:
    """Which of several was answered is not known; to take the last would make one ever more impatient."""
    reader, now = lacking(99), 10.0
    for seq in range(ANSWERS_TIMED):
        gets(reader, now + 0.45)
        now += 0.5
        reader.receive(make_entries(seq, seq + 1, seq + 1, end=True), now)
        assert reader.due(now) == m.Get(seq + 1, 99)
    assert gets(reader, now + 1.01) == pytest.approx([now + 1.0])


def test_an_answer_that_is_on_its_way_is_waited_for() -> None:
    reader = lacking(99)
    for seq in range(20):
        reader.receive(make_entries(seq, seq + 1, seq + 1), 10.05 + seq * 0.05)
        assert gets(reader, 10.05 + seq * 0.05 + 0.049) == []
    last = 10.05 + 19 * 0.05
    assert gets(reader, last + 0.11) == pytest.approx([last + 2 * ANSWER_GUESS])


def test_a_hole_that_is_never_filled_is_asked_for_as_long_as_it_is_there() -> None:
    reader = make_reader()
    reader.begin(1, 10.0)
    asked = due_until(reader, 10_000.0)
    assert len(asked) > 4_000
    assert {reply for _, reply in asked} == {m.Get(0, 1)}


def test_progress_begins_the_schedule_anew() -> None:
    reader = lacking(5)
    gets(reader, 20.0)
    reader.receive(make_entries(0, 1, 1), 20.0)
    assert gets(reader, 20.11) == pytest.approx([20.0 + 2 * ANSWER_GUESS])


def test_a_new_session_asks_as_if_nothing_had_been_asked() -> None:
    reader = lacking(5)
    gets(reader, 20.0)
    reader.begin(6, 30.0)
    assert reader.due(30.0) == m.Get(0, 6)
    assert gets(reader, 30.11) == pytest.approx([30.0 + 2 * ANSWER_GUESS])


def test_when_contact_is_back_what_is_missing_is_requested_at_once() -> None:
    reader = lacking(5)
    gets(reader, 20.0)
    reader.hurry(20.0)
    assert reader.due(20.0) == m.Get(0, 5)
    assert gets(reader, 20.11) == pytest.approx([20.0 + 2 * ANSWER_GUESS])
    reader = make_reader()
    reader.hurry(20.0)
    assert reader.get_timer() is None


def test_one_who_is_still_short_at_the_end_of_an_answer_asks_on_at_once() -> None:
    reader = make_reader()
    reader.begin(100, 10.0)
    assert reader.due(10.0) == m.Get(0, 100)
    reader.receive(make_entries(0, 40, *range(1, 41), end=True), 10.001)
    assert reader.due(10.001) == m.Get(40, 100)


def test_the_answer_to_a_get_may_come_in_several_datagrams_without_being_asked_for_again() -> None:
    reader = make_reader()
    reader.begin(100, 10.0)
    assert reader.due(10.0) == m.Get(0, 100)
    for seq in range(1, 50):
        reader.receive(make_entries(seq - 1, seq, seq), 10.0 + seq / 1000)
    assert all(isinstance(reply, m.Ack) for _, reply in due_until(reader, 10.05))


def test_a_get_acknowledges_what_is_before_the_hole() -> None:
    reader = make_reader()
    reader.receive(make_entries(0, 1, 1), 10.0)
    reader.receive(make_entries(2, 3, 3), 10.0)
    assert [reply for _, reply in due_until(reader, 10.1)] == [m.Get(1, 2)]


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
    reader.receive(make_entries(0, 1, 1), 10.0)
    reader.receive(make_entries(2, 3, 3), 10.0)
    assert not [event for event in reader.take() if isinstance(event, CaughtUp)]
    reader.receive(make_entries(1, 2, 2), 10.0)
    assert [type(event) for event in reader.take()] == [EntryArrived, EntryArrived, CaughtUp]
    reader.receive(make_entries(3, 4, 4), 10.0)
    assert [type(event) for event in reader.take()] == [EntryArrived]


def test_one_who_has_missed_nothing_is_caught_up_at_once() -> None:
    reader = make_reader(cursor=9)
    reader.begin(9, 10.0)
    assert reader.take() == [CaughtUp()]


def test_what_is_gone_is_told() -> None:
    reader = make_reader()
    reader.receive(make_entries(0, 3, 3), 10.0)
    gone, arrived = reader.take()
    assert isinstance(gone, EntriesGone)
    assert gone.stretch.count == 2
    assert isinstance(arrived, EntryArrived)


def mine(seq: int, number: int, kind: int = m.MESSAGE, key: bytes = KEY) -> m.Entries:
    encoding = entry(seq, "mine", kind, line_id(key, STREAM, number)[:6]).encoding
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


def test_a_paused_reader_takes_nothing_asks_for_nothing_and_fetches_everything_afterwards() -> None:
    reader = make_reader()
    reader.receive(make_entries(0, 1, 1), 1.0)
    assert [type(event) for event in reader.take()] == [EntryArrived]
    assert due_until(reader, 2.0)[-1][1] == m.Ack(1)
    reader.pause()
    reader.receive(make_entries(1, 2, 2), 2.0)
    reader.receive(make_entries(2, 4, 3, 4), 2.1)
    reader.notice_head(6, 2.2, again=True)
    reader.begin(6, 2.3)
    assert (reader.take(), due_until(reader, 9.0)) == ([], [])
    reader.resume(10.0)
    assert reader.due(10.0) == m.Get(1, 6, ())
    reader.receive(make_entries(1, 6, 2, 3, 4, 5, 6, end=True), 10.1)
    assert [event.entry.seq for event in reader.take() if isinstance(event, EntryArrived)] == [2, 3, 4, 5, 6]
