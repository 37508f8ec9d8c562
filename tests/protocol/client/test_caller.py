"""Calls: one at a time, repeated until answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit.bare_room import no_jitter

from sockatuh.protocol.client.caller import CALL_RETRY_AFTER, LEAVE_RETRY_AFTER, Caller
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.messages import Answer, Call, Goodbye, Join, Leave, Members, NameValid, Who
from sockatuh.protocol.timers import TimerTable

NAME = Join("ana", None, None)
FREE = NameValid("ana", 0, bytes(32), bytes(16), 10)


class Calls:
    """A caller with its timer, without jitter by default."""

    def __init__(self, random: Callable[[int], bytes] = no_jitter) -> None:
        self.timers = TimerTable(ClientTimer)
        self.caller = Caller(random, self.timers)
        self.is_given_up = False

    @property
    def due_at(self) -> float | None:
        return self.timers.get(ClientTimer.CALL)

    def due(self, now: float) -> Call | None:
        """Advance the time to `now`, and return the call that is sent then."""
        if not list(self.timers.take_due(now)):
            return None
        call = self.caller.handle_timer(now)
        self.is_given_up = call is None
        return call


def test_calls_are_numbered_from_one_and_go_out_when_they_are_due() -> None:
    calls = Calls()
    assert calls.due_at is None
    assert calls.due(5.0) is None
    calls.caller.ask(NAME, 5.0)
    assert calls.due_at == 5.0
    assert calls.due(4.9) is None
    assert calls.due(5.0) == Call(1, NAME)
    calls.caller.take_answer(Answer(1, FREE))
    calls.caller.ask(Who(""), 6.0)
    assert calls.due(6.0) == Call(2, Who(""))


def test_a_call_is_repeated_ever_more_slowly_under_the_same_number() -> None:
    calls = Calls()
    calls.caller.ask(NAME, 0.0)
    now, waits = 0.0, list[float]()
    for _ in range(len(CALL_RETRY_AFTER) + 1):
        assert calls.due(now) == Call(1, NAME)
        at = calls.due_at
        assert at is not None
        assert calls.due(at - 0.001) is None
        waits.append(at - now)
        now = at
    assert waits == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.0])


def test_repeats_are_spread_by_the_jitter() -> None:
    calls = Calls(lambda size: b"\xff" * size)
    calls.caller.ask(NAME, 0.0)
    calls.due(0.0)
    assert calls.due_at == pytest.approx(0.3, rel=0.01)


def test_a_call_is_repeated_at_once_when_contact_is_back() -> None:
    calls = Calls()
    calls.caller.hurry(1.0)
    calls.caller.ask(NAME, 5.0)
    calls.caller.hurry(1.0)
    assert calls.due_at == 5.0, "what was never asked waits for its time"
    now = 5.0
    for _ in range(4):
        assert calls.due(now) == Call(1, NAME)
        now = calls.due_at or 0.0
    calls.caller.hurry(7.0)
    assert calls.due(7.0) == Call(1, NAME)
    assert calls.due_at == pytest.approx(7.25)


def test_an_answer_is_taken_once_and_returned_with_its_call() -> None:
    calls = Calls()
    calls.caller.ask(NAME, 0.0)
    assert calls.caller.take_answer(Answer(1, FREE)) == (NAME, FREE)
    assert calls.caller.take_answer(Answer(1, FREE)) is None
    assert calls.due_at is None


def test_an_answer_to_another_call_is_ignored() -> None:
    calls = Calls()
    calls.caller.ask(NAME, 0.0)
    calls.caller.ask(Who(""), 0.0)
    assert calls.caller.take_answer(Answer(1, FREE)) is None
    assert calls.caller.take_answer(Answer(3, FREE)) is None
    assert calls.caller.take_answer(Answer(2, Members((), False))) == (Who(""), Members((), False))


def test_a_new_call_replaces_the_one_under_way() -> None:
    calls = Calls()
    calls.caller.ask(NAME, 0.0)
    calls.due(0.0)
    calls.caller.ask(Leave(), 0.1)
    assert calls.due(0.1) == Call(2, Leave())
    assert calls.caller.is_leaving


def test_leave_is_sent_three_times_and_then_given_up() -> None:
    calls = Calls()
    calls.caller.ask(Leave(), 0.0)
    now = 0.0
    for wait in LEAVE_RETRY_AFTER:
        assert calls.due(now) == Call(1, Leave())
        now += wait
    assert not calls.is_given_up
    assert calls.due(now) is None
    assert calls.is_given_up
    assert calls.due_at is None


def test_only_leave_is_ever_given_up() -> None:
    calls = Calls()
    calls.caller.ask(NAME, 0.0)
    assert not calls.caller.is_leaving
    for now in range(100):
        calls.due(float(now))
        assert not calls.is_given_up


def test_a_call_that_was_sent_twice_is_a_reason_to_doubt() -> None:
    calls = Calls()
    assert not calls.caller.is_repeating
    calls.caller.ask(NAME, 0.0)
    calls.due(0.0)
    assert not calls.caller.is_repeating
    calls.due(0.5)
    assert calls.caller.is_repeating
    calls.caller.take_answer(Answer(1, Goodbye()))
    assert not calls.caller.is_repeating
