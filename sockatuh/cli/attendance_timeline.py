"""Shows who was in the room when as rows of characters, for a terminal or a mail: one for a sixtieth of the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockatuh.room.moments import local
from sockatuh.wording import attendance as wording

from .attendance import Attendance, Row
from .naming import shown_name
from .time_axis import marks
from .wrapping import CUT, clip, fold, reach, width_of

CELLS: Final = 60
"""Characters for the whole span; on a narrow terminal as many as fit."""
COLUMNS: Final = 80
"""The width that is assumed where there is no terminal."""
HERE, LOST, NOT_HERE = "█", "░", "·"
_NAME: Final = 18
_NARROW_NAME: Final = 12
_FEWEST: Final = 10


def timeline(shown: Attendance, columns: int | None) -> Iterator[str]:
    """Yield the rows, none wider than `columns` (None: no terminal)."""
    columns = columns or COLUMNS
    name = _NAME if columns > _NAME + 1 + CELLS else _NARROW_NAME
    cells = max(_FEWEST, min(CELLS, columns - name - 1))
    first, last = local(shown.began), local(shown.ended)
    zone = last.tzname() or f"{last:%z}"
    yield from fold(wording.span(f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}", zone), columns)
    if not shown.rows:
        yield wording.NOBODY
        return
    yield f"{'':{name}} {_axis(shown, cells)}".rstrip()
    for row in shown.rows:
        yield f"{_padded(row.name, name)} {_bars(shown, row, cells)}"
    if shown.others:
        yield from fold(wording.others(shown.others), columns)
    yield f"{HERE} {wording.HERE}   {LOST} {wording.LOST}"


def _axis(shown: Attendance, cells: int) -> str:
    """Return the labels of the moments, each beginning where its moment is."""
    line = [" "] * cells
    free_from = 0
    for mark in marks(shown.began, shown.ended, max(5, cells // 8)):
        at = _cell(shown, mark.at, cells)
        if at >= free_from and at + len(mark.label) <= cells:
            line[at : at + len(mark.label)] = mark.label
            free_from = at + len(mark.label) + 1
    return "".join(line)


def _bars(shown: Attendance, row: Row, cells: int) -> str:
    line = [NOT_HERE] * cells
    for bar in sorted(row.bars, key=lambda each: not each.is_lost):  # contact in a part of a cell is contact
        first = _cell(shown, bar.began, cells)
        end = max(first, _cell(shown, bar.ended - 1, cells)) + 1
        line[first:end] = (LOST if bar.is_lost else HERE) * (end - first)
    return "".join(line)


def _cell(shown: Attendance, at: int, cells: int) -> int:
    return min(cells - 1, max(0, (at - shown.began) * cells // (shown.ended - shown.began)))


def _padded(name: str, columns: int) -> str:
    text = shown_name(name)
    if reach(text) > columns:
        text = clip(text, columns - 1) + CUT
    return text + " " * max(0, columns - width_of(text))
