"""Where the marks of a time axis are, and what they say: local time, at round moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

import msgspec

from sockatuh.room.moments import local

_DAY: Final = 1_440
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, *(days * _DAY for days in (1, 2, 7, 14, 30, 90, 180)))
"""Minutes between two marks; each is less than four times the one before, so five marks are never none."""
_YEAR: Final = 365 * _DAY


class Mark(msgspec.Struct, frozen=True):
    """A moment on the axis, in ms since 1970; `is_day`: there a day begins, unless each mark is a day."""

    at: int
    label: str
    is_day: bool


def marks(began: int, ended: int, most: int) -> list[Mark]:
    """Return about `most` marks, 5 or more, between two moments (ms since 1970)."""
    minutes = (ended - began) / 60_000
    step = next((each for each in _STEPS if minutes / each <= most - 1), None)
    if step is None:
        step = -(-int(minutes / (most - 1)) // _YEAR) * _YEAR
    return list(_marks(began, ended, step))


def _marks(began: int, ended: int, step: int) -> Iterator[Mark]:
    first = local(began)
    if step < _DAY:
        midnight = datetime.combine(first.date(), time())
        naive = midnight + timedelta(minutes=(first.hour * 60 + first.minute) // step * step)
    else:  # counted from one fixed day, so that pictures of two days have their marks at the same moments
        days = step // _DAY
        naive = datetime.combine(first.date(), time()) - timedelta(days=first.toordinal() % days)
    last = began - 1
    while (at := int(naive.timestamp() * 1000)) <= ended:
        if at > last:  # not where a clock was set forward
            last = at
            yield Mark(at, _label(naive, step), step < _DAY and naive.time() == time())
        naive += timedelta(minutes=step)


def _label(moment: datetime, step: int) -> str:
    if step >= _YEAR:
        return f"{moment:%Y}"
    if step >= 30 * _DAY:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%m-%d}" if moment.time() == time() else f"{moment:%H:%M}"
