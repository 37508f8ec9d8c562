"""The table of the states of a conversation."""

from __future__ import annotations

import pytest

from sockatuh.protocol.client.state import TRANSITIONS, PeerState


def test_every_arrow_of_the_drawing_is_in_the_table() -> None:
    way = [
        (PeerState.IDLE, "dial", PeerState.DIALING),
        (PeerState.DIALING, "connect", PeerState.OPEN),
        (PeerState.OPEN, "join", PeerState.JOINING),
        (PeerState.JOINING, "refuse", PeerState.OPEN),
        (PeerState.JOINING, "welcome", PeerState.JOINED),
    ]
    assert [TRANSITIONS[state, action] for state, action, _ in way] == [after for _, _, after in way]


@pytest.mark.parametrize("state", PeerState)
def test_every_state_can_be_left_by_dialling_and_by_stopping(state: PeerState) -> None:
    assert TRANSITIONS[state, "dial"] is PeerState.DIALING
    assert TRANSITIONS[state, "stop"] is PeerState.IDLE


def test_a_join_can_be_asked_again_while_the_answer_is_awaited() -> None:
    assert TRANSITIONS[PeerState.JOINING, "join"] is PeerState.JOINING


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (PeerState.IDLE, "connect"),
        (PeerState.IDLE, "join"),
        (PeerState.DIALING, "join"),
        (PeerState.DIALING, "welcome"),
        (PeerState.OPEN, "welcome"),
        (PeerState.OPEN, "refuse"),
        (PeerState.JOINED, "join"),
        (PeerState.JOINED, "refuse"),
        (PeerState.JOINED, "connect"),
    ],
)
def test_impossible_transitions_are_not_in_the_table(state: PeerState, action: str) -> None:
    with pytest.raises(KeyError):
        TRANSITIONS[state, action]


def test_only_stopping_ends_the_conversation() -> None:
    assert {action for (_, action), after in TRANSITIONS.items() if after is PeerState.IDLE} == {"stop"}
