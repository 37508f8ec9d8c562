"""Right-to-left letters on a terminal that reorders them: each name keeps its place, whatever stands beside it.

Such a terminal turns round what lies between two right-to-left letters, so `NAME  TEXT` would show the text in the
author's place, and `NAME, NAME` the second before the first; and it may turn the whole row round when the first letter
in it is one. A left-to-right mark (U+200E) after each such name and at the beginning of each such row prevents both. It
takes no column, terminals that do not reorder pass over it, and older ones know it too, unlike the isolates
(U+2066–U+2069). Names and texts never hold one, because they are cleaned. Files and pipes get none.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LEFT_TO_RIGHT: Final = "\u200e"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def turns(text: str) -> bool:
    """Tell whether a text has letters or digits that are written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)


def apart(text: str) -> str:
    """Return a text so that what follows it does not change places with it."""
    return text + LEFT_TO_RIGHT if turns(text) else text


def anchored(row: str) -> str:
    """Return a row as a terminal is to get it: it begins at the left."""
    return LEFT_TO_RIGHT + row if turns(row) else row


def without_marks(row: str) -> str:
    """Return a row as a file or a pipe is to get it."""
    return row.replace(LEFT_TO_RIGHT, "")
