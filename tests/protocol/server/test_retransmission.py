"""When a session is sent again what it has not acknowledged: one table."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.constants import PUSH_WINDOW, REPAIR_AFTER_MAX
from sockatuh.protocol.server.retransmission import (
    TRANSITIONS,
    WAITS_LONGEST,
    Remedy,
    Retransmission,
    RetransmissionEvent,
    RetransmissionState,
    ShownToAll,
)

DELAY = 0.6
IMPOSSIBLE = {
    (RetransmissionState.UP_TO_DATE, RetransmissionEvent.MOVED),  # there is nothing left to acknowledge in part
    (RetransmissionState.UP_TO_DATE, RetransmissionEvent.TIMED_OUT),
    (RetransmissionState.BEHIND, RetransmissionEvent.SHOWN),  # nothing changes: it is waited for already
    (RetransmissionState.SENT_AGAIN, RetransmissionEvent.SHOWN),
    (RetransmissionState.SILENT, RetransmissionEvent.SHOWN),
}


def shown(seq: int = 10, at: float = 100.0) -> Retransmission:
    """Return the retransmission of a session that was just shown an entry."""
    retransmission = Retransmission()
    retransmission.show(seq, at)
    return retransmission


def test_the_table_has_every_event_that_can_happen_and_no_other() -> None:
    assert TRANSITIONS.keys() == {*product(RetransmissionState, RetransmissionEvent)} - IMPOSSIBLE


def test_one_that_is_up_to_date_is_sent_nothing_again() -> None:
    retransmission = shown()
    assert retransmission.acknowledge(10, 101.0) is False
    assert retransmission.state is RetransmissionState.UP_TO_DATE


def test_it_is_sent_what_it_lacks_twice_and_then_only_the_head() -> None:
    retransmission = shown()
    assert [retransmission.time_out(101.0) for _ in range(4)] == [
        Remedy.ENTRIES,
        Remedy.ENTRIES,
        Remedy.HEAD,
        Remedy.HEAD,
    ]
    assert retransmission.state is RetransmissionState.SILENT


def test_each_wait_is_longer_than_the_one_before_and_all_are_bounded() -> None:
    retransmission, waits, now = shown(), list[float](), 100.0
    for _ in range(5):
        due_at = retransmission.due_at(DELAY, 100.0)
        waits.append(round(due_at - now, 6))
        now = due_at
        retransmission.time_out(now)
    assert waits == [DELAY, 2 * DELAY, REPAIR_AFTER_MAX, REPAIR_AFTER_MAX, REPAIR_AFTER_MAX]


def test_no_repetition_comes_sooner_than_the_first_however_long_clients_collect() -> None:
    retransmission = shown()
    retransmission.time_out(104.4)
    assert retransmission.due_at(4.4, 100.0) == pytest.approx(108.8)
    retransmission.time_out(108.8)
    assert retransmission.due_at(4.4, 100.0) == pytest.approx(113.2)


def test_while_more_is_published_the_first_repetition_waits_as_long_as_clients_do() -> None:
    retransmission = shown(at=100.0)
    assert retransmission.due_at(DELAY, 105.0) == 105.0 + DELAY
    assert retransmission.due_at(DELAY, 500.0) == 100.0 + WAITS_LONGEST + DELAY


def test_an_acknowledgement_that_moves_begins_anew_and_one_that_does_not_changes_nothing() -> None:
    retransmission = shown()
    retransmission.time_out(101.0)
    assert retransmission.acknowledge(0, 102.0) is False
    assert retransmission.state is RetransmissionState.SENT_AGAIN
    assert retransmission.acknowledge(4, 103.0) is True
    assert (retransmission.state, retransmission.since) == (RetransmissionState.BEHIND, 103.0)


def test_being_shown_more_while_behind_does_not_put_the_repetition_off() -> None:
    retransmission = shown(10, at=100.0)
    retransmission.show(11, 105.0)
    assert (retransmission.state, retransmission.since) == (RetransmissionState.BEHIND, 100.0)


def test_one_that_begins_behind_the_head_is_behind_until_it_has_all_of_it() -> None:
    retransmission = Retransmission()
    retransmission.begin(ShownToAll(), 3, 9, 100.0)
    assert retransmission.state is RetransmissionState.BEHIND
    assert retransmission.acknowledge(9, 101.0) is False
    assert retransmission.acked == retransmission.shown == 9


def test_one_that_is_far_behind_is_told_the_head_at_once_and_does_not_wait_for_the_room_to_fall_silent() -> None:
    retransmission = shown(PUSH_WINDOW + 1)
    assert retransmission.is_far_behind
    assert retransmission.due_at(DELAY, 500.0) == 100.0 + DELAY
    assert retransmission.time_out(101.0) is Remedy.HEAD
    retransmission.acknowledge(1, 102.0)
    assert not retransmission.is_far_behind


def test_whatever_is_not_shown_counts_for_nothing() -> None:
    retransmission = shown(10)
    retransmission.acknowledge(10_000, 101.0)
    assert not retransmission.is_far_behind
    retransmission.show(10_001, 102.0)
    assert retransmission.state is RetransmissionState.BEHIND
    assert not retransmission.is_far_behind


steps = st.lists(st.tuples(st.sampled_from(("show", "acknowledge", "time out")), st.integers(0, 50)), max_size=40)


@given(steps=steps)
def test_it_is_up_to_date_exactly_when_all_that_was_shown_is_acknowledged(steps: list[tuple[str, int]]) -> None:
    retransmission, last = Retransmission(), 0
    for now, (what, number) in enumerate(steps):
        if what == "show":
            last += number + 1
            retransmission.show(last, float(now))
        elif what == "acknowledge":
            retransmission.acknowledge(min(number, last), float(now))
        elif retransmission.state is not RetransmissionState.UP_TO_DATE:
            retransmission.time_out(float(now))
        assert (retransmission.state is RetransmissionState.UP_TO_DATE) == (
            retransmission.acked >= retransmission.shown
        )


def test_what_all_are_shown_counts_at_once_and_is_waited_for_from_the_first_of_it() -> None:
    to_all = ShownToAll()
    retransmission = Retransmission(to_all)
    to_all.show(3, 100.0)
    to_all.show(5, 104.0)
    assert retransmission.shown == 5
    retransmission.notice(105.0)
    assert (retransmission.state, retransmission.since) == (RetransmissionState.BEHIND, 100.0)
    to_all.show(6, 110.0)
    retransmission.notice(111.0)
    assert retransmission.since == 100.0, "the wait has begun"


def test_what_it_is_shown_by_itself_does_not_put_off_the_wait_for_what_all_were_shown() -> None:
    to_all = ShownToAll()
    retransmission = Retransmission(to_all)
    to_all.show(3, 100.0)
    retransmission.show(4, 102.0)
    assert (retransmission.state, retransmission.since) == (RetransmissionState.BEHIND, 100.0)


def test_no_wait_begins_before_the_last_acknowledgement() -> None:
    to_all = ShownToAll()
    retransmission = Retransmission(to_all)
    to_all.show(3, 100.0)
    retransmission.acknowledge(3, 101.0)
    to_all.show(4, 102.0)
    retransmission.notice(103.0)
    assert retransmission.since == 101.0


def test_one_that_has_what_all_were_shown_has_nothing_to_notice() -> None:
    to_all = ShownToAll()
    retransmission = Retransmission(to_all)
    to_all.show(3, 100.0)
    assert retransmission.acknowledge(3, 101.0) is False
    retransmission.notice(102.0)
    assert retransmission.state is RetransmissionState.UP_TO_DATE


def test_an_acknowledgement_of_a_part_of_what_all_were_shown_is_one() -> None:
    to_all = ShownToAll()
    retransmission = Retransmission(to_all)
    to_all.show(9, 100.0)
    assert retransmission.acknowledge(4, 101.0) is True
    assert (retransmission.state, retransmission.since) == (RetransmissionState.BEHIND, 101.0)
