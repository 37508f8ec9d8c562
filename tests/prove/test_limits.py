"""What an attack may take before it counts as hanging."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prove.__main__ import _answer_of
from prove.attack import Pace
from prove.register import ATTACKS

COMPUTED = next(attack for attack in ATTACKS if attack.pace is Pace.COMPUTED)


@pytest.fixture(autouse=True)
def _find_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.mark.slow  # no process can be limited to less than a second
def test_a_computed_attack_is_ended_by_the_processor_time_it_used() -> None:
    answer = _answer_of(replace(COMPUTED, limit=1.0), seed=1, long=False)
    assert answer == {"broken": "not finished after 1 s of processor time"}


def test_any_other_attack_is_ended_by_the_clock() -> None:
    answer = _answer_of(replace(COMPUTED, pace=Pace.TIMED, limit=0.01), seed=1, long=False)
    assert answer == {"broken": "not finished after 0 s"}
