"""A terminal in memory: what pyte emulates, with what a chat screen needs of a terminal besides.

That is the alternate screen with the normal one kept behind it, what scrolled off the normal one, faint text,
characters without a width, and the modes that are in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final, NamedTuple, cast

import pyte
from pyte import modes
from wcwidth import iter_graphemes, wcswidth, wcwidth

ALTERNATE: Final = 1049
BRACKETED_PASTE: Final = 2004
PRIVATE: Final = 5
"""Bits by which pyte shifts the number of a private mode."""
NARROW, WIDE = "x", "界"
"""What pyte is given to draw instead of a character whose width it does not know."""
FAINT, NORMAL_INTENSITY = 2, 22
COLOURS: Final = frozenset({38, 48})
"""What is followed by a colour: 5 and a number, or 2 and three."""


class Cell(NamedTuple):
    """A character of the screen, with those that have no width after it; pyte's, and whether it is faint.

    Empty after a character that is two columns wide.
    """

    data: str
    fg: str = "default"
    bg: str = "default"
    bold: bool = False
    italics: bool = False
    underscore: bool = False
    strikethrough: bool = False
    reverse: bool = False
    blink: bool = False
    faint: bool = False


class Emulator(pyte.Screen):
    """A terminal of some size.

    `joins`: what belongs together takes the width of one, such as a family, a flag or a thumb with its colour, as on
    terminals that follow UAX 29; otherwise each character has the width of its own, as on older ones.
    """

    def __init__(self, columns: int, rows: int, *, joins: bool = False) -> None:
        self._joins = joins
        self.scrollback: list[str] = []
        """The rows that have left the normal screen at its top."""
        self.bells = 0
        self._behind: tuple[Any, Any] | None = None
        super().__init__(columns, rows)

    @property
    def default_char(self) -> Cell:  # type: ignore[override]  # a Cell has all that a Char has
        """Return an empty cell."""
        return Cell(" ", reverse=modes.DECSCNM in self.mode)

    @property
    def display(self) -> list[str]:
        """Return the rows of the screen."""
        return [self._row(self.buffer[row]) for row in range(self.lines)]

    @property
    def private_modes(self) -> set[int]:
        """Return the numbers of the private modes that are set."""
        return {mode >> PRIVATE for mode in self.mode if mode >= 1 << PRIVATE}

    @property
    def is_alternate(self) -> bool:
        """Tell whether the alternate screen is shown."""
        return self._behind is not None

    def cell(self, row: int, column: int) -> Cell:
        """Return what stands in a place, both from 0."""
        return cast(Cell, self.buffer[row][column])

    def reset(self) -> None:
        """Return to the state in which a terminal starts."""
        super().reset()
        self._behind = None
        self.cursor.attrs = self.default_char  # type: ignore[assignment]

    def bell(self, *_: Any) -> None:
        """Count a BEL."""
        self.bells += 1

    def draw(self, data: str) -> None:
        """Write text at the cursor. Other than pyte, go on after a character without a width."""
        for cluster in iter_graphemes(data) if self._joins and not data.isascii() else data:
            first, width = cluster[0], max(0, wcswidth(cluster))
            if not width:
                self._join(cluster)
                continue
            if self.cursor.x < self.columns:
                self._halve(self.cursor.x)
            super().draw(first if wcwidth(first) == width else WIDE if width > 1 else NARROW)
            if self.cursor.x < self.columns:
                self._halve(self.cursor.x, follows=True)
            if cluster != (WIDE if width > 1 else NARROW):
                line, column = self.buffer[self.cursor.y], self.cursor.x - width
                line[column] = line[column]._replace(data=cluster)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        """Erase a part of the row; of a wide character no half is left."""
        self._halve(min(self.cursor.x, self.columns - 1))
        super().erase_in_line(how, private)
        self._halve(min(self.cursor.x + 1, self.columns - 1), follows=True)

    def _halve(self, column: int, *, follows: bool = False) -> None:
        """Blank what is left of a wide character that is cut before this column: the half before, or that after it."""
        line = self.buffer[self.cursor.y]
        at = column if follows else column - 1
        if not line[column].data and at >= 0:
            line[at] = line[at]._replace(data=" ")

    def _join(self, mark: str) -> None:
        """Put a character without a width to the one before the cursor."""
        if column := min(self.cursor.x, self.columns):
            line = self.buffer[self.cursor.y]
            column -= 1 if line[column - 1].data or column == 1 else 2
            line[column] = line[column]._replace(data=line[column].data + mark)

    def select_graphic_rendition(self, *attrs: int, **kwargs: Any) -> None:
        """Set the style of what is written next."""
        super().select_graphic_rendition(*attrs, **kwargs)
        for code in _without_colours(attrs):
            if code in (FAINT, NORMAL_INTENSITY):
                self.cursor.attrs = self.cursor.attrs._replace(faint=code == FAINT)  # type: ignore[call-arg]

    def set_mode(self, *numbers: int, **kwargs: Any) -> None:
        """Set modes; for the alternate screen, keep the normal one."""
        if kwargs.get("private") and ALTERNATE in numbers and self._behind is None:
            self._behind = deepcopy(self.buffer), deepcopy(self.cursor)
            self.erase_in_display(2)
        super().set_mode(*numbers, **kwargs)

    def reset_mode(self, *numbers: int, **kwargs: Any) -> None:
        """Reset modes; show the normal screen again as it was."""
        super().reset_mode(*numbers, **kwargs)
        if kwargs.get("private") and ALTERNATE in numbers and self._behind is not None:
            hidden = self.cursor.hidden
            self.buffer, self.cursor = self._behind
            self.cursor.hidden = hidden
            self._behind = None
            self.cursor.y = min(self.cursor.y, self.lines - 1)

    def index(self) -> None:
        """Move down, and keep what that moves off the normal screen."""
        if self.cursor.y == self.lines - 1 and not self.margins and not self.is_alternate:
            self.scrollback.append(self._row(self.buffer[0]))
        super().index()

    def _row(self, line: Any) -> str:
        return "".join(line[column].data for column in range(self.columns))


def _without_colours(attrs: Iterable[int]) -> Iterable[int]:
    codes = iter(attrs)
    for code in codes:
        if code in COLOURS:
            for _ in range(1 if next(codes, 0) == 5 else 3):
                next(codes, 0)
        else:
            yield code
