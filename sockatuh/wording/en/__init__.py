"""English."""

# ruff: noqa: S105 - a sentence about a password is no password

from __future__ import annotations

from typing import Final

HELP_PASSWORD_FILE: Final = "Read the room's password from the first line of a file; - is stdin."
HELP_JSON: Final = "Print JSON, one object per line (docs/JSON.md)."
NO_ANSWER_GIVEN: Final = "Not answered, so nothing was done."
