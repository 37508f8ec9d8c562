from __future__ import annotations

from datetime import datetime

import pytest

from sockatuh.cli.options import Range
from sockatuh.cli.reading_range import parse_moment, read_range

NOW = datetime(2026, 11, 28, 12, 0).astimezone().timestamp()


def local(*moment: int) -> int:
    return int(datetime(*moment).astimezone().timestamp() * 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", local(2026, 11, 28, 10, 30)),
        ("2d", int((NOW - 2 * 86_400) * 1000)),
        ("09:30", local(2026, 11, 28, 9, 30)),
        ("9:30", local(2026, 11, 28, 9, 30)),
        ("13:00", local(2026, 11, 27, 13, 0)),
        ("13:00:30", local(2026, 11, 27, 13, 0, 30)),
        ("2026-11-01", local(2026, 11, 1)),
        ("2026-11-01T09:30", local(2026, 11, 1, 9, 30)),
        ("2026-11-01 09:30", local(2026, 11, 1, 9, 30)),
        ("2026-11-01T09:30:00Z", 1_793_525_400_000),
        ("99999999d", 0),
        ("forever", None),
    ],
)
def test_a_moment_is_a_span_a_time_of_day_or_a_date(text: str, moment: int | None) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "noon", "yesterday", "25:00", "12:60", "2026-13-01", "5", "-1d", "1d2h", "٣d"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_moment(text, NOW)


def test_what_was_not_asked_for_is_left_to_the_server() -> None:
    assert read_range(None, None, None, 10) == Range(lines=10)
    assert read_range(None, None, 7, 10) == Range(after=7)
    assert read_range(3, None, None, 10) == Range(lines=3)
    assert read_range(None, "2001-01-01", None, 10) == Range(since=local(2001, 1, 1))
