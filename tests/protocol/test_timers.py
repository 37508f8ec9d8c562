"""The table of a core's timers: the soonest deadline is the core's own, and each timer fires once."""

from __future__ import annotations

from enum import IntEnum, auto

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.timers import TimerTable


class Timer(IntEnum):
    FIRST = auto()
    SECOND = auto()
    THIRD = auto()


def test_a_table_without_timers_wants_nothing() -> None:
    table = TimerTable(Timer)
    assert table.next_at() is None
    assert list(table.take_due(1e9)) == []


def test_the_soonest_timer_is_the_next_and_each_fires_once() -> None:
    table = TimerTable(Timer)
    table.set(Timer.FIRST, 5.0)
    table.set(Timer.SECOND, 3.0)
    assert table.next_at() == 3.0
    assert list(table.take_due(2.9)) == []
    assert list(table.take_due(3.0)) == [Timer.SECOND]
    assert list(table.take_due(4.9)) == []
    assert table.get(Timer.SECOND) is None
    assert table.next_at() == 5.0


def test_timers_that_are_due_fire_in_the_order_of_the_enum() -> None:
    table = TimerTable(Timer)
    table.set(Timer.THIRD, 1.0)
    table.set(Timer.FIRST, 2.0)
    assert list(table.take_due(2.0)) == [Timer.FIRST, Timer.THIRD]


def test_a_timer_can_be_set_stopped_and_set_to_no_later_than() -> None:
    table = TimerTable(Timer)
    table.set(Timer.FIRST, 5.0)
    table.set(Timer.FIRST, 7.0)
    assert table.get(Timer.FIRST) == 7.0
    table.set_by(Timer.FIRST, 9.0)
    assert table.get(Timer.FIRST) == 7.0
    table.set_by(Timer.FIRST, 6.0)
    table.set_by(Timer.SECOND, 8.0)
    assert (table.get(Timer.FIRST), table.get(Timer.SECOND)) == (6.0, 8.0)
    table.set(Timer.FIRST, None)
    table.stop(Timer.SECOND, Timer.THIRD)
    assert table.next_at() is None


def test_what_is_done_for_one_timer_can_stop_another_or_make_it_due() -> None:
    table = TimerTable(Timer)
    for timer in (Timer.FIRST, Timer.SECOND):
        table.set(timer, 1.0)
    fired = []
    for timer in table.take_due(1.0):
        fired.append(timer)
        if timer is Timer.FIRST:
            table.stop(Timer.SECOND)
            table.set(Timer.THIRD, 1.0)
            table.set(Timer.FIRST, 1.0)
    assert fired == [Timer.FIRST, Timer.THIRD]
    assert list(table.take_due(1.0)) == [Timer.FIRST], "no timer fires twice in one pass"


@given(st.lists(st.tuples(st.sampled_from(Timer), st.one_of(st.none(), st.floats(0, 100))), max_size=20))
def test_it_is_as_if_each_timer_had_a_deadline_of_its_own(steps: list[tuple[Timer, float | None]]) -> None:
    table, deadlines = TimerTable(Timer), dict[Timer, float | None]()
    for timer, at in steps:
        table.set(timer, at)
        deadlines[timer] = at
    times = [at for at in deadlines.values() if at is not None]
    assert table.next_at() == min(times, default=None)
    assert set(table.take_due(50.0)) == {timer for timer, at in deadlines.items() if at is not None and at <= 50.0}
    assert table.next_at() == min((at for at in times if at > 50.0), default=None)
