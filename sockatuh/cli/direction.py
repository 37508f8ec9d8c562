"""Keeps names in their places on terminals that reorder right-to-left text.

Such a terminal reverses what lies between two right-to-left letters: `NAME  TEXT` would show the text in the author's
place, and `NAME, NAME` the second name first. It may also reverse the whole row if the first letter is right-to-left. A
left-to-right mark (U+200E) after each such name and at the beginning of each such row prevents both. The mark has
no width. Terminals that do not reorder ignore it, and older ones support it, unlike the isolates (U+2066–U+2069).
Cleaned names and texts contain no marks, and none are written to files and pipes.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LEFT_TO_RIGHT: Final = "\u200e"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def turns(text: str) -> bool:
    """Return whether a text has letters or digits that are written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)


def apart(text: str) -> str:
    """Return a text, followed by a mark if that is needed to keep what follows in its place."""
    return text + LEFT_TO_RIGHT if turns(text) else text


def anchored(row: str) -> str:
    """Return a row for a terminal, preceded by a mark if that is needed to start it at the left."""
    return LEFT_TO_RIGHT + row if turns(row) else row


def without_marks(row: str) -> str:
    """Return a row for a file or a pipe."""
    return row.replace(LEFT_TO_RIGHT, "")
