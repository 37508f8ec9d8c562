"""Which names are legal, and when two names are the same name.

Two names are one when they are equal under the Nickname profile's comparison (RFC 8266: case, width, spaces) or when
they look alike (UTS 39's confusables). Both together must be an equivalence, so characters are in classes, and the
*name key* writes each as its class. That is stricter than the eye: as I is i in another case and looks like l, "Lia"
and "Ila" are one name too. A few letters are in no class though they look like a Latin letter (ν, υ, γ, σ, ь …),
because another of their alphabet is; they may not stand in one word with Latin letters, where they would be a disguise.

The classes are in lookalikes.json, made once by tests/room/lookalikes.py: that takes 0.2 s and 10 MiB, and a name
stays one name under whatever Python runs next.
"""

from __future__ import annotations

import json
import pkgutil
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import precis_i18n
import wcwidth

from .text import BLANKS, clean_line

MAX_NAME_GRAPHEMES: Final = 32
MAX_NAME_BYTES: Final = 128
MAX_PASSWORD_BYTES: Final = 72
"""What bcrypt looks at, and more than which it refuses."""

NameFault = Literal["empty", "too_long", "forbidden", "colon", "beginning", "mixed"]

_BLANK: Final = frozenset(BLANKS)  # some of which the profile lets through
_DOT_ABOVE: Final = "\u0307"
_WORD: Final = re.compile(r"\w+")
_LATIN: Final = re.compile(r"[a-z]")


class PasswordUnusable(ValueError):
    """A password that no room can have; the sentence says why."""


@dataclass(frozen=True, slots=True)
class NameInvalid:
    """Why a text cannot be a name: a code, and a sentence for people."""

    fault: NameFault
    sentence: str


_EMPTY: Final = NameInvalid("empty", "a name has at least one character")
_TOO_LONG: Final = NameInvalid(
    "too_long", f"a name has at most {MAX_NAME_GRAPHEMES} characters and {MAX_NAME_BYTES} bytes"
)
_FORBIDDEN: Final = NameInvalid("forbidden", "the name holds a character that cannot be shown safely")
_COLON: Final = NameInvalid("colon", "a name must not hold a colon, nor what looks like one")
_BEGINNING: Final = NameInvalid("beginning", "a name begins with a letter, a digit, an underscore or an emoji")
_MIXED: Final = NameInvalid("mixed", "the name mixes Latin letters with others that only look like them")


class NameRules:
    """Judges and compares names. Building it reads the table of look-alikes, so build one and share it."""

    def __init__(self) -> None:
        lookalikes = json.loads(pkgutil.get_data(__name__, "lookalikes.json") or b"")
        self._table = {ord(char): each for each, chars in lookalikes["written"].items() for char in chars}
        self._disguises = frozenset(lookalikes["disguises"])
        self._colon = self._table.get(ord(":"), ":")
        self._profile = precis_i18n.get_profile("NicknameCasePreserved")

    def enforce(self, name: str) -> str | NameInvalid:
        """Give the form of the name that is shown, or why it is none (RFC 8266 §2.3; docs/PROTOCOL.md §10).

        Beyond the profile a name must not hold a colon, for `NAME: text` is a line of the classic dialect; and must
        begin with a letter, a digit, `_` or an emoji, so that none begins like a command (`/`), a mention (`@`), an
        action (`*`) or the room's own notices (`—`).
        """
        if not name.strip():
            return _EMPTY
        if len(name) > MAX_NAME_BYTES:
            return _TOO_LONG
        try:
            shown: str = self._profile.enforce(name)
        except UnicodeEncodeError:
            return _FORBIDDEN
        return self._find_fault(shown) or shown

    def key(self, name: str) -> str:
        """Give the name key: equal for names that are one name, whatever the text, legal or not."""
        # Twice, because composing may bring about what folds again.
        folded = unicodedata.normalize("NFD", _fold(_fold(name)))
        # i and j bear their dot already: a second one cannot be seen.
        return folded.translate(self._table).replace(f"i{_DOT_ABOVE}", "i").replace(f"j{_DOT_ABOVE}", "j")

    def _find_fault(self, shown: str) -> NameInvalid | None:
        graphemes = sum(1 for _ in wcwidth.iter_graphemes(shown))
        if graphemes > MAX_NAME_GRAPHEMES or len(shown.encode()) > MAX_NAME_BYTES:
            return _TOO_LONG
        if clean_line(shown) != shown or not _BLANK.isdisjoint(shown):
            return _FORBIDDEN
        if any(self._looks_like_colon(char) for char in shown):
            return _COLON
        if not _may_begin(shown[0]):
            return _BEGINNING
        return _MIXED if any(self._is_disguised(word) for word in _WORD.findall(shown.casefold())) else None

    def _looks_like_colon(self, char: str) -> bool:
        # The visarga of Indic words looks like one too, but belongs to the letter before it.
        return self._table.get(ord(char), char) == self._colon and not unicodedata.category(char).startswith("M")

    def _is_disguised(self, word: str) -> bool:
        return bool(_LATIN.search(word)) and not self._disguises.isdisjoint(word)


def same_as_password(name: str, password: str) -> bool:
    """Tell whether the name would give the password away: they differ in case, width and spaces at most."""
    return _fold(name) == _fold(password)


def prepare_password(text: str) -> bytes:
    """Give the bytes that bcrypt is to see: NFC, UTF-8, 1 to 72 of them. Raises PasswordUnusable."""
    try:
        password = unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:
        raise PasswordUnusable("the password is not valid Unicode") from None
    if not password:
        raise PasswordUnusable("the password is empty")
    if len(password) > MAX_PASSWORD_BYTES:
        raise PasswordUnusable(
            f"the password has {len(password)} bytes of UTF-8, at most {MAX_PASSWORD_BYTES} are possible"
        )
    return password


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _may_begin(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LN" or char == "_" or (category == "So" and wcwidth.wcwidth(char) == 2)
