"""Every sentence said to people; another language is another package like this one.

`admin` speaks of running a room and of what went wrong, `client` of being in one.
"""

# ruff: noqa: S105 - a sentence about a password is no password

from __future__ import annotations

from typing import Final

from sockatuh.room.text import clean_line

HELP_PASSWORD_FILE: Final = "Read the room's password from the first line of a file; - is stdin."
HELP_JSON: Final = "Print JSON, one object per line (docs/JSON.md)."
NO_ANSWER_GIVEN: Final = "Not answered, so nothing was done."


def fact(value: object) -> str:
    """Return what stands somewhere on this machine, as a path or a setting, so that it begins no line of its own."""
    return clean_line(str(value))
