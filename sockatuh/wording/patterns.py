"""Translates sentences that are finished when they arrive, by tables of patterns with places for what varies.

A pattern is a sentence with places in braces, each with a name. A place whose name begins with `reason` may itself hold
a sentence of the table. What fits no pattern stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_PLACE: Final = re.compile(r"\\\{(\w+)\\\}")
_SPOKEN: Final = "reason"


def translated(text: str, table: Mapping[str, str]) -> str:
    """Return the translation by the first pattern of a table that fits the whole text, or the text."""
    for pattern, translation in table.items():
        if found := re.fullmatch(_PLACE.sub(r"(?P<\1>.*?)", re.escape(pattern)), text, re.DOTALL):
            values = {
                name: translated(value, table) if name.startswith(_SPOKEN) else value
                for name, value in found.groupdict().items()
            }
            return translation.format(**values)
    return text
