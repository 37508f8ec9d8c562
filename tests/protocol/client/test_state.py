"""The table of the states of a conversation."""

from __future__ import annotations

import pytest

from sockatuh.protocol.client.state import TRANSITIONS, State


def test_every_arrow_of_the_drawing_is_in_the_table() -> None:
    way = [
        (State.IDLE, "dial", State.DIALING),
        (State.DIALING, "connect", State.OPEN),
        (State.OPEN, "join", State.JOINING),
        (State.JOINING, "refuse", State.OPEN),
        (State.JOINING, "welcome", State.JOINED),
    ]
    assert [TRANSITIONS[state, action] for state, action, _ in way] == [after for _, _, after in way]


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_left_by_dialling_and_by_stopping(state: State) -> None:
    assert TRANSITIONS[state, "dial"] is State.DIALING
    assert TRANSITIONS[state, "stop"] is State.IDLE


def test_a_join_can_be_asked_again_while_the_answer_is_awaited() -> None:
    assert TRANSITIONS[State.JOINING, "join"] is State.JOINING


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.IDLE, "connect"),
        (State.IDLE, "join"),
        (State.DIALING, "join"),
        (State.DIALING, "welcome"),
        (State.OPEN, "welcome"),
        (State.OPEN, "refuse"),
        (State.JOINED, "join"),
        (State.JOINED, "refuse"),
        (State.JOINED, "connect"),
    ],
)
def test_impossible_transitions_are_not_in_the_table(state: State, action: str) -> None:
    with pytest.raises(KeyError):
        TRANSITIONS[state, action]


def test_only_stopping_ends_the_conversation() -> None:
    assert {action for (_, action), after in TRANSITIONS.items() if after is State.IDLE} == {"stop"}
