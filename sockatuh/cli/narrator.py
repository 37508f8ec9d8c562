"""Describes a room's events in words, in order, on a view: a screen, or plain lines on stdout and stderr."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, Protocol

from sockatuh.client.items import (
    UNENCRYPTED,
    Back,
    Came,
    Day,
    Empty,
    EntryEvent,
    Event,
    Gap,
    Here,
    Item,
    Lost,
    Member,
    Missed,
    OtherKey,
    Read,
    Rejected,
    Renamed,
    Role,
    Said,
    Since,
    Stored,
    Waiting,
    Went,
    Whispered,
    local_moment,
)
from sockatuh.client.room import Room
from sockatuh.client.timeline import Timeline
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .naming import shown_name
from .rendering import LONGEST, Line, draw, faded, shorten

LONG_TEXTS_SIZE: Final = 1_048_576
"""Bytes of long texts that are kept: 64 texts of the greatest length, or more shorter ones."""
LONG_TEXTS: Final = 1_024


class View(Protocol):
    """Where a narrator shows what happens."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines of the log."""

    def note(self, sentence: str) -> None:
        """Show a remark between them."""

    def lose(self, reason: str) -> None:
        """Show that contact is lost."""

    def wait(self, waiting: Waiting) -> None:
        """Show why lines wait at the server."""

    def go_on(self) -> None:
        """Stop showing that lines wait: all of them are stored."""

    def refuse(self, text: str, reason: str) -> None:
        """Show that a text was rejected, and show the text."""


class LongTexts:
    """Texts that were shortened on the screen, by seq, so that `/show` can print them; the oldest are evicted."""

    def __init__(self, most: int = LONG_TEXTS_SIZE) -> None:
        self._texts: OrderedDict[int, Said] = OrderedDict()
        self._most, self._size = most, 0

    def keep(self, said: Said) -> None:
        """Keep a text, replacing one with the same seq."""
        self._drop(said.seq)
        self._texts[said.seq] = said
        self._size += _size_of(said)
        while self._size > self._most or len(self._texts) > LONG_TEXTS:
            self._drop(next(iter(self._texts)))

    def find(self, seq: int) -> Said | None:
        """Return a text, None if it was not kept or has been evicted."""
        return self._texts.get(seq)

    def _drop(self, seq: int) -> None:
        if said := self._texts.pop(seq, None):
            self._size -= _size_of(said)


class Narrator:
    """Shows events on a view. `marks`: with the headings of a Timeline, for a person; `tells_own`: see Timeline."""

    def __init__(self, room: Room, view: View, *, marks: bool, tells_own: bool = True) -> None:
        self.long_texts = LongTexts()
        self._room, self._view = room, view
        self._timeline = Timeline(room, tells_own=tells_own) if marks else None
        self._waits = False

    def report(self, event: Event) -> None:
        """Show an event."""
        for item in self._items(event):
            self._tell(item)

    def _items(self, event: Event) -> Iterable[Item]:
        return (event,) if self._timeline is None else self._timeline.take(event)

    def _tell(self, item: Item) -> None:
        match item:
            case Said() | Whispered() | Came() | Went() | Renamed():
                self._show(item)
            case Read(line):
                self._show(line, was_read=True)
            case Stored() | Rejected() | Waiting():
                self._tell_of_own(item)
            case Lost(reason):
                self._view.lose(reason)
            case _ if (sentence := self._sentence(item)) is not None:
                self._view.note(sentence)
            case _:
                pass

    def _sentence(self, item: Item) -> str | None:
        match item:
            case Gap(count=count):
                return phrases.gone(count)
            case OtherKey(name, tag, last_seen):
                return phrases.another_key(shown_name(name), last_seen, has_key=bool(tag))
            case Back(rewound=True):
                return phrases.REWOUND
            case _ if self._timeline is None:
                return None
            case Back():
                return phrases.BACK
            case Here():
                return phrases.HERE
            case Empty():
                return phrases.EMPTY
            case Since(count, at, left_out, after):
                return phrases.since(count, local_moment(at), datetime.now(), left_out, after)
            case Missed(count, again):
                return (phrases.missed if again else phrases.earlier)(count)
            case Day(day):
                return phrases.day(day, date.today())
            case _:
                return None

    def _show(self, event: EntryEvent, *, was_read: bool = False) -> None:
        lines = draw(event, self._room.me, self._view.columns)
        if self._timeline is not None and isinstance(event, Said) and len(lines) > LONGEST:
            self.long_texts.keep(event)
            lines = shorten(lines, event.seq, self._view.columns)
        self._view.show(faded(lines) if was_read else lines)
        if self._timeline is not None and isinstance(event, Came) and event.dialect == UNENCRYPTED:
            self._view.note(phrases.IN_CLEAR.format(name=shown_name(event.name)))

    def _tell_of_own(self, item: Stored | Rejected | Waiting) -> None:
        match item:
            case Waiting():
                self._waits = True
                self._view.wait(item)
            case Rejected(_, text, action, code):
                self._view.refuse(f"/me {text}" if action else text, wording.refused(code, 0, ""))
            case Stored() if self._waits and not self._room.unanswered:
                self._waits = False
                self._view.go_on()
            case Stored():
                pass


def describe(members: Sequence[Member]) -> str:
    """List who is in the room."""
    return phrases.here([_described(member) for member in members])


def _described(member: Member) -> str:
    role = "" if member.role is Role.MEMBER else phrases.ROLES[member.role]
    return phrases.here_as(
        shown_name(member.name), role, is_encrypted=member.dialect != UNENCRYPTED, is_present=member.present
    )


def _size_of(said: Said) -> int:
    return len(said.text.encode("utf-8", "replace"))
