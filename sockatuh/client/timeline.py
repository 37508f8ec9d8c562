"""Prepares a room's events for a person: headings for missed lines and for days, without the person's own joins.

A timeline takes the events of a room in order and yields items for a screen. Until the client has caught up, events are
collected so that a heading can say how many lines follow; too many are passed on as they arrive.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import date
from typing import Final

from .items import (
    Back,
    Came,
    Day,
    Event,
    Here,
    Item,
    Lost,
    Missed,
    PresenceChanged,
    Rejected,
    Said,
    Stored,
    Waiting,
    Went,
    local_moment,
)
from .room import Room

GATHERED: Final = 2_000
"""Missed events that are gathered to be counted; beyond that they are passed on as they arrive."""
GATHERED_SIZE: Final = 1_000_000
"""The same, in characters of their texts."""


class Timeline:
    """Turns events into items; `tells_own`: also lines of this client, if nothing shows them yet."""

    def __init__(self, room: Room, *, tells_own: bool = True, today: date | None = None) -> None:
        self._room, self._tells_own = room, tells_own
        self._gathered: list[Event] | None = []
        self._size = 0
        self._again = False
        self._day = today or date.today()

    def take(self, event: Event) -> Iterator[Item]:
        """Take an event, and yield what is to be shown now."""
        match event:
            case Said(own=True) if not self._tells_own:
                return
            case PresenceChanged():  # on a screen, what the log says is enough
                return
            case Said() if self._gathered is not None:
                self._size += len(event.text)
                yield from self._gather(event)
            case Here():
                missed = yield from self._pass_on()
                yield Here() if missed or not self._again else Back()
            case Back(rewound=rewound):
                if rewound:
                    yield event
                self._gathered, self._size, self._again = [], 0, True
            case Lost():
                yield from self._pass_on()
                yield event
            case Stored() | Rejected() | Waiting():  # about own lines, which are not in the log yet
                yield event
            case _ if self._gathered is not None:
                yield from self._gather(event)
            case _:
                yield from self._show(event)

    def _gather(self, event: Event) -> Iterator[Item]:
        if self._gathered is not None:
            self._gathered.append(event)
            if len(self._gathered) > GATHERED or self._size > GATHERED_SIZE:
                yield from self._pass_on()

    def _pass_on(self) -> Generator[Item, None, int]:
        """Yield what was gathered, and return how many lines it was; from now on events are shown as they come."""
        gathered, self._gathered = self._gathered or [], None
        count = sum(isinstance(event, Said) for event in gathered)
        if count:
            yield Missed(count, self._again)
        for event in gathered:
            # Who came and went before this client did is not news.
            if self._again or not isinstance(event, Came | Went):
                yield from self._show(event)
        return count

    def _show(self, event: Event) -> Iterator[Item]:
        """Yield an event, below a heading if it is of another day than the one before."""
        if isinstance(event, Came | Went) and event.name == self._room.me:
            return
        if isinstance(event, Said | Came | Went) and (moment := local_moment(event.at)) and moment.date() != self._day:
            self._day = moment.date()
            yield Day(self._day)
        yield event
