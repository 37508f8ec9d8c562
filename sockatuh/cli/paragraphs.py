"""Wrap the sentences on stderr between words, where a terminal would break them within a word."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from .wrapping import reach, wrap


def print_folded(text: str, end: str = "\n") -> None:
    """Print sentences to stderr, wrapped if it is a terminal."""
    print(folded(text), end=end, file=sys.stderr, flush=True)


def folded(text: str) -> str:
    """Return sentences wrapped for the terminal on stderr, unchanged if it is none."""
    columns = columns_of(sys.stderr)
    return "\n".join(fold(text, columns)) if columns else text


def columns_of(stream: TextIO | None) -> int | None:
    """Return the width of the terminal a stream goes to, None if it goes elsewhere."""
    is_terminal = stream is not None and not stream.closed and stream.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None


def fold(text: str, columns: int) -> list[str]:
    """Return the rows of a text that is broken between words so that no row is longer than `columns`.

    Rows keep the indent of their line. A word that is longer than a row, as a path or a key, stays whole to be copied.
    """
    return [row for line in text.split("\n") for row in _rows(line, columns)]


def _rows(line: str, columns: int) -> list[str]:
    if reach(line) <= columns:
        return [line]
    bare = line.strip(" ")
    indent = len(line) - len(line.lstrip(" "))
    rows = [" " * indent + row for row in wrap(bare, columns, indent, indent)]
    rows[-1] += line[len(line.rstrip(" ")) :]  # a question ends in a space, behind which the answer is typed
    return rows
