"""Tells whether a line is meant for one person: what a screen emphasises, and what calls somebody back to it."""

from __future__ import annotations

import re

from sockatuh.room.text import clean_line, lines_of

from .items import Said


def mentions(said: Said, me: str) -> bool:
    """Tell whether a line is for me: the admin says it, or somebody else names me, with or without an @."""
    if said.official:
        return True
    return clean_line(said.name) != me and any(_names(text, me) for text in lines_of(said.text))


def _names(text: str, me: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(me)}(?!\w)", text, re.IGNORECASE) is not None
