"""Every sentence that is printed for people; a translation is another package like this one.

`admin` has those about running a room and about errors, `client` those about being in a room.
"""

# ruff: noqa: S105 - a sentence about a password is no password

from __future__ import annotations

from typing import Final

from sockatuh.room.text import clean_line

HELP_PASSWORD_FILE: Final = "Read the room's password from the first line of a file; - is stdin."
HELP_JSON: Final = "Print JSON, one object per line (docs/JSON.md)."
NO_ANSWER_GIVEN: Final = "Not answered, so nothing was done."


def fact(value: object) -> str:
    """Return a path, a setting or the like on one line, so that it cannot imitate a line of its own."""
    return clean_line(str(value))
