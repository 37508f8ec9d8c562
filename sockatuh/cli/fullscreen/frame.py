"""Arranges what surrounds the log: the header, the people beside it, the hint below it. Pure: values in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from sockatuh.cli.direction import LEFT_TO_RIGHT, anchored, apart, turns
from sockatuh.cli.naming import shown_name
from sockatuh.cli.people_here import Person
from sockatuh.cli.rendering import Line, Piece, author_style, clip_line, plain
from sockatuh.cli.wrapping import CUT, clip, reach, width_of
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

PEOPLE_FROM: Final = 100
"""Columns from which on the people are shown beside the log."""
PEOPLE_COLUMNS: Final = 20
SLOW_FROM: Final = 0.2
"""Seconds from which on the server's answers are called slow."""
GAP: Final = 2
"""Columns between the two halves of the header."""
MEASURED: Final = 512
"""Rows whose width is remembered, as most of them are shown again and again."""
BESIDE: Final = "│ "
PRESENT, ABSENT, IN_CLEAR = "● ", "○ ", "! "


class Contact(msgspec.Struct, frozen=True):
    """How the server is reached. `here`: how many members are in the room; `answer_time`: seconds; None: unknown."""

    room: str
    server: str
    here: int | None = None
    answer_time: float | None = None
    in_contact: bool = True


class Situation(msgspec.Struct, frozen=True):
    """What the hint may be about, each None or "" if it does not apply.

    `since`: the local time of the last contact, `kept`: own lines that wait for the next; `refused`: why a line was not
    taken; `pasted`: what to do about a paste; `hit`: which of how many found lines is shown; `greeting`: what to do at
    all, for somebody who has just come in.
    """

    leaving: str = ""
    since: str | None = None
    kept: int = 0
    delayed: float | None = None
    held: int = 0
    refused: str = ""
    pasted: str = ""
    hit: tuple[int, int] | None = None
    unseen: int = 0
    is_scrolled: bool = False
    greeting: str = ""


def hint(now: Situation) -> str:
    """Return the one hint that is shown, "" for none: contact before lines, lines before the view."""
    if now.leaving:
        return now.leaving
    if now.since is not None:
        return phrases.no_contact_since(now.since, now.kept)
    if now.delayed is not None:
        return phrases.delayed(now.delayed)
    if now.held:
        return phrases.held(now.held)
    if now.refused or now.pasted:
        return now.refused or now.pasted
    if now.hit is not None:
        return phrases.hit(*now.hit)
    if now.unseen:
        return phrases.unseen(now.unseen)
    return phrases.SCROLLED if now.is_scrolled else now.greeting


def header(contact: Contact, columns: int) -> Line:
    """Return the first row: which room this is, how many are here, and how fast the server answers."""
    facts = [
        *([phrases.how_many_here(contact.here)] if contact.here is not None else []),
        *([_speed(contact)] if not contact.in_contact or contact.answer_time is not None else []),
    ]
    right = " · ".join(facts) + " "
    room, server = (apart(clean_line(each)) for each in (contact.room, contact.server))
    left = f" {room} · {server}"
    if reach(left) > (room_for := columns - reach(right) - GAP):
        left = clip(left, max(0, room_for - reach(CUT))) + CUT
    gap = max(1, columns - width_of(left) - width_of(right))
    return (("class:header", anchored(left) + " " * gap + right),)


def people_rows(people: Sequence[Person], rows: int) -> list[Line]:
    """Return the column of people, `rows` high: a heading and who is here; empty before that is known."""
    if not people:
        return []
    shown = people if len(people) < rows else people[: max(0, rows - 2)]
    lines: list[Line] = [(("class:heading", phrases.people(len(people))),), *map(_person, shown)]
    if len(shown) < len(people):
        lines.append((("class:note", phrases.more(len(people) - len(shown))),))
    return [shortened(line, PEOPLE_COLUMNS - len(BESIDE)) for line in lines[:rows]]


def beside(log: Sequence[Line], people: Sequence[Line], columns: int) -> list[Line]:
    """Return rows in which the people stand beside the log; `columns`: those of the whole row."""
    width = columns - PEOPLE_COLUMNS
    rows: list[Line] = []
    for at in range(max(len(log), len(people))):
        row = log[at] if at < len(log) else ()
        taken, is_turning = _measure(plain(row))
        pad = " " * max(0, width - taken)
        edge = LEFT_TO_RIGHT + BESIDE if is_turning else BESIDE
        rows.append((*row, ("", pad), ("class:event", edge), *(people[at] if at < len(people) else ())))
    return rows


@lru_cache(maxsize=MEASURED)
def _measure(text: str) -> tuple[int, bool]:
    """Return how many columns a row takes, and whether it holds letters written from right to left."""
    return width_of(text), turns(text)


def _speed(contact: Contact) -> str:
    if not contact.in_contact:
        return phrases.HEADER_NO_CONTACT
    seconds = contact.answer_time or 0.0
    return (phrases.slow_answers if seconds >= SLOW_FROM else phrases.answers)(max(1, round(seconds * 1000)))


def _person(somebody: Person) -> Line:
    mark = IN_CLEAR if not somebody.encrypted else PRESENT if somebody.present else ABSENT
    style = "class:absent" if not somebody.present or somebody.away is not None else ""
    name: Piece = (f"{author_style(somebody.name, somebody.tag)} {style}".rstrip(), shown_name(somebody.name))
    away: Line = (("class:absent", f" {phrases.AWAY}"),) if somebody.away is not None else ()
    return ((style, mark), name, *away)


def shortened(line: Line, columns: int) -> Line:
    """Return as much of a line as fits; what is cut ends in an ellipsis, as no name does."""
    if reach(plain(line)) <= columns:
        return line
    return (*clip_line(line, columns - reach(CUT)), ("class:absent", CUT))
