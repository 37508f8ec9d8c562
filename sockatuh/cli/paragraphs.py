"""Sentences on stderr, broken between words where the terminal would break them in the middle of one."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from .wrapping import reach, wrap


def print_folded(text: str, end: str = "\n") -> None:
    """Print sentences to a person; nothing is folded where no terminal is."""
    print(folded(text), end=end, file=sys.stderr, flush=True)


def folded(text: str) -> str:
    """Return sentences as the terminal on stderr is to get them, as they are where no terminal is."""
    columns = columns_of(sys.stderr)
    return "\n".join(fold(text, columns)) if columns else text


def columns_of(stream: TextIO | None) -> int | None:
    """Return how wide the terminal of a stream is, None where there is none."""
    is_terminal = stream is not None and not stream.closed and stream.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None


def fold(text: str, columns: int) -> list[str]:
    """Break each line between words so that no row is longer than `columns`, and return the rows.

    They keep their line's indent. A word that fits no row, a path or a key, stays whole, to be copied.
    """
    return [row for line in text.split("\n") for row in _rows(line, columns)]


def _rows(line: str, columns: int) -> list[str]:
    if reach(line) <= columns:
        return [line]
    bare = line.strip(" ")
    indent = len(line) - len(line.lstrip(" "))
    rows = [" " * indent + row for row in wrap(bare, columns, indent, indent)]
    rows[-1] += line[len(line.rstrip(" ")) :]  # where an answer is typed behind it
    return rows
