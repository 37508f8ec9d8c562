"""How the table of look-alikes is made; `cd tests && python -m room.lookalikes` writes it into the package.

Two names are one when they look alike (UTS 39's confusables), and that must be an equivalence, or ana could be bob's
name and bob not ana's; so the characters are put into classes, and the name key writes each character as its class.

Taken without care the closure would be silly: ν is the small Ν, Ν looks like N and ν like v, so n would be v and "Ana"
be "Ava". So a class may hold only one letter of an alphabet, apart from what ASCII itself confuses (I, l, 1, | and
O, 0). The links are made capitals first, whose shapes agree best, and a link that would break the rule is left out. The
few letters that lost a link so (ν, υ, γ, σ, ь …) are the disguises.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from confusable_homoglyphs.confusables import confusables_data

from sockatuh.room import namekeys
from sockatuh.room.namekeys import fold

FILE: Final = Path(namekeys.__file__).with_name("lookalikes.json")
_ALPHABETS: Final = (
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
)
_DIRECTION_MARK: Final = "\u200e"


def make() -> str:
    """Return the table as it stands in the package, with the version of Unicode it was made with."""
    links, expansions = _read_confusables()
    classes = _Classes()
    classes.link(links)
    written: dict[str, str] = {}
    for code, char_class in sorted(classes.table(expansions).items()):
        if chr(code) != char_class:
            written[char_class] = written.get(char_class, "") + chr(code)
    table = {
        "unicode": unicodedata.unidata_version,
        "disguises": "".join(sorted(classes.disguises)),
        "written": dict(sorted(written.items())),
    }
    return json.dumps(table, indent=0) + "\n"


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
        pieces = unicodedata.normalize("NFD", fold(meant[root]))
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


def _folded(char: str) -> str:
    """Give the small form of a character that can stand in a name key; others are only hubs that link such ones."""
    small = char.casefold()
    return small if _is_own_form(char) and len(small) == 1 else char


def _is_own_form(char: str) -> bool:
    return unicodedata.is_normalized("NFKC", char) and not unicodedata.category(char).startswith("M")


def _is_jamo(char: str) -> bool:
    # Parts of Hangul syllables: alone they are no names, and taken apart 각가 would be 가까.
    return "\u1100" <= char[0] <= "\u11ff"


if __name__ == "__main__":
    FILE.write_text(make(), "utf-8")
