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
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Final

import wcwidth
from prompt_toolkit.key_binding import KeyBindingsBase
from prompt_toolkit.layout import Container, Dimension
from prompt_toolkit.layout.mouse_handlers import MouseHandlers
from prompt_toolkit.layout.screen import Char, Screen, WritePosition

from sockatuh.cli.rendering import Line, clip_line
from sockatuh.cli.wrapping import width_of

KEPT: Final = 512
"""Rows kept as cells."""
LEAST: Final = 3
"""Rows wanted at least: header, log, hint."""
KINDS: Final = 1_021
"""Kinds of rows that are repainted whole: each cell's style names the row's kind, so that all of them differ."""
ERASE: Final = "\x1b[2K"
GIVEN_UP: Final = 8
"""The lowest rows, which the input may take when it grows. It writes letter by letter, over each column they cover."""
COVERED: Final = Char("", "")
"""What a cell covers besides its own column. It differs from what was painted there before, and from a blank."""
MARKS: Final = frozenset({"Mn", "Mc", "Me", "Cf"})


class Cells:
    """A row as cells, each in its column. `anchors` are the columns where the terminal's cursor may be elsewhere.

    Text of one style is one cell, so that a painting compares and writes a few cells of a row and not each letter.
    """

    def __init__(self, line: Line, kind: int) -> None:
        self._kind = kind % KINDS
        self.cells: dict[int, Char] = {}
        self.anchors: list[int] = []
        self.columns = 0
        before = ""
        for style, text in line:
            for run, width, is_certain in _runs(before + text):
                before = "" if width else run  # a mark of direction goes with what it stands before
                self._add(run, style, width)
                if not is_certain:
                    self.anchors.append(self.columns)
        if self.columns:
            self.cells.setdefault(self.columns - 1, COVERED)  # where the row ends, behind which is erased

    def _add(self, text: str, style: str, width: int) -> None:
        if width:
            self.cells[self.columns] = _cell(text, style, width)
            self.columns += width

    @cached_property
    def whole(self) -> dict[int, Char]:
        """The cells of a row that is painted whole, wherever it is painted next."""
        kind = f" class:row{self._kind}"
        return {
            at: char if char is COVERED else _cell(char.char, char.style + kind, char.width)
            for at, char in self.cells.items()
        }


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
        columns, top = write_position.width, write_position.ypos  # it begins in the first column
        before, self._whole = self._whole, {}
        for at, line in enumerate(self._compose(columns, write_position.height)):
            row, last = self._cells_of(line), before.get(at)
            if row.columns > columns:  # the terminal is narrower than any row is wrapped for
                row = self._cells_of(clip_line(line, columns))
            escapes = screen.zero_width_escapes[top + at]
            is_whole = bool(row.anchors) or (last is not None and (last is row or bool(last.anchors)))
            if is_whole:
                self._whole[at] = row
                escapes[0] = ERASE
            cells = row.whole if is_whole else row.cells
            if at >= write_position.height - GIVEN_UP:
                cells = dict.fromkeys(range(row.columns), COVERED) | cells
            screen.data_buffer[top + at].update(cells)
            for column in row.anchors:
                escapes[column] = f"\x1b[{column + 1}G"
        screen.height = max(screen.height, top + write_position.height)
        screen.width = max(screen.width, columns)

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


def _runs(text: str) -> Iterator[tuple[str, int, bool]]:
    """Cut a text after each uncertain cluster; yield each part with its width, and whether that is certain."""
    if text.isascii():
        yield text, len(text), True
        return
    run, width = "", 0
    for cluster in wcwidth.iter_graphemes(text):
        run, width = run + cluster, width + width_of(cluster)
        if is_uncertain(cluster):
            yield run, width, False
            run, width = "", 0
    if run:
        yield run, width, True


def _cell(text: str, style: str, width: int) -> Char:
    cell = Char(text, style)
    cell.width = width
    return cell
