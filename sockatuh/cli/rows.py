"""Prints rows for people: wrapped and safe from reordering on a terminal, as plain text in a file."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from sockatuh.client.items import Member, OwnText, Role
from sockatuh.room.text import lines_of
from sockatuh.wording import client as phrases

from .direction import LEFT_TO_RIGHT, anchored, apart, without_marks
from .naming import local_moment, shown_name
from .questions import is_terminal
from .rendering import LONGEST, NAMES_AT, SHORTENED, TEXTS_FROM
from .safe_output import ShownText, escape
from .wrapping import CUT, columns_of, width_of, wrap

NOTE_INDENT: Final = 2
LOG_INDENT: Final = 9


def print_row(row: str, stream: TextIO | None = None, style: str = "") -> None:
    """Print a row of cleaned text and flush it; `style` is a selection of graphic renditions, for terminals only."""
    stream = stream or sys.stdout
    if is_terminal(stream) and isinstance(stream, ShownText) and _has_mark(stream.encoding):
        # Cleaning has removed marks from names and texts, so all of these are ours.
        shown = LEFT_TO_RIGHT.join(map(escape, anchored(row).split(LEFT_TO_RIGHT)))
        if style and os.environ.get("TERM", "dumb") != "dumb":
            shown = f"\x1b[{style}m{shown}\x1b[0m"
        io.TextIOWrapper.write(stream, shown + "\n")
    else:
        stream.write(without_marks(row) + "\n")
    stream.flush()


def print_wrapped(lines: Iterable[str], indent: int, stream: TextIO | None = None) -> None:
    """Print lines, wrapped to the terminal's width; all rows of a line but the first are indented."""
    stream = stream or sys.stdout
    for line in lines:
        for at, row in enumerate(wrap(line, columns_of(stream), 0, indent, CUT, whole=False)):
            print_row(" " * indent + row if at else row, stream)


def print_styled(line: str, indent: int, style: str, *, whole: bool) -> None:
    """Print a line as `print_wrapped` does, in a style; `whole`: ASCII words too long for a row are not cut."""
    for at, row in enumerate(wrap(line, columns_of(sys.stdout), 0, indent, CUT, whole=whole)):
        print_row(" " * indent + row if at else row, style=style)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of a table with aligned columns, also with wide characters."""
    columns = range(max(len(row) for row in rows))
    widths = [max((width_of(row[at]) for row in rows if at < len(row)), default=0) for at in columns]
    return [
        "  ".join(cell + " " * (widths[at] - width_of(cell)) for at, cell in enumerate(row)).rstrip() for row in rows
    ]


def member_row(member: Member) -> tuple[str, ...]:
    """Return the row of a member in the table of who is here; its columns are WHO_COLUMNS, and remarks."""
    remarks = [] if member.present else [phrases.NO_CONTACT]
    if member.role is not Role.MEMBER:
        remarks.append(f"({phrases.ROLES[member.role]})")
    if member.away is not None:  # last, because it ends with a text of somebody else's
        remarks.append(phrases.is_away(apart(member.away)))
    return (shown_name(member.name), local_moment(member.since), member.dialect, member.tag or "-", *remarks)


def log_rows(line: str) -> str:
    """Return a line of the server's log, wrapped for the terminal on stderr."""
    rows = list(wrap(line, columns_of(sys.stderr), 0, LOG_INDENT, whole=False))
    if len(rows) > LONGEST:
        rows[SHORTENED:] = [f"… {len(rows) - SHORTENED} more rows"]
    return "\n".join(anchored(" " * LOG_INDENT + row if at else row) for at, row in enumerate(rows))


def print_own_texts(texts: Iterable[OwnText]) -> None:
    """Print texts that this person wrote, indented so that pasted log lines do not look like real ones."""
    print_wrapped((" " * NAMES_AT + line for line in own_lines(texts)), TEXTS_FROM, sys.stderr)


def own_lines(texts: Iterable[OwnText]) -> list[str]:
    """Return the lines of texts that this person wrote, as they are typed."""
    return [line for own in texts for line in lines_of(as_typed(own.text, to=own.to))]


def as_typed(text: str, *, action: bool = False, to: str = "") -> str:
    """Return an own line as a person types it: with the command that makes it an action, or a private line."""
    if to:
        return f"/msg {to} {text}"
    return f"/me {text}" if action else text


def note_rows(sentence: str, columns: int | None) -> list[str]:
    """Return the rows of a notice among the lines of a room."""
    rows = wrap(f"— {sentence} —", columns, 0, NOTE_INDENT, CUT, whole=False)
    return [" " * NOTE_INDENT + row if at else row for at, row in enumerate(rows)]


def _has_mark(encoding: str) -> bool:
    try:
        LEFT_TO_RIGHT.encode(encoding)
    except UnicodeError:
        return False
    return True
