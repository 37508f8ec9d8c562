"""Names as they may appear in sentences.

A valid name is one word (room/names.py) and appears unchanged. An old entry or a hostile server may send any other
text: it is put in quotation marks, with which no name begins, so that it is recognizable as one unit too.
"""

from __future__ import annotations

from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word

from .direction import apart


def shown_name(name: str) -> str:
    """Return any name as one word that does not reorder what follows it."""
    cleaned = clean_line(name)
    return apart(cleaned if is_word(cleaned) else quoted(cleaned))


def shown_program(version: str) -> str:
    """Return the program a client claims to be: plain words unchanged, anything else in quotation marks."""
    cleaned = clean_line(version)
    return cleaned if all(map(is_word, cleaned.split(" "))) or not cleaned else quoted(cleaned)


def quoted(text: str) -> str:
    """Return a cleaned text in quotation marks; it can neither end them nor look shortened."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("…", "...")
    return f'"{inside}"'
