"""Knows the password that a browser has joined with well enough to refuse a line that says it, as a terminal does.

The password itself is forgotten: what is kept is a hash under a key that exists in this process's memory only, and
neither is on disk. It belongs to one browser, whose person has typed that password; so asking whether a line is the
password tells nobody anything.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from sockatuh.room.namekeys import fold

_KEY: Final = os.urandom(32)


class PasswordGuard:
    """The password that was right last."""

    def __init__(self) -> None:
        self._known: bytes | None = None

    def note(self, password: str) -> None:
        """Remember a password that the room has accepted."""
        self._known = _hash(password)

    def occurs_in(self, text: str) -> bool:
        """Tell whether a line of this text is the password, ignoring case and spaces."""
        return self._known is not None and any(
            line.strip() and _hash(line) == self._known for line in text.splitlines()
        )


def _hash(text: str) -> bytes:
    return hashlib.blake2s(fold(text).encode("utf-8", "replace"), key=_KEY).digest()
