"""The room's password, as far as this process was told it: at the start, in a file or a variable, or by a person.

It is kept in memory for two things. Whoever came in by a ticket may have to give it when that is refused; then what was
given at the start is looked at again, for a file may have changed. And a line that is the password is not sent by
mistake. Nothing of it, and nothing that is made from it, is ever written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import typer

from sockatuh.room.namekeys import fold

from .given import FROM_STDIN, password_in_file, password_in_variable

VARIABLE: Final = "SOCKATUH_PASSWORD"
REMEMBERED: Final = 8
"""Passwords that were given or typed and are looked for in lines: the last ones."""


class RoomPassword:
    """What was given is `given`, None if nothing was; `file` and `environ` say where it comes from."""

    def __init__(self, file: str | None, environ: Mapping[str, str]) -> None:
        self._file = file or None
        self._known: list[str] = []
        value = environ.get(VARIABLE)
        self.given: str | None = None
        if self._file is not None:
            self.given = password_in_file(self._file)
        elif value:
            self.given = password_in_variable(VARIABLE, value)
        if self.given is not None:
            self.note(self.given)

    def look_again(self) -> str | None:
        """Return what was given at the start as it is now; None if nothing was, or what was can no longer be read."""
        if self._file is None or self._file == FROM_STDIN:
            return self.given
        try:
            password = password_in_file(self._file)
        except (OSError, typer.Exit):  # which has said on stderr what is wrong with the file
            return None
        self.note(password)
        return password

    def note(self, password: str) -> None:
        """Take note of a password that a person typed."""
        if password and password not in self._known:
            self._known = [*self._known[1 - REMEMBERED :], password]

    def stands_in(self, text: str) -> bool:
        """Tell whether a line of this text is a password that was given or typed here, but for case and spaces."""
        known = {fold(password) for password in self._known}
        return bool(known) and any(line.strip() and fold(line) in known for line in text.splitlines())
