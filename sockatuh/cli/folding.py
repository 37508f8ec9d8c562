"""Folds letters for searching and completing: without case, accents and width."""

from __future__ import annotations

import unicodedata


def fold_letters(text: str) -> str:
    """Return a text in which letters are equal that differ only in case, accents or width: `Zoë` is `zoe`.

    Vowel signs of Indic scripts stay, because they are letters and no accents: only marks of a combining class go.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
