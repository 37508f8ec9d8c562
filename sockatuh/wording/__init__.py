"""Every sentence said to people; another language is another package like this one.

`admin` speaks of running a room and of what went wrong, `client` of being in one.
"""

from __future__ import annotations

from sockatuh.room.text import clean_line


def fact(value: object) -> str:
    """Return what stands somewhere on this machine, as a path or a setting, so that it begins no line of its own."""
    return clean_line(str(value))
