from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room.moments import find_rfc3339, from_rfc3339, local, rfc3339


def test_times_are_written_in_one_width() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_769_853_120_007) == "2026-01-31T09:52:00.007Z"


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_times_survive_being_written(milliseconds: int) -> None:
    assert from_rfc3339(rfc3339(milliseconds)) == milliseconds


@given(st.integers(0, 10**14), st.integers(0, 10**14))
def test_times_as_text_sort_as_times(one: int, other: int) -> None:
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


def test_a_time_outside_the_calendar_is_none() -> None:
    assert find_rfc3339(1_769_853_120_007) == "2026-01-31T09:52:00.007Z"
    for milliseconds in (1 << 63, -(1 << 63), float("inf"), float("nan")):
        assert find_rfc3339(milliseconds) is None


@given(st.integers(0, 10**13))
def test_a_local_moment_is_the_same_moment(milliseconds: int) -> None:
    assert abs(local(milliseconds).timestamp() * 1000 - milliseconds) < 1
