"""What an entry of the log looks like to a person: lines of styled pieces, the same for every screen.

Whatever came over the wire is cleaned here. No two different entries look alike, whatever names and texts are in them,
at any width, with or without colour. This is why:

* A row of the log begins with its time at the margin; everything else of it is indented, so that nobody can write
  another's line into their own text.
* Behind the time stands the author of a message, or a mark with which no name begins: `·` for who came and went, `*`
  for an action. A name is one word, so what follows it is not of it; two spaces are between an author and a text.
* A name that fits no row is cut, and `…`, which is in no name, ends each row within it. What goes on stands under the
  names; so does the remark that a text goes on. Texts are indented further than both.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final, TypeAlias

from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry
from sockatuh.room.text import clean_line, lines_of
from sockatuh.wording import client as phrases

from .direction import apart, without_marks
from .naming import shown_name
from .wrapping import CUT, reach, width_of, wrap

Piece: TypeAlias = tuple[str, str]
"""A style's name and a text."""
Line: TypeAlias = tuple[Piece, ...]

AUTHORS: Final = 10
"""Colours for authors."""
NO_TIME: Final = "--:--"
NAMES_AT: Final = len(NO_TIME) + 1
"""The column where names and marks begin."""
TEXTS_FROM: Final = NAMES_AT + 3
"""The first column where a row may begin that is not the first of an entry."""
DEEPEST_INDENT: Final = 24
EVENT: Final = "· "
ACTED: Final = "* "
LONGEST: Final = 12
"""Rows of a text that is shown whole to somebody who looks on."""
SHORTENED: Final = 10
"""Rows that are shown of a longer one."""


def is_said(entry: Entry) -> bool:
    """Tell whether somebody said this."""
    return entry.kind in (MESSAGE, ACTION)


def draw(entry: Entry, me: str, columns: int | None = None) -> list[Line]:
    """Return the lines that show an entry; none for kinds that are not shown. `columns` wraps them."""
    if is_said(entry):
        return _draw_text(entry, me, columns)
    if entry.kind == JOINED:
        return _draw_event(entry, phrases.joined(shown_name(entry.name)), columns)
    if entry.kind == LEFT:
        return _draw_event(entry, phrases.left(shown_name(entry.name), clean_line(entry.text)), columns)
    return []


def shorten(lines: list[Line], seq: int, columns: int | None) -> list[Line]:
    """Return the beginning of what shows a long text, and how to see the rest."""
    remark = phrases.more_of_it(len(lines) - SHORTENED, seq)
    first, *others = wrap(remark, columns, NAMES_AT, TEXTS_FROM)
    rows = [" " * NAMES_AT + first, *(" " * TEXTS_FROM + row for row in others)]
    return lines[:SHORTENED] + [(("class:note", row),) for row in rows]


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


def _draw_event(entry: Entry, sentence: str, columns: int | None) -> list[Line]:
    first, *others = wrap(sentence, columns, NAMES_AT + reach(EVENT), TEXTS_FROM, CUT, whole=False)
    head: Line = (_time(entry), ("class:event", EVENT + first))
    return [head, *((("class:event", " " * TEXTS_FROM + row),) for row in others)]


def _draw_text(entry: Entry, me: str, columns: int | None) -> list[Line]:
    name, texts = shown_name(entry.name), lines_of(entry.text)
    mark, gap = (ACTED, " ") if entry.kind == ACTION else ("", "  ")
    *cut, author = _rows_of_name(without_marks(name), columns, NAMES_AT + len(mark))
    style, told = author_style(clean_line(entry.name)), "class:mention" if _tells(texts, entry.name, me) else ""
    before = "" if cut else mark
    used = NAMES_AT + len(before) + width_of(author) + len(gap)
    deepest = min(DEEPEST_INDENT, max(TEXTS_FROM, columns // 2)) if columns else DEEPEST_INDENT
    indent = max(TEXTS_FROM, min(used, deepest))
    taken = NAMES_AT + len(before) + reach(author) + len(gap)
    starts = [taken] + [indent] * len(texts)
    rows = [
        row
        for text, start in zip(texts, starts, strict=False)
        for row in wrap(text, columns, start, indent, whole=False)
    ]
    first, *others = rows or [""]
    last: Line = (("", before), (style, apart(author)), *((("", gap), (told, first)) if first else ()))
    heads: list[Line] = [(("", "" if at else mark), (style, row)) for at, row in enumerate(cut)] + [last]
    return [
        *((_time(entry) if at == 0 else ("", " " * NAMES_AT), *head) for at, head in enumerate(heads)),
        *((("", " " * indent), (told, row)) for row in others),
    ]


def _rows_of_name(name: str, columns: int | None, used: int) -> list[str]:
    return list(wrap(name, columns, used, NAMES_AT, CUT, whole=False))


def _tells(texts: list[str], name: str, me: str) -> bool:
    return clean_line(name) != me and any(_mentions(text, me) for text in texts)


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
