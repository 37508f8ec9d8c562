"""The room's password as this process knows it: given at the start, or typed since.

It is kept in memory for two reasons. A client that joined by a ticket needs it if that ticket is refused; the password
is then read again from its source, because a file may have changed. And a line that is the password should not be sent
by mistake. Neither it nor anything derived from it is ever written to disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockatuh.errors import Refused
from sockatuh.room.namekeys import fold
from sockatuh.room.password import is_usable

MENDED_BY_A_PASSWORD: Final = frozenset({"ticket_refused", "password_wrong", "password_changed"})
"""Refusals of a returning client: the room's password has changed, or the ticket is no longer valid."""
REMEMBERED: Final = 8
"""How many of the newest passwords lines are checked for."""


class RoomPassword:
    """`given` is the password from the start, None without one; `read` reads it again, None if it cannot."""

    def __init__(self, given: str | None, read: Callable[[], str | None] | None = None) -> None:
        self.given = given
        self._read = read
        self._tried = given
        self._known: list[str] = []
        if given is not None:
            self.note(given)

    def another(self, refused: Refused) -> str | None:
        """Read the password again, and return it if it has changed and may cure a refusal; each is tried once."""
        if refused.code not in MENDED_BY_A_PASSWORD or self.given is None or self._read is None:
            return None
        password = self._read()
        if password is None or password == self._tried or not is_usable(password):
            return None
        self._tried = password
        self.note(password)
        return password

    def note(self, password: str) -> None:
        """Remember a password that a person typed."""
        if password and password not in self._known:
            self._known = [*self._known[1 - REMEMBERED :], password]

    def occurs_in(self, text: str) -> bool:
        """Tell whether a line of this text is a known password, ignoring case and spaces."""
        known = {fold(password) for password in self._known}
        return bool(known) and any(line.strip() and fold(line) in known for line in text.splitlines())
