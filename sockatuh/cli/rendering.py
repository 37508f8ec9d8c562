"""Renders entries of the log as lines of styled pieces, the same for every screen.

No two different entries look alike, whatever names and texts they hold, at any width, with or without colour:

* The first row of an entry begins with its time at the margin, and every other row is indented. So no text
  can imitate somebody else's line.
* After the time comes the author of a message, or a mark that cannot begin a name: `·` for joins, leaves and renames,
  `*` for an action, `»` for a private line, after which author and addressee stand, `#` for a line of the room's admin.
  A name is one word, so it ends at the first space; two spaces separate an author or an addressee from a text.
* A name too long for a row is cut, and each row that is cut ends in `…`, which occurs in no name. The rest of the
  name, and the remark that a text continues, are aligned with the names; texts are indented further.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from sockatuh.client.items import Came, EntryEvent, Renamed, Said, Struck, Went, Whispered, local_moment
from sockatuh.client.mentions import mentions
from sockatuh.room.text import clean_line, lines_of
from sockatuh.wording import client as phrases

from .direction import LEFT_TO_RIGHT, turns
from .naming import quoted, shown_name
from .wrapping import CUT, clip, reach, width_of, wrap

Piece: TypeAlias = tuple[str, str]
"""A style's name and a text."""
Line: TypeAlias = tuple[Piece, ...]

AUTHORS: Final = 9
"""Colours for authors."""
NO_TIME: Final = "--:--"
NAMES_AT: Final = len(NO_TIME) + 1
"""The column where names and marks begin."""
TEXTS_FROM: Final = NAMES_AT + 3
"""The leftmost column at which an entry's second and later rows begin."""
DEEPEST_INDENT: Final = 24
EVENT: Final = "· "
ACTED: Final = "* "
WHISPERED: Final = "» "
OFFICIAL: Final = "# "
TO: Final = " → "
LONGEST: Final = 12
"""The most rows of a text that a screen shows in full."""
SHORTENED: Final = 10
"""Rows shown of a longer one."""


def draw(entry: EntryEvent, me: str, columns: int | None = None) -> list[Line]:
    """Return the lines that show an entry of the log to somebody called `me`; `columns` wraps them."""
    match entry:
        case Said():
            mark, gap = (ACTED, " ") if entry.action else ("", "  ")
            told = "class:mention" if mentions(entry, me) else ""
            official, style = (OFFICIAL, "class:official") if entry.official else ("", "")
            return _draw_text(entry, official + mark, shown_name(entry.name), gap, (style, told), columns)
        case Whispered():
            names = shown_name(entry.name) + TO + _addressee(entry, me)
            return _draw_text(entry, WHISPERED, names, "  ", ("class:private", ""), columns)
        case Came():
            return draw_event(entry.at, phrases.joined(shown_name(entry.name)), columns)
        case Went():
            return draw_event(entry.at, phrases.left(shown_name(entry.name), entry.reason), columns)
        case Renamed() if entry.new == me:
            return draw_event(entry.at, phrases.you_are(shown_name(me)), columns)
        case Renamed():
            return draw_event(entry.at, phrases.renamed(shown_name(entry.name), shown_name(entry.new)), columns)
        case Struck():
            sentence = phrases.struck(shown_name(entry.name), local_moment(entry.line_at), local_moment(entry.at))
            return draw_event(entry.at, sentence, columns)


def draw_event(at: int, sentence: str, columns: int | None) -> list[Line]:
    """Return the lines that tell something nobody has said, at a moment (ms since 1970)."""
    first, *others = wrap(sentence, columns, NAMES_AT + reach(EVENT), TEXTS_FROM, CUT, whole=False)
    head: Line = (_time(at), ("class:event", EVENT + first))
    return [head, *((("class:event", " " * TEXTS_FROM + row),) for row in others)]


def draw_shortened(entry: EntryEvent, me: str, columns: int | None) -> list[Line]:
    """Return the lines that show an entry; of a long one only the first, and a remark on how to see the rest."""
    lines = draw(entry, me, columns)
    if len(lines) <= LONGEST:
        return lines
    return lines[:SHORTENED] + draw_answer(phrases.more_of_it(len(lines) - SHORTENED, entry.seq), columns)


def draw_answer(sentence: str, columns: int | None) -> list[Line]:
    """Return the lines that answer a command, or remark on an entry, in a row of their own below it."""
    first, *others = wrap(sentence, columns, NAMES_AT, TEXTS_FROM, CUT, whole=False)
    rows = [" " * NAMES_AT + first, *(" " * TEXTS_FROM + row for row in others)]
    return [(("class:note", row),) for row in rows]


def faded(lines: list[Line]) -> list[Line]:
    """Return lines as they are shown to somebody who has read them before."""
    return [tuple(("class:read", text) for _, text in line) for line in lines]


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(text for _, text in line)


def anchored_line(line: Line) -> Line:
    """Return a line that begins at the left even on terminals that reorder right-to-left text."""
    return (("", LEFT_TO_RIGHT), *line) if turns(plain(line)) else line


def clip_line(line: Line, columns: int) -> Line:
    """Return as much of a line as fits into a number of columns."""
    pieces: list[Piece] = []
    for style, text in line:
        part = clip(text, columns) if columns > 0 else ""
        pieces.append((style, part))
        columns = columns - reach(part) if part == text else 0
    return tuple(pieces)


def author_style(name: str, tag: str = "") -> str:
    """Return an author's style: the same on every machine, and after a rename where the key is known (`tag`)."""
    return f"class:author{hashlib.blake2s((tag or name.casefold()).encode()).digest()[0] % AUTHORS}"


def _addressee(whispered: Whispered, me: str) -> str:
    """Return the addressee, as "you" in a line that somebody else sent to me."""
    if whispered.to == me and whispered.name != me:
        return phrases.YOU
    return quoted(whispered.to) if whispered.to == phrases.YOU else shown_name(whispered.to)


def _draw_text(
    entry: Said | Whispered, mark: str, names: str, gap: str, styles: tuple[str, str], columns: int | None
) -> list[Line]:
    """Return the lines of a text. `names` stand between `mark` and `gap`; `styles` are added to those of both."""
    texts = lines_of(entry.text)
    bare = names.removesuffix(LEFT_TO_RIGHT)
    *cut, author = wrap(bare, columns, NAMES_AT + len(mark), NAMES_AT, CUT, whole=False)
    style, told = f"{author_style(clean_line(entry.name), entry.tag)} {styles[0]}".rstrip(), styles[1]
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
    author += names[len(bare) :]
    last: Line = (("", before), (style, author), *((("", gap), (told, first)) if first else ()))
    heads: list[Line] = [(("", "" if at else mark), (style, row)) for at, row in enumerate(cut)] + [last]
    return [
        *((_time(entry.at) if at == 0 else ("", " " * NAMES_AT), *head) for at, head in enumerate(heads)),
        *((("", " " * indent), (told, row)) for row in others),
    ]


def _time(at: int) -> Piece:
    moment = local_moment(at)  # whatever the server says
    return "class:time", f"{moment:%H:%M} " if moment else f"{NO_TIME} "
