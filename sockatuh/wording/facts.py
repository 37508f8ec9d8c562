"""Shows facts inside sentences, the same in every language."""

from __future__ import annotations

from sockatuh.room.text import clean_line


def fact(value: object) -> str:
    """Return a path, a setting or the like on one line, so that it cannot imitate a line of its own."""
    return clean_line(str(value))
