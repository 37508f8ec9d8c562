"""Wraps lines for a terminal, so that only the beginning of a line stands at the margin, and sentences between words.

A terminal wraps a long line back to the margin, where every line of the log begins with its time. Somebody who predicts
where it wraps could forge a line in another's name. So rows are cut here, and rather too short than too long: terminals
disagree about the width of joined, combining and invisible characters, and those set up for East Asia show Greek,
Cyrillic and many symbols twice as wide (UAX 11, "ambiguous").
"""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from typing import Final, TextIO

from sockatuh.room.text import BLANKS

NARROWEST: Final = 20
"""On a terminal with fewer columns nothing is wrapped here."""
CUT: Final = "…"
"""Ends a row that is cut within a name; it occurs in no name."""

_WORD: Final = re.compile(rf"[\s{BLANKS}]*[^\s{BLANKS}]+")
_SPACE_BEFORE: Final = re.compile(rf"[\s{BLANKS}]*")
_JOINER: Final = "\u200d"
_PICTURE: Final = "\ufe0f"
_WIDEST: Final = 2


def reach(text: str) -> int:
    """Return the most columns that a text may take: with no characters joined and all of them visible."""
    return len(text) if text.isascii() else sum(map(_reach_of, text))


def width_of(text: str) -> int:
    """Return how many columns a text takes on most terminals."""
    if text.isascii():
        return len(text)
    import wcwidth  # imported only for text that is not ASCII: its tables take 15 ms to load

    return max(0, wcwidth.wcswidth(text))


def wrap(
    line: str, columns: int | None, used: int, indent: int, mark: str = "", *, whole: bool = True
) -> Iterator[str]:
    """Cut a line into rows; `used` columns are taken before the first row, `indent` before each of the others.

    Rows are cut at spaces, and within words too long for a row, where `mark` ends the row. `whole`: never cut ASCII
    words, such as our own paths and keys, which people copy; not for text of others, which would reach the margin.
    """
    if columns is None or columns < NARROWEST:
        yield line
        return
    row, width = "", used
    for word in _WORD.findall(line):
        bare = _SPACE_BEFORE.sub("", word, count=1)
        fits_a_row = indent + reach(bare) <= columns
        if not fits_a_row and not (whole and bare.isascii()):
            *full, row = _cut(word, row, width, columns, indent, mark)
            yield from full
            width = reach(row) + (indent if full else used)
        elif width + reach(word) > columns and (row or fits_a_row):
            yield row
            row, width = bare, indent + reach(bare)
        else:
            row, width = row + word, width + reach(word)
    yield row


def clip(line: str, columns: int) -> str:
    """Return as much of a line as fits into a number of columns."""
    return line if reach(line) <= columns else next(_cut(line, "", 0, columns, 0, ""))


def print_folded(text: str, end: str = "\n") -> None:
    """Print sentences to stderr, wrapped if it is a terminal."""
    print(folded(text), end=end, file=sys.stderr, flush=True)


def folded(text: str, stream: TextIO | None = None) -> str:
    """Return sentences wrapped for the terminal on a stream, by default stderr; unchanged if it is not a terminal."""
    columns = columns_of(stream or sys.stderr)
    return "\n".join(fold(text, columns)) if columns else text


def columns_of(stream: TextIO | None) -> int | None:
    """Return the width of the terminal a stream goes to, None if it goes elsewhere."""
    is_terminal = stream is not None and not stream.closed and stream.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None


def fold(text: str, columns: int) -> list[str]:
    """Return the rows of a text that is broken between words so that no row is longer than `columns`.

    Rows keep the indent of their line. A word longer than a row, such as a path or a key, stays whole to be copied.
    """
    return [row for line in text.split("\n") for row in _fold_line(line, columns)]


def _fold_line(line: str, columns: int) -> list[str]:
    if reach(line) <= columns:
        return [line]
    bare = line.strip(" ")
    indent = len(line) - len(line.lstrip(" "))
    rows = [" " * indent + row for row in wrap(bare, columns, indent, indent)]
    rows[-1] += line[len(line.rstrip(" ")) :]  # a question ends in a space, after which the answer is typed
    return rows


def _cut(word: str, row: str, width: int, columns: int, indent: int, mark: str) -> Iterator[str]:
    """Fill rows with a word, cut between graphemes, and within a grapheme that is wider than a row."""
    import wcwidth

    columns -= reach(mark)
    is_begun = False
    for seen in word if word.isascii() else wcwidth.iter_graphemes(word):
        for piece in [seen] if indent + reach(seen) <= columns else seen.replace(_JOINER, ""):
            taken = reach(piece)
            if taken and width + (taken if piece.isascii() else max(taken, _WIDEST)) > columns:
                yield row + (mark if is_begun else "")
                row, width = "", indent
            row, width = row + piece, width + taken
            is_begun = is_begun or not piece.isspace()
    yield row


def _reach_of(char: str) -> int:
    import wcwidth

    width = wcwidth.wcwidth(char)
    if width > 0:
        return _WIDEST if unicodedata.east_asian_width(char) == "A" else width
    match unicodedata.category(char):
        case "Mn" | "Me" | "Cf":
            return 1 if char == _PICTURE else 0  # U+FE0F turns a narrow pictograph into a wide one
        case "Mc":
            return 1
        case _:
            return _WIDEST
