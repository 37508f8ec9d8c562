"""What an entry of the log looks like to a person: lines of styled pieces, the same for every screen.

Whatever came over the wire is cleaned here. A line of the log begins with its time at the margin; everything else of it
is indented, so that nobody can write another's line into their own text.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final, TypeAlias

from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry
from sockatuh.room.text import clean_line, lines_of

from .wording import client as phrases
from .wrapping import reach, wrap

Piece: TypeAlias = tuple[str, str]
"""A style's name and a text."""
Line: TypeAlias = tuple[Piece, ...]

AUTHORS: Final = 10
"""Colours for authors."""
DEEPEST_INDENT: Final = 24
NO_TIME: Final = "--:--"


def is_said(entry: Entry) -> bool:
    """Tell whether somebody said this."""
    return entry.kind in (MESSAGE, ACTION)


def draw(entry: Entry, me: str, columns: int | None = None) -> list[Line]:
    """Return the lines that show an entry; none for kinds that are not shown. `columns` wraps them."""
    name = clean_line(entry.name)
    if is_said(entry):
        return _draw_text(entry, name, me, columns)
    if entry.kind == JOINED:
        return [(_time(entry), ("class:event", phrases.joined(name)))]
    if entry.kind == LEFT:
        return [(_time(entry), ("class:event", phrases.left(name, clean_line(entry.text))))]
    return []


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for _, text in line)


def local_day(entry: Entry) -> str:
    """Return the local date of an entry, "" if it has none."""
    moment = _moment(entry)
    return f"{moment:%Y-%m-%d}" if moment else ""


def author_style(name: str) -> str:
    """Return the style of an author, the same every day on every machine."""
    return f"class:author{hashlib.blake2s(name.casefold().encode()).digest()[0] % AUTHORS}"


def _draw_text(entry: Entry, name: str, me: str, columns: int | None) -> list[Line]:
    author: Line = ((author_style(name), name), ("", "  "))
    if entry.kind == ACTION:
        author = (("", "* "), (author_style(name), name), ("", " "))
    head: Line = (_time(entry), *author)
    width = reach(plain(head))
    indent = min(width, max(len(NO_TIME) + 1, columns // 2) if columns else DEEPEST_INDENT, DEEPEST_INDENT)
    lines = lines_of(entry.text)
    style = "class:mention" if name != me and any(_mentions(line, me) for line in lines) else ""
    used = [width] + [indent] * len(lines)
    rows = [row for line, start in zip(lines, used, strict=False) for row in wrap(line, columns, start, indent)]
    first, *others = rows or [""]
    return [(*head, (style, first)), *((("", " " * indent), (style, row)) for row in others)]


def _mentions(text: str, me: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(me)}(?!\w)", text, re.IGNORECASE) is not None


def _time(entry: Entry) -> Piece:
    moment = _moment(entry)
    return "class:time", f"{moment:%H:%M} " if moment else f"{NO_TIME} "


def _moment(entry: Entry) -> datetime | None:
    try:
        return datetime.fromtimestamp(entry.at / 1000).astimezone()
    except (OverflowError, ValueError, OSError):  # whatever the server says
        return None
