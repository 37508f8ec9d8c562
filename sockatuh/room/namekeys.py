"""When two names are one name: equal but for case and width, or alike to the eye.

Both together must be an equivalence, so characters are in classes, and the *name key* writes each as its class. That
is stricter than the eye: as I is i in another case and looks like l, "Lia" and "Ila" are one name too. A few letters
are in no class though they look like a Latin letter (ν, υ, γ, σ, ь …), because another of their alphabet is; `NameKeys`
lists them as disguises.

The classes (UTS 39's confusables) are in lookalikes.json, made once by tests/room/lookalikes.py: that takes 0.2 s and
10 MiB, and a name stays one name under whatever Python runs next.
"""

from __future__ import annotations

import json
import pkgutil
import unicodedata
from typing import Final

_DOT_ABOVE: Final = "\u0307"


class NameKeys:
    """Gives names their keys. Building it reads the table of look-alikes, so build one and share it."""

    def __init__(self) -> None:
        lookalikes = json.loads(pkgutil.get_data(__name__, "lookalikes.json") or b"")
        self._table = {ord(char): each for each, chars in lookalikes["written"].items() for char in chars}
        self.disguises: Final = frozenset(lookalikes["disguises"])

    def key(self, name: str) -> str:
        """Give the name key: equal for names that are one name, whatever the text, legal or not."""
        # Twice, because composing may bring about what folds again.
        folded = unicodedata.normalize("NFD", fold(fold(name)))
        # i and j bear their dot already: a second one cannot be seen.
        return folded.translate(self._table).replace(f"i{_DOT_ABOVE}", "i").replace(f"j{_DOT_ABOVE}", "j")

    def look_of(self, char: str) -> str:
        """Give what a character is written as, itself if it looks like no other."""
        look: str = self._table.get(ord(char), char)
        return look


def fold(text: str) -> str:
    """Give a text without its case, width and runs of spaces (RFC 8266's comparison)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
