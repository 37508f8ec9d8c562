"""What one word is made of: a name is one, so that any sentence may hold it as it is."""

from __future__ import annotations

import unicodedata
from typing import Final

PUNCTUATION: Final = "_-.'"
"""What a word may hold besides letters, marks and digits."""

_CATEGORIES: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl"})


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
