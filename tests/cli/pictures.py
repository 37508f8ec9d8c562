"""Writes down what a terminal in memory shows: as text that is compared and read, and as a picture (SVG)."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from kit.emulator import Cell, Emulator
from wcwidth import wcswidth

NO_STYLE: Final = Cell(" ")
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8.4, 18, 12
LINES: Final = frozenset("─│")
"""Characters that are drawn as lines, because the rows of a picture stand further apart than those of a terminal."""
BASELINE: Final = 13
"""Pixels from the top of a row to the line that letters stand on."""


# As text.


def written_down(screen: Emulator) -> str:
    """Return each row between bars, with the styles of its parts below it, and where the cursor is.

    `7-10 #d75f5f bold` is about the columns 7 to 10, counted from 1. A character without a width is spelt out.
    """
    lines = []
    for number, row in enumerate(screen.display):
        lines.append(f"|{_spelt(row)}|")
        lines += [f"{' ' * 4}{first + 1}-{last + 1} {style}" for first, last, style in _styles(screen, number)]
    cursor = "hidden" if screen.cursor.hidden else f"row {screen.cursor.y + 1}, column {screen.cursor.x + 1}"
    return "\n".join([*lines, f"cursor: {cursor}", ""])


def style_of(cell: Cell) -> str:
    """Return the style of a cell in words, "" if it has none."""
    colours = [_colour(cell.fg), f"on {_colour(cell.bg)}" if cell.bg != "default" else ""]
    words = ["bold", "faint", "italics", "underscore", "strikethrough", "reverse", "blink"]
    return " ".join([*filter(None, colours), *(word for word in words if getattr(cell, word))])


def _styles(screen: Emulator, row: int) -> Iterator[tuple[int, int, str]]:
    cells = (screen.cell(row, column) for column in range(screen.columns))
    for style, run in groupby(enumerate(cells), lambda each: style_of(each[1])):
        columns = [column for column, _ in run]
        if style:
            yield columns[0], columns[-1], style


def _colour(colour: str) -> str:
    if colour == "default":
        return ""
    return f"#{colour}" if len(colour) == 6 and set(colour) <= {*"0123456789abcdef"} else colour


def _spelt(row: str) -> str:
    return "".join(f"<U+{ord(char):04X}>" if unicodedata.category(char) == "Cf" else char for char in row)


# As a picture.


STYLESHEET: Final = """
.screen { fill: #fdfdfb; stroke: #b8b8b0 }
text { fill: #24292f; white-space: pre; font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace }
path { stroke: #24292f }
.bar { fill: #24292f }
.reverse { fill: #fdfdfb }
.bold { font-weight: bold }
.faint { opacity: .62 }
.underscore { text-decoration: underline }
@media (prefers-color-scheme: dark) {
.screen { fill: #15181c; stroke: #3a3f46 }
text { fill: #d7dae0 }
path { stroke: #d7dae0 }
.bar { fill: #d7dae0 }
.reverse { fill: #15181c }
}
"""


def picture(screen: Emulator, title: str) -> str:
    """Return the screen as SVG, for light and dark pages; each run of a style is a text of its own in its column."""
    width = round(screen.columns * CELL_WIDTH + 2 * MARGIN)
    height = screen.lines * ROW_HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'xml:space="preserve" '
        'role="img" aria-labelledby="title">',
        f'<title id="title">{html.escape(title)}</title>',
        f"<style>{STYLESHEET}</style>",
        f'<rect class="screen" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>',
    ]
    for row in range(screen.lines):
        parts += _drawn(screen, row)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(screen: Emulator, row: int) -> Iterator[str]:
    top, glyphs = MARGIN + row * ROW_HEIGHT, list(_glyphs(screen, row))
    for style, run in groupby(glyphs, lambda glyph: glyph.style):
        if style.reverse:
            x, width = _extent(list(run))
            yield f'<rect class="bar" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{ROW_HEIGHT}"/>'
    for (style, kind), run in groupby(glyphs, lambda glyph: (glyph.style, glyph.kind)):
        drawn = list(run)
        while drawn and not drawn[0].text.strip():
            del drawn[0]
        while drawn and not drawn[-1].text.strip():
            del drawn[-1]
        if drawn and kind in LINES:
            (x, width), middle = _extent(drawn), top + ROW_HEIGHT / 2
            path = f"M{x:.1f} {middle}h{width:.1f}" if kind == "─" else f"M{x + width / 2:.1f} {top}v{ROW_HEIGHT}"
            yield f'<path class="{_classes(style)}" d="{path}"/>'
        elif drawn:
            yield _text(drawn, style, top + BASELINE)


def _text(glyphs: Sequence[_Glyph], style: Cell, y: int) -> str:
    attributes = f' class="{classes}"' if (classes := _classes(style)) else ""
    attributes += f' style="fill:{_colour(style.fg)}"' if style.fg != "default" else ""
    x, width = _extent(glyphs)
    fits = f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x:.1f}" y="{y}" {fits}{attributes}>{html.escape("".join(glyph.text for glyph in glyphs))}</text>'


@dataclass(frozen=True, slots=True)
class _Glyph:
    """What is drawn in one place; neighbours are drawn together if they are of one `kind`."""

    column: int
    columns: int
    text: str
    style: Cell
    kind: str


def _glyphs(screen: Emulator, row: int) -> Iterator[_Glyph]:
    for column in range(screen.columns):
        cell = screen.cell(row, column)
        if text := cell.data:
            # Fonts do not agree about the width of what is neither ASCII nor a letter: it is drawn by itself.
            kind = "" if text.isascii() or text.isalpha() else text if text in LINES else f"{text}{column}"
            yield _Glyph(column, max(1, wcswidth(text)), text, cell._replace(data=""), kind)


def _extent(glyphs: Sequence[_Glyph]) -> tuple[float, float]:
    first, last = glyphs[0], glyphs[-1]
    return MARGIN + first.column * CELL_WIDTH, (last.column + last.columns - first.column) * CELL_WIDTH


def _classes(style: Cell) -> str:
    return " ".join(word for word in ("bold", "faint", "underscore", "reverse") if getattr(style, word))
