"""Describes a room's events in words, in order, on a view: a screen, or plain lines on stdout and stderr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, Protocol

from sockatuh.client.items import (
    IN_BROWSER,
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
    Struck,
    Waiting,
    Went,
    Whispered,
    local_moment,
)
from sockatuh.client.room import Room
from sockatuh.client.timeline import Timeline
from sockatuh.errors import Refused
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases
from sockatuh.wording import commands

from .chat_state import ChatState
from .held_lines import HeldLines
from .naming import quoted, shown_name
from .ordered import MUTED, end_of, sentence_of
from .rendering import Line, draw, draw_shortened, faded
from .rows import as_typed

FOUND_SHOWN: Final = 20
"""Lines that a search shows on a screen that does not scroll."""


SAME_END: Final = 30_000
"""Milliseconds by which two ends of one mute may differ: each comes as the time that is left."""


class View(Protocol):
    """Where a narrator shows what happens."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:
        """Show lines of the log; `seq` is the entry they are, if it is one."""

    def take_off(self, seq: int) -> None:
        """Show an entry no longer, if that is possible."""

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


class Narrator:
    """Shows events on a view: with the state of a chat for a person, below the headings of a Timeline, else bare.

    `tells_own`: see Timeline.
    """

    def __init__(self, room: Room, view: View, state: ChatState | None = None, *, tells_own: bool = True) -> None:
        self._room, self._view, self._state = room, view, state
        self._timeline = Timeline(room, tells_own=tells_own) if state is not None else None
        self._tells_own = tells_own
        self._waits = self._has_explained = False
        self._told_mute: tuple[int, str] | None = None
        """Until when (ms since 1970) and why this person is muted, as was said last."""

    def report(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Struck):
            self._view.take_off(event.line)
        for item in self._items(event):
            self._tell(item)

    def _items(self, event: Event) -> Iterable[Item]:
        """Yield what is to be shown of an event."""
        if self._state is None or self._timeline is None:
            yield event
            return
        self._state.hear(event)
        if not self._tells_own and isinstance(event, Said | Whispered) and event.own:
            self._state.held.add(event)  # it is not shown again, but commands find it
        for item in self._timeline.take(event):
            if self._state.admits(item):
                yield item
            elif isinstance(item, Came):
                self._warn_of_clear(item)

    def _tell(self, item: Item) -> None:
        match item:
            case Said() | Whispered() | Came() | Went() | Renamed() | Struck():
                self._show(item)
            case Read(line):
                self._show(line, was_read=True)
            case Stored() | Rejected() | Waiting():
                self._tell_of_own(item)
            case Lost(reason):
                self._view.lose(reason)
            case _ if (sentence := self._sentence(item)) is not None:
                self._view.note(sentence)
                if isinstance(item, OtherKey) and self._timeline is not None and not self._has_explained:
                    self._has_explained = True
                    self._view.note(phrases.KEYS_EXPLAINED)
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
        columns = self._view.columns
        draws = draw if self._state is None else draw_shortened
        lines = draws(event, self._room.me, columns)
        self._view.show(faded(lines) if was_read else lines, event.seq)
        if self._timeline is not None and isinstance(event, Came):
            self._warn_of_clear(event)

    def _warn_of_clear(self, came: Came) -> None:
        """Tell that what is said from now on is also sent in clear, whether or not joins are shown."""
        if came.dialect == UNENCRYPTED:
            self._view.note(phrases.IN_CLEAR.format(name=shown_name(came.name)))

    def _refusal_of(self, rejected: Rejected) -> tuple[str, str]:
        """Return a rejected text as it was typed, and why it was rejected."""
        to, reason = rejected.to, wording.refused(rejected.code, 0, "")
        if rejected.code == MUTED:
            reason = self._mute_in_words(rejected, shortly=reason)
        elif to:
            name = shown_name(to)
            if rejected.code == "no_such_name":
                nearest = self._state.people.nearest(to) if self._state is not None else ""
                reason = phrases.nobody_called(name, nearest and shown_name(nearest))
            elif rejected.code == "reads_in_clear":
                reason = phrases.reads_in_clear(name)
        return as_typed(rejected.text, action=rejected.action, to=to), reason

    def _mute_in_words(self, rejected: Rejected, *, shortly: str) -> str:
        """Say until when this person is muted, and why; `shortly`, once that is known."""
        order = Refused(rejected.code, rejected.wait, rejected.detail)
        until = end_of(order) or 0
        told, self._told_mute = self._told_mute, (until, rejected.detail)
        if told is not None and told[1] == rejected.detail and abs(until - told[0]) < SAME_END:
            return shortly
        return sentence_of(order)

    def _tell_of_own(self, item: Stored | Rejected | Waiting) -> None:
        match item:
            case Waiting():
                self._waits = True
                self._view.wait(item)
            case Rejected():
                self._view.refuse(*self._refusal_of(item))
            case Stored() if self._waits and not self._room.unanswered:
                self._waits = False
                self._view.go_on()
            case Stored():
                pass


def found(text: str, seqs: Sequence[int]) -> str:
    """Return the heading of what `draw_found` shows."""
    return commands.found(quoted(text), len(seqs), min(len(seqs), FOUND_SHOWN))


def draw_found(seqs: Sequence[int], held: HeldLines, me: str, columns: int | None) -> list[Line]:
    """Return the lines that show the newest entries that a search has found (their seqs, newest first)."""
    entries = (held.find(seq) for seq in reversed(seqs[:FOUND_SHOWN]))
    return [line for entry in entries if entry is not None for line in draw_shortened(entry, me, columns)]


def draw_earlier(count: int, held: HeldLines, me: str, columns: int | None) -> list[Line]:
    """Return the lines that show the newest entries held, oldest first."""
    return [line for entry in held.newest(count) for line in draw_shortened(entry, me, columns)]


def describe(members: Sequence[Member]) -> str:
    """List who is in the room."""
    return phrases.here([_described(member) for member in members])


def _described(member: Member) -> str:
    role = "" if member.role is Role.MEMBER else phrases.ROLES[member.role]
    # Not with what the person says about it: within this sentence it could imitate other names.
    return phrases.here_as(
        shown_name(member.name),
        role,
        is_encrypted=member.dialect != UNENCRYPTED,
        is_present=member.present,
        is_away=member.away is not None,
        is_in_browser=member.dialect == IN_BROWSER,
    )
