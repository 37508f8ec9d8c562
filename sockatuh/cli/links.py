"""Finds the links in texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sockatuh.room.text import BLANKS, lines_of

_LINK: Final = re.compile(rf"(?<!\w)(?:https?|ftp|sockatuh)://[^\s{BLANKS}<>\"`…“”«»]+", re.IGNORECASE)
_ENDS_NO_LINK: Final = ".,;:!?'*_~’‘"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}


def links_in(text: str) -> Iterator[str]:
    """Yield each link in a text, cleaned, without the punctuation of the sentence around it.

    A link holds no space and no letter that looks like one, so wherever a terminal wraps it, no row of it can be taken
    for a line of the log.
    """
    if "://" not in text:  # cleaning again is slow, and nearly no text has a link
        return
    for line in lines_of(text):
        for found in _LINK.finditer(line):
            link = _without_punctuation(found[0])
            if not link.endswith("//"):
                yield link


def _without_punctuation(link: str) -> str:
    """Return a link without what follows it; a closing bracket belongs to it only if it was opened in it."""
    end = len(link)
    surplus = {closing: link.count(closing) - link.count(opening) for closing, opening in _BRACKETS.items()}
    while end:
        last = link[end - 1]
        if last not in _ENDS_NO_LINK and surplus.get(last, 0) <= 0:
            break
        if last in surplus:
            surplus[last] -= 1
        end -= 1
    return link[:end]
