"""What one word is made of: a name is one, so that any sentence may hold it as it is."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

PUNCTUATION: Final = "_-.'"
"""What a word may hold besides letters, marks and digits."""

_SPACES: Final = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_CATEGORIES: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl"})


def one_word(text: str) -> str:
    """Write a text's spaces as a name has them: `_` for those within it, none around it."""
    return _SPACES.sub("_", _SPACES.sub(" ", text).strip(" "))


def is_word(text: str) -> bool:
    """Tell whether a text is made like a name, as far as its characters go."""
    return text != "" and may_begin(text[0]) and all(map(is_of_a_word, text))


def is_of_a_word(char: str) -> bool:
    """Tell whether a word may hold this character."""
    return char in PUNCTUATION or unicodedata.category(char) in _CATEGORIES


def may_begin(char: str) -> bool:
    """Tell whether a word may begin with it: a letter or a digit."""
    category = unicodedata.category(char)
    return category in _CATEGORIES and category[0] != "M"
