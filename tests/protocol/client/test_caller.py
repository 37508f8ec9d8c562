"""Calls: one at a time, repeated until answered."""

from __future__ import annotations

import pytest

from sockatuh.protocol.client.caller import CALL_RETRY_AFTER, LEAVE_RETRY_AFTER, Caller
from sockatuh.protocol.messages import Answer, Call, Goodbye, Join, Leave, Members, NameValid, Who

NAME = Join("ana", None, None)


def test_calls_are_numbered_from_one_and_go_out_when_they_are_due() -> None:
    caller = Caller()
    assert caller.get_timer() is None
    assert caller.due(5.0, 1.0) is None
    caller.ask(NAME, 5.0)
    assert caller.get_timer() == 5.0
    assert caller.due(4.9, 1.0) is None
    assert caller.due(5.0, 1.0) == Call(1, NAME)
    caller.take_answer(Answer(1, NameValid("ana")))
    caller.ask(Who(""), 6.0)
    assert caller.due(6.0, 1.0) == Call(2, Who(""))


def test_a_call_is_repeated_ever_more_slowly_under_the_same_number() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    now, waits = 0.0, list[float]()
    for _ in range(len(CALL_RETRY_AFTER) + 1):
        assert caller.due(now, 1.0) == Call(1, NAME)
        at = caller.get_timer()
        assert at is not None
        assert caller.due(at - 0.001, 1.0) is None
        waits.append(at - now)
        now = at
    assert waits == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.0])


def test_repeats_are_spread_by_the_jitter() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    caller.due(0.0, 1.2)
    assert caller.get_timer() == pytest.approx(0.3)


def test_when_the_server_is_heard_again_what_was_asked_is_asked_at_once() -> None:
    caller = Caller()
    caller.hurry(1.0)
    caller.ask(NAME, 5.0)
    caller.hurry(1.0)
    assert caller.get_timer() == 5.0, "what was never asked waits for its time"
    now = 5.0
    for _ in range(4):
        assert caller.due(now, 1.0) == Call(1, NAME)
        now = caller.get_timer() or 0.0
    caller.hurry(7.0)
    assert caller.due(7.0, 1.0) == Call(1, NAME)
    assert caller.get_timer() == pytest.approx(7.25)


def test_an_answer_is_taken_once_and_with_what_was_asked() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    assert caller.take_answer(Answer(1, NameValid("ana"))) == (NAME, NameValid("ana"))
    assert caller.take_answer(Answer(1, NameValid("ana"))) is None
    assert caller.get_timer() is None


def test_an_answer_to_another_call_is_nobodys() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    caller.ask(Who(""), 0.0)
    assert caller.take_answer(Answer(1, NameValid("ana"))) is None
    assert caller.take_answer(Answer(3, NameValid("ana"))) is None
    assert caller.take_answer(Answer(2, Members((), False))) == (Who(""), Members((), False))


def test_a_new_call_takes_the_place_of_the_one_under_way() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    caller.due(0.0, 1.0)
    caller.ask(Leave(), 0.1)
    assert caller.due(0.1, 1.0) == Call(2, Leave())
    assert caller.is_leaving


def test_a_goodbye_is_said_three_times_and_then_given_up() -> None:
    caller = Caller()
    caller.ask(Leave(), 0.0)
    now = 0.0
    for wait in LEAVE_RETRY_AFTER:
        assert not caller.is_given_up(now)
        assert caller.due(now, 1.0) == Call(1, Leave())
        now += wait
    assert caller.is_given_up(now)
    assert caller.due(now, 1.0) is None


def test_nothing_but_a_goodbye_is_ever_given_up() -> None:
    caller = Caller()
    caller.ask(NAME, 0.0)
    assert not caller.is_leaving
    for now in range(100):
        caller.due(float(now), 1.0)
        assert not caller.is_given_up(float(now))


def test_a_call_that_was_sent_twice_is_a_reason_to_doubt() -> None:
    caller = Caller()
    assert not caller.retried()
    caller.ask(NAME, 0.0)
    caller.due(0.0, 1.0)
    assert not caller.retried()
    caller.due(0.5, 1.0)
    assert caller.retried()
    caller.take_answer(Answer(1, Goodbye()))
    assert not caller.retried()
