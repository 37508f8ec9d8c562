"""Lays out tables for any width: columns for which there is no room stand below their row, each with its heading."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from sockatuh.cli.rows import NOTE_INDENT, aligned, print_wrapped
from sockatuh.cli.wrapping import NARROWEST, columns_of, reach

NOTHING: Final = "-"
"""Stands in a column where there is nothing to say; such a cell is left out below a row."""
_GAP: Final = "  "


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], least: int, nothing: str) -> None:
    """Print a table on stdout, or `nothing` if it has no rows; `least` as in `table`."""
    print_wrapped(table(heads, rows, least, columns_of(sys.stdout)) if rows else [nothing], NOTE_INDENT)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], least: int, columns: int | None) -> list[str]:
    """Return the lines of a table; the first `least` columns never stand below their row.

    `columns` is the width of the terminal, None for a file, which gets all columns side by side. A line may still be
    too long for the terminal.
    """
    every = [heads, *rows]
    beside = len(heads)
    if columns is not None and columns >= NARROWEST:
        while beside > least and any(reach(line) > columns for line in aligned([row[:beside] for row in every])):
            beside -= 1
    head, *lines = aligned([row[:beside] for row in every])
    laid_out = [head]
    for line, row in zip(lines, rows, strict=True):
        laid_out.append(line)
        told = [f"{name} {cell}" for name, cell in zip(heads[beside:], row[beside:], strict=True) if cell != NOTHING]
        laid_out += _below(told, columns or 0)
    return laid_out


def _below(cells: Sequence[str], columns: int) -> Iterator[str]:
    """Fill rows with cells; none is broken that would fit a row of its own."""
    row = ""
    for cell in cells:
        if row and NOTE_INDENT + reach(f"{row}{_GAP}{cell}") > columns:
            yield " " * NOTE_INDENT + row
            row = cell
        else:
            row = f"{row}{_GAP}{cell}" if row else cell
    if row:
        yield " " * NOTE_INDENT + row
