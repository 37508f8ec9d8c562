"""Which names are legal, and when two names are the same name.

Two names are one when they are equal under the Nickname profile's comparison (RFC 8266: case, width, spaces) or when
they look alike (UTS 39's confusables). Both together must be an equivalence, or ana could be bob's name and bob not
ana's; so the characters are put into classes, and the *name key* writes each character as its class. That is stricter
than the eye: as I is i in another case and looks like l, "Lia" and "Ila" are one name too.

Taken without care the closure would be silly: ν is the small Ν, Ν looks like N and ν like v, so n would be v and "Ana"
be "Ava". So a class may hold only one letter of an alphabet, apart from what ASCII itself confuses (I, l, 1, | and
O, 0). The links are made capitals first, whose shapes agree best, and a link that would break the rule is left out. The
few letters that lost a link so (ν, υ, γ, σ, ь …) may not stand in one word with Latin letters, where they would be a
disguise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
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

_ALPHABETS: Final = (
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
)
_BLANK: Final = frozenset(BLANKS)  # some of which the profile lets through
_DIRECTION_MARK: Final = "\u200e"
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
    """Judges and compares names. Building it reads the table of look-alikes (0.15 s), so build one and share it."""

    def __init__(self) -> None:
        links, expansions = _read_confusables()
        classes = _Classes()
        classes.link(links)
        self._table = classes.table(expansions)
        self._disguises = classes.disguises
        self._colon = self._table[ord(":")]
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
        return self._table.get(ord(char)) == self._colon and not unicodedata.category(char).startswith("M")

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


class _Classes:
    """Which characters count as one: a union-find that keeps the letters of an alphabet apart."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self.disguises: set[str] = set()

    def link(self, links: Iterable[tuple[str, str]]) -> None:
        """Unite the characters of each link, ASCII's own first, then capitals, as far as no alphabet loses a letter."""
        ordered = sorted(links, key=_rank)
        for one, other in ordered:
            if (one + other).isascii():
                self._unite(_folded(one), _folded(other))
        for one, other in ordered:
            ends = _folded(one), _folded(other)
            if not self._letters(ends[0]).isdisjoint(self._letters(ends[1])):
                self._note_disguise(*ends)
            else:
                self._unite(*ends)

    def table(self, expansions: dict[str, str]) -> dict[int, str]:
        """Give what each character is written as in a name key; `expansions`: one that looks like several (m: rn)."""
        meant: dict[str, str] = {}
        for char, several in sorted(expansions.items()):
            root = self._find(_folded(char))
            if char.isascii() or not any(member.isascii() for member in self._members[root]):
                meant.setdefault(root, several)
        return {ord(char): self._written(char, meant, frozenset()) for char in list(self._parents)}

    def _written(self, char: str, meant: dict[str, str], within: frozenset[str]) -> str:
        root = self._find(char)
        if root not in meant or root in within:
            return min(self._members[root], key=lambda member: (not member.isascii(), not member.isalpha(), member))
        pieces = unicodedata.normalize("NFD", _fold(meant[root]))
        return "".join(self._written(piece, meant, within | {root}) for piece in pieces)

    def _find(self, char: str) -> str:
        if char not in self._parents:
            self._parents[char] = char
            self._members[char] = {char}
        while (parent := self._parents[char]) != char:
            char = parent
        return char

    def _unite(self, one: str, other: str) -> None:
        kept, gone = self._find(one), self._find(other)
        if kept != gone:
            self._parents[gone] = kept
            self._members[kept] |= self._members.pop(gone)

    def _letters(self, char: str) -> set[str]:
        """Give the alphabets of which the character's class holds a letter already."""
        members = self._members[self._find(char)]
        return {alphabet for alphabet in _ALPHABETS if not members.isdisjoint(alphabet)}

    def _note_disguise(self, one: str, other: str) -> None:
        if self._find(one) != self._find(other) and (one.isascii() or other.isascii()):
            self.disguises |= {char for char in (one, other) if not char.isascii()}


def _read_confusables() -> tuple[set[tuple[str, str]], dict[str, str]]:
    """Give UTS 39's pairs of single characters, and which character looks like several."""
    # Imported here: it reads 2 MB of JSON, which only those who judge names should pay for.
    from confusable_homoglyphs.confusables import confusables_data

    links: set[tuple[str, str]] = set()
    expansions: dict[str, str] = {}
    for left, entries in confusables_data.items():
        one = left.replace(_DIRECTION_MARK, "")
        for entry in entries:
            other = entry["c"].replace(_DIRECTION_MARK, "")
            # The data has each pair in both directions; several characters are always the right side in UTS 39.
            if len(one) != 1 or _is_jamo(one) or _is_jamo(other):
                continue
            if len(other) == 1:
                links.add((min(one, other), max(one, other)))
            elif _is_own_form(one):
                expansions[one] = other
    return links, expansions


def _rank(link: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    capitals = sum(char.isupper() for char in link)
    return (1, 2, 0)[capitals], link  # two capitals, then none, then a mixed pair


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _folded(char: str) -> str:
    """Give the small form of a character that can stand in a name key; others are only hubs that link such ones."""
    small = char.casefold()
    return small if _is_own_form(char) and len(small) == 1 else char


def _is_own_form(char: str) -> bool:
    return unicodedata.is_normalized("NFKC", char) and not unicodedata.category(char).startswith("M")


def _is_jamo(char: str) -> bool:
    # Parts of Hangul syllables: alone they are no names, and taken apart 각가 would be 가까.
    return "\u1100" <= char[0] <= "\u11ff"


def _may_begin(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LN" or char == "_" or (category == "So" and wcwidth.wcwidth(char) == 2)
