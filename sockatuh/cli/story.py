"""What happens in a room, told in order to somebody who reads: what was missed, between marks, and then what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Protocol

from sockatuh.protocol.client.events import (
    Admitted,
    CaughtUp,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LinesDelayed,
    LinesHeld,
    LineStored,
    MembersListed,
    PeerEvent,
)
from sockatuh.protocol.client.inbox import Gone
from sockatuh.protocol.messages import JOINED, LEFT, Entry, MemberInfo
from sockatuh.room.text import clean_line
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .membership import CLASSIC, Membership
from .naming import shown_name
from .rendering import LONGEST, Line, draw, is_said, local_day, shorten

GATHERED: Final = 2_000
"""Missed entries that are gathered to be counted; more are told as they come."""
GATHERED_SIZE: Final = 1_000_000
"""The same, in characters of their texts."""


class View(Protocol):
    """Where a story is told."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines of the log."""

    def note(self, sentence: str) -> None:
        """Say something about the log, or about the contact with it."""

    def lose(self, reason: str) -> None:
        """Show that contact is lost."""

    def wait(self, event: LinesDelayed | LinesHeld) -> None:
        """Show why lines wait at the server."""

    def go_on(self) -> None:
        """Show no more that lines wait: all of them are stored."""

    def refuse(self, text: str, reason: str) -> None:
        """Show that a text was not taken, and keep it."""


class Story:
    """Hears what happens and tells a view.

    `marks`: for somebody who looks on, not for a file. `tells_own`: also what oneself said, if it is not there yet.
    """

    def __init__(self, membership: Membership, view: View, *, marks: bool, tells_own: bool) -> None:
        self._membership, self._view = membership, view
        self._marks, self._tells_own = marks, tells_own
        self._gathered: list[Entry | Gone] | None = []
        self._size = 0
        self._again = self._waits = False
        self._day = date.today().isoformat()

    def hear(self, event: PeerEvent) -> None:
        """Tell what is to be told of an event."""
        match event:
            case EntryArrived(entry, own):
                if own is None or self._tells_own:
                    self._take(entry)
            case EntriesGone(stretch):
                self._take(stretch)
            case CaughtUp():
                self._catch_up()
            case Admitted(rewound=rewound):
                self._come_back(rewound=rewound)
            case ContactLost(reason):
                self._tell_gathered()
                self._view.lose(reason)
            case LineRefused(number, code):
                self._refuse(number, code)
            case LinesDelayed() | LinesHeld():
                self._waits = True
                self._view.wait(event)
            case LineStored():
                self._tell_stored()
            case MembersListed(members):
                self._view.note(phrases.here([_named(member) for member in members]))
            case _:
                pass

    def _tell_stored(self) -> None:
        if self._waits and not self._membership.unanswered:
            self._waits = False
            self._view.go_on()

    def _take(self, item: Entry | Gone) -> None:
        if self._gathered is None:
            self._notice_key(item)
            self._tell(item)
            return
        self._gathered.append(item)
        self._size += len(item.text) if isinstance(item, Entry) else 0
        if len(self._gathered) > GATHERED or self._size > GATHERED_SIZE:
            self._tell_gathered()

    def _come_back(self, *, rewound: bool) -> None:
        if rewound:
            self._view.note(phrases.REWOUND)
        self._gathered, self._size, self._again = [], 0, True

    def _catch_up(self) -> None:
        missed = self._tell_gathered()
        if not self._marks:
            return
        self._view.note(phrases.HERE if missed or not self._again else phrases.BACK)

    def _tell_gathered(self) -> int:
        """Tell what was missed, and from now on what comes; return how many lines it was."""
        gathered, self._gathered = self._gathered or [], None
        count = sum(isinstance(item, Entry) and is_said(item) for item in gathered)
        if count and self._marks:
            self._view.note((phrases.missed if self._again else phrases.earlier)(count))
        for item in gathered:
            self._notice_key(item)
            # Who came and went before one was there is no news.
            if self._again or not self._marks or isinstance(item, Gone) or is_said(item):
                self._tell(item)
        return count

    def _notice_key(self, item: Entry | Gone) -> None:
        """Tell, once, that a name comes with another key than it ever did."""
        if isinstance(item, Entry) and (last := self._membership.notice_key(item)):
            self._view.note(phrases.another_key(shown_name(item.name), last, has_key=bool(item.tag)))

    def _tell(self, item: Entry | Gone) -> None:
        if isinstance(item, Gone):
            self._view.note(phrases.gone(item.count))
            return
        mine = clean_line(item.name) == self._membership.name
        if self._marks and mine and item.kind in (JOINED, LEFT):
            return
        lines = draw(item, self._membership.name, self._view.columns)
        if self._marks and is_said(item) and len(lines) > LONGEST:
            self._membership.long_texts.keep(item)
            lines = shorten(lines, item.seq, self._view.columns)
        if lines and self._marks and (day := local_day(item)) != self._day:
            self._day = day
            self._view.note(day)
        self._view.show(lines)
        if item.kind == JOINED and item.text == CLASSIC and self._marks:
            self._view.note(phrases.IN_CLEAR.format(name=shown_name(item.name)))

    def _refuse(self, number: int, code: str) -> None:
        line = self._membership.unplaced.pop(number, None)
        if line is not None:
            self._view.refuse(
                f"/me {line.text}" if line.action else line.text, wording.refused(clean_line(code), 0, "")
            )


def _named(member: MemberInfo) -> str:
    return phrases.here_as(shown_name(member.name), member.dialect, member.role, present=member.present)
