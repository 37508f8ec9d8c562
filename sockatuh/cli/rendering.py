"""Renders entries of the log as lines of styled pieces, the same for every screen.

No two different entries look alike, whatever names and texts they hold, at any width, with or without colour:

* The first row of an entry begins with its time at the margin, and every other row is indented. So no text
  can imitate somebody else's line.
* After the time comes the author of a message, or a mark that cannot begin a name: `·` for joins and leaves, `*` for
  an action. A name is one word, so it ends at the first space; two spaces separate an author from a text.
* A name too long for a row is cut, and each row that is cut ends in `…`, which occurs in no name. The rest of the
  name, and the remark that a text continues, are aligned with the names; texts are indented further.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, TypeAlias

from sockatuh.client.items import Came, Said, Went, local_moment
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
"""The leftmost column at which an entry's second and later rows begin."""
DEEPEST_INDENT: Final = 24
EVENT: Final = "· "
ACTED: Final = "* "
LONGEST: Final = 12
"""The most rows of a text that a screen shows in full."""
SHORTENED: Final = 10
"""Rows shown of a longer one."""


def draw(event: Said | Came | Went, me: str, columns: int | None = None) -> list[Line]:
    """Return the lines that show an entry of the log; `columns` wraps them."""
    match event:
        case Said():
            return _draw_text(event, me, columns)
        case Came():
            return _draw_event(event, phrases.joined(shown_name(event.name)), columns)
        case Went():
            return _draw_event(event, phrases.left(shown_name(event.name), event.reason), columns)


def shorten(lines: list[Line], seq: int, columns: int | None) -> list[Line]:
    """Return the first lines of a long text, and a remark on how to see the rest."""
    remark = phrases.more_of_it(len(lines) - SHORTENED, seq)
    first, *others = wrap(remark, columns, NAMES_AT, TEXTS_FROM)
    rows = [" " * NAMES_AT + first, *(" " * TEXTS_FROM + row for row in others)]
    return lines[:SHORTENED] + [(("class:note", row),) for row in rows]


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(text for _, text in line)


def author_style(name: str) -> str:
    """Return an author's style, which is the same on every machine."""
    return f"class:author{hashlib.blake2s(name.casefold().encode()).digest()[0] % AUTHORS}"


def _draw_event(event: Came | Went, sentence: str, columns: int | None) -> list[Line]:
    first, *others = wrap(sentence, columns, NAMES_AT + reach(EVENT), TEXTS_FROM, CUT, whole=False)
    head: Line = (_time(event.at), ("class:event", EVENT + first))
    return [head, *((("class:event", " " * TEXTS_FROM + row),) for row in others)]


def _draw_text(said: Said, me: str, columns: int | None) -> list[Line]:
    name, texts = shown_name(said.name), lines_of(said.text)
    mark, gap = (ACTED, " ") if said.action else ("", "  ")
    *cut, author = _rows_of_name(without_marks(name), columns, NAMES_AT + len(mark))
    style, told = author_style(clean_line(said.name)), "class:mention" if _tells(texts, said.name, me) else ""
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
        *((_time(said.at) if at == 0 else ("", " " * NAMES_AT), *head) for at, head in enumerate(heads)),
        *((("", " " * indent), (told, row)) for row in others),
    ]


def _rows_of_name(name: str, columns: int | None, used: int) -> list[str]:
    return list(wrap(name, columns, used, NAMES_AT, CUT, whole=False))


def _tells(texts: list[str], name: str, me: str) -> bool:
    return clean_line(name) != me and any(_mentions(text, me) for text in texts)


def _mentions(text: str, me: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(me)}(?!\w)", text, re.IGNORECASE) is not None


def _time(at: int) -> Piece:
    moment = local_moment(at)  # whatever the server says
    return "class:time", f"{moment:%H:%M} " if moment else f"{NO_TIME} "
