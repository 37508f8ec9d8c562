"""Under an adversary who controls the network, everybody sees the same room, and it recovers when the attack ends.

A failure prints the steps that led to it, and is the same in every run; `scripts/prove --only adversary` tries others.
"""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from .adversary import Adversary, effort


@pytest.mark.slow
def test_a_room_survives_an_adversary_on_the_whole_network() -> None:
    run_state_machine_as_test(Adversary, settings=effort(30, 30, same_each_time=True))
