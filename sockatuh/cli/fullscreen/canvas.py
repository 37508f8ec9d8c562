"""Paints rows of styled text on prompt_toolkit's screen, so that every column stays where it is.

Terminals disagree about the width of joined characters: a family of emoji takes two columns on some and six on others.
So the cell after such a cluster is preceded by CHA (ECMA-48 §8.3.9), which puts the cursor into the column that was
meant, and a row with one in it is repainted whole whenever it changes. Rows are kept as cells, because most of them are
painted again and again.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
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
KINDS: Final = 61
"""Kinds of uncertain rows: two that follow each other in one place are taken for different unless of the same kind."""
MARKS: Final = frozenset({"Mn", "Mc", "Me", "Cf"})


class Cells:
    """A row as cells, each in its column. `anchors` are the columns where the terminal's cursor may be elsewhere."""

    def __init__(self, line: Line) -> None:
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
                before, column = "", column + width
                if is_uncertain(cluster):
                    self.anchors.append(column)
        if self.anchors:
            kind = f" class:row{hash(line) % KINDS}"
            for at, char in self.cells.items():
                self.cells[at] = _styled(char, char.style + kind)


class Canvas(Container):
    """Paints the rows that `compose` returns for a number of columns and rows."""

    def __init__(self, compose: Callable[[int, int], Sequence[Line]]) -> None:
        self._compose = compose
        self._kept: OrderedDict[Line, Cells] = OrderedDict()

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
        for at, line in enumerate(self._compose(columns, write_position.height)):
            row = self._cells_of(line)
            cells = screen.data_buffer[top + at]
            for column, char in row.cells.items():
                if column + char.width <= columns:
                    cells[left + column] = char
            for column in row.anchors:
                screen.zero_width_escapes[top + at][left + column] = f"\x1b[{left + column + 1}G"
        screen.height = max(screen.height, top + write_position.height)
        screen.width = max(screen.width, left + columns)

    def _cells_of(self, line: Line) -> Cells:
        if (cells := self._kept.get(line)) is None:
            cells = self._kept[line] = Cells(line)
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
