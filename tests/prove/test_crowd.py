"""How the delays of a crowd are summed up."""

from __future__ import annotations

import pytest
from prove.crowd import Delays, short


def test_the_median_and_what_one_in_a_hundred_exceeds() -> None:
    delays = Delays.of(number / 1000 for number in range(1, 1001))
    assert delays.p50 == pytest.approx(0.5005)
    assert delays.p99 == pytest.approx(0.99, rel=0.001)
    assert str(delays) == "p50 500 ms, p99 990 ms"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0004, "0 ms"), (0.094, "94 ms"), (0.9994, "999 ms"), (1.04, "1.0 s"), (22.14, "22.1 s")]
)
def test_times_are_told_as_people_read_them(seconds: float, told: str) -> None:
    assert short(seconds) == told
