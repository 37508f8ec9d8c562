"""Names as sentences may hold them.

A legal name is one word (room/names.py) and stands as it is. But an entry of long ago, or a server that does as it
likes, may bring any text: that is put in quotation marks, with which no name begins, so that it is one word as well.
"""

from __future__ import annotations

from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word

from .direction import apart


def shown_name(name: str) -> str:
    """Return a name, whatever it holds, as one word that keeps its direction to itself."""
    cleaned = clean_line(name)
    return apart(cleaned if is_word(cleaned) else quoted(cleaned))


def shown_program(version: str) -> str:
    """Return what a client says it is: words as they are, anything else in quotation marks."""
    cleaned = clean_line(version)
    return cleaned if all(map(is_word, cleaned.split(" "))) or not cleaned else quoted(cleaned)


def quoted(text: str) -> str:
    """Return a cleaned text in quotation marks; it cannot end them, nor look as if it were cut."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("…", "...")
    return f'"{inside}"'
