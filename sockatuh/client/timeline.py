"""Prepares a room's events for a person: headings for missed lines and for days, without the person's own joins.

A timeline takes the events of a room in order and yields items for a screen. Until the client has caught up, events are
collected so that a heading can say how many lines follow; too many are passed on as they arrive. To somebody who was
here before, the last lines from before that are yielded first, as already read. Whatever is yielded counts as shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from datetime import date
from typing import Final

from .items import (
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
    Missed,
    PresenceChanged,
    Read,
    Rejected,
    Renamed,
    Said,
    Since,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
    local_moment,
)
from .room import Room

GATHERED: Final = 2_048
"""Missed events that are gathered to be counted; beyond that they are passed on as they arrive."""
GATHERED_SIZE: Final = 1_000_000
"""The same, in characters of their texts."""
READ_BEFORE: Final = 20
"""Lines yielded as already read."""


class Timeline:
    """Turns events into items; `tells_own`: also lines of this client, if nothing shows them yet."""

    def __init__(self, room: Room, *, tells_own: bool = True, today: date | None = None) -> None:
        self._room, self._tells_own = room, tells_own
        self._gathered: list[Event] | None = []
        self._size = 0
        self._again = False
        self._reading = room.reading
        self._returned, self._news_after = room.reading.returned, room.reading.news_after
        self._has_headed = False
        self._read: deque[Said | Whispered] = deque(maxlen=READ_BEFORE)
        self._is_empty = room.reading.begins == 0
        """Whether the log holds no line, as far as this client knows."""
        self._day = today or date.today()

    def take(self, event: Event) -> Iterator[Item]:
        """Take an event, and yield what is to be shown now."""
        if isinstance(event, Said | Whispered | Gap):
            self._is_empty = False
        if isinstance(event, Struck):
            self._forget(event.line)
        match event:
            case PresenceChanged():  # on a screen, what the log says is enough
                return
            case Here():
                missed = yield from self._pass_on()
                if self._is_empty and not self._again:
                    yield Empty()
                yield Here() if missed or not self._again else Back()
            case Back(rewound=rewound):
                if rewound:
                    self._news_after = 0
                    yield event
                self._gathered, self._size, self._again = [], 0, True
            case Lost():
                yield from self._pass_on()
                yield event
            case Stored() | Rejected() | Waiting():  # about own lines, which are not in the log yet
                yield event
            case Said() | Whispered() | Came() | Went() | Renamed() | Struck() | Gap() if self._was_read(event):
                if isinstance(event, Said | Whispered):
                    self._read.append(event)
            case _ if self._gathered is not None:
                self._size += len(event.text) if isinstance(event, Said | Whispered) else 0
                self._gathered.append(event)
                if len(self._gathered) > GATHERED or self._size > GATHERED_SIZE:
                    yield from self._pass_on()
            case _:
                yield from self._show(event)

    def _forget(self, seq: int) -> None:
        """Yield nothing of a line that was struck before it was shown."""

        def is_kept(event: Event) -> bool:
            return not (isinstance(event, Said | Whispered) and event.seq == seq)

        self._read = deque(filter(is_kept, self._read), READ_BEFORE)
        if self._gathered is not None:
            self._gathered = list(filter(is_kept, self._gathered))

    def _was_read(self, event: EntryEvent | Gap) -> bool:
        """Tell whether an event is from before what is news to this person."""
        return (event.through if isinstance(event, Gap) else event.seq) <= self._news_after

    def _pass_on(self) -> Generator[Item, None, int]:
        """Yield what was gathered, and return how many lines it was; from now on events are shown as they come."""
        gathered, self._gathered = self._gathered or [], None
        count = sum(isinstance(event, Said | Whispered) and self._is_shown(event) for event in gathered)
        for line in self._read:
            yield from self._on_its_day(line, Read(line))
        self._read.clear()
        if heading := self._heading(count):
            yield heading
        for event in gathered:
            yield from self._show(event, is_news=self._again or not isinstance(event, Came | Went))
        return count

    def _heading(self, count: int) -> Missed | Since | None:
        """Return what heads `count` lines."""
        is_first, self._has_headed = not self._has_headed, True
        if is_first and self._returned is not None and (count or self._returned.left_out):
            return Since(count, self._returned.at, self._returned.left_out, self._returned.seq)
        return Missed(count, self._again) if count else None

    def _show(self, event: Event, *, is_news: bool = True) -> Iterator[Item]:
        """Yield an event if it is news, and note that it is shown: who came and went before this client did is not."""
        if isinstance(event, EntryEvent):
            if is_news and self._is_shown(event):
                yield from self._on_its_day(event, event)
            self._reading.note_shown(event.seq)
        else:
            yield event
            if isinstance(event, Gap):
                self._reading.note_shown(event.through)

    def _is_shown(self, event: EntryEvent) -> bool:
        """Tell whether a person wants to see an entry: not its own joins, nor own lines that are shown already."""
        match event:
            case Said(own=True) | Whispered(own=True):
                return self._tells_own
            case Came(name=name) | Went(name=name):
                return name != self._room.me
            case _:
                return True

    def _on_its_day(self, entry: EntryEvent, item: Item) -> Iterator[Item]:
        """Yield an item about an entry, below a heading if that is of another day than the one before."""
        if (moment := local_moment(entry.at)) and moment.date() != self._day:
            self._day = moment.date()
            yield Day(self._day)
        yield item
