"""Paints rows of styled text on prompt_toolkit's screen, so that every column stays where it is.

Terminals disagree about the width of joined characters: a family of emoji takes two columns on some and six on others.
So the cell after such a cluster is preceded by CHA (ECMA-48 §8.3.9), which puts the cursor into the column that was
meant, and a row with one in it is erased (EL, §8.3.41) and repainted whole whenever it changes, because nobody knows
which columns it has left unpainted, or has painted beyond its end. Rows are kept as cells, because most of them are
painted again and again.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import wcwidth
from prompt_toolkit.key_binding import KeyBindingsBase
from prompt_toolkit.layout import Container, Dimension
from prompt_toolkit.layout.mouse_handlers import MouseHandlers
from prompt_toolkit.layout.screen import Char, Screen, WritePosition

from sockatuh.cli.rendering import Line
from sockatuh.cli.wrapping import width_of

KEPT: Final = 512
"""Rows kept as cells."""
LEAST: Final = 3
"""Rows wanted at least: header, log, hint."""
KINDS: Final = 1_021
"""Kinds of rows that are repainted whole: each cell's style names the row's kind, so that all of them differ."""
ERASE: Final = "\x1b[2K"
COVERED: Final = Char("", "")
"""What a wide character covers besides its own column; without it, what follows a row's end would be erased with it."""
MARKS: Final = frozenset({"Mn", "Mc", "Me", "Cf"})


class Cells:
    """A row as cells, each in its column. `anchors` are the columns where the terminal's cursor may be elsewhere."""

    def __init__(self, line: Line, kind: int) -> None:
        self._kind = kind % KINDS
        self.cells: dict[int, Char] = {}
        self.anchors: list[int] = []
        column, before = 0, ""
        for style, text in line:
            for cluster in text if text.isascii() else wcwidth.iter_graphemes(text):
                width = 1 if cluster.isascii() else width_of(cluster)
                if not width:  # a mark of direction: it goes with what it stands before
                    before += cluster
                    continue
                char = Char(before + cluster, style)
                char.width = width
                self.cells[column] = char
                for covered in range(column + 1, column + width):
                    self.cells[covered] = COVERED
                before, column = "", column + width
                if is_uncertain(cluster):
                    self.anchors.append(column)

    @cached_property
    def whole(self) -> dict[int, Char]:
        """The cells of a row that is painted whole, wherever it is painted next."""
        kind = f" class:row{self._kind}"
        return {at: char if char is COVERED else _styled(char, char.style + kind) for at, char in self.cells.items()}


class Canvas(Container):
    """Paints the rows that `compose` returns for a number of columns and rows."""

    def __init__(self, compose: Callable[[int, int], Sequence[Line]]) -> None:
        self._compose = compose
        self._kept: OrderedDict[Line, Cells] = OrderedDict()
        self._made = 0
        self._whole: dict[int, Cells] = {}
        """The rows that were painted whole last time, by their places."""

    def reset(self) -> None:
        """Do nothing: there is no state."""

    def preferred_width(self, max_available_width: int) -> Dimension:
        """Take all there is."""
        return Dimension()

    def preferred_height(self, width: int, max_available_height: int) -> Dimension:
        """Take what the input leaves."""
        return Dimension(min=1, preferred=LEAST)

    def get_children(self) -> list[Container]:
        """Return nothing."""
        return []

    def get_key_bindings(self) -> KeyBindingsBase | None:
        """Return none."""
        return None

    def write_to_screen(
        self,
        screen: Screen,
        mouse_handlers: MouseHandlers,
        write_position: WritePosition,
        parent_style: str,
        erase_bg: bool,
        z_index: int | None,
    ) -> None:
        """Paint."""
        columns, top, left = write_position.width, write_position.ypos, write_position.xpos
        before, self._whole = self._whole, {}
        for at, line in enumerate(self._compose(columns, write_position.height)):
            row, last = self._cells_of(line), before.get(at)
            is_whole = bool(row.anchors) or (last is not None and (last is row or bool(last.anchors)))
            if is_whole:
                self._whole[at] = row
                screen.zero_width_escapes[top + at][left] = ERASE
            cells = screen.data_buffer[top + at]
            for column, char in (row.whole if is_whole else row.cells).items():
                if column + char.width <= columns:
                    cells[left + column] = char
            for column in row.anchors:
                screen.zero_width_escapes[top + at][left + column] = f"\x1b[{left + column + 1}G"
        screen.height = max(screen.height, top + write_position.height)
        screen.width = max(screen.width, left + columns)

    def _cells_of(self, line: Line) -> Cells:
        if (cells := self._kept.get(line)) is None:
            self._made += 1
            cells = self._kept[line] = Cells(line, self._made)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(line)
        return cells


def is_uncertain(cluster: str) -> bool:
    """Tell whether terminals disagree about a cluster's width: those that join characters, and those that do not."""
    if len(cluster) == 1:
        return False
    marks = sum(unicodedata.category(char) in MARKS for char in cluster[1:])
    plain_accents = sum(unicodedata.category(char) == "Mn" and char != "\ufe0f" for char in cluster[1:])
    return marks != plain_accents or marks < len(cluster) - 1


def _styled(char: Char, style: str) -> Char:
    styled = Char(char.char, style)
    styled.width = char.width
    return styled
