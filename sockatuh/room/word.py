"""Which characters make up a word. A name is one word, so it can stand in any sentence as it is.

This is apart from `names` because clients use it, and should not have to load the library for RFC 8265.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

PUNCTUATION: Final = "_-.'"
"""What a word may contain besides letters, marks and digits."""

_SPACES: Final = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_CATEGORIES: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl"})


def one_word(text: str) -> str:
    """Return a text with `_` for the spaces within it, and without those around it."""
    return _SPACES.sub("_", _SPACES.sub(" ", text).strip(" "))


def is_word(text: str) -> bool:
    """Tell whether the characters of a text are those of a word."""
    return text != "" and may_begin(text[0]) and all(map(is_of_a_word, text))


def is_of_a_word(char: str) -> bool:
    """Tell whether a word may contain this character."""
    return char in PUNCTUATION or unicodedata.category(char) in _CATEGORIES


def may_begin(char: str) -> bool:
    """Tell whether a word may begin with this character: a letter or a digit."""
    category = unicodedata.category(char)
    return category in _CATEGORIES and category[0] != "M"
