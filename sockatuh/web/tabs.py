"""The tabs of one browser: the streams that are open, and what each is told, from where it left off.

What happens is told to each tab in its language. A tab that comes back is told what it has missed, from memory or,
where that does not reach, from the room's log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeAlias

from sockatuh.client.items import Back, Came, EntryEvent, Event, Gap, Here, Lost, Struck, Went
from sockatuh.client.room import Room
from sockatuh.errors import NoServer

from .facts import Facts, Onlooker, notice, tell, tell_hello
from .feed import RETRY, Feed, Place, encode, short_log
from .recent import Recent, Shown, seq_of
from .speech import Speech

STREAMS: Final = 5
"""The most streams of one browser: over HTTP/1.1 it opens six connections to a host, and one is left for its lines."""
AT_FIRST: Final = 100
"""Entries that a new tab begins with, at most."""
ReadMissed: TypeAlias = Callable[[str, int, int], AsyncIterator[Shown]]
"""Reads the room's log for a browser at an address: what is after one seq, and through another; raises NoServer."""


class TooManyStreams(Exception):
    """A browser has as many streams as it may have."""


class Tabs:
    """The tabs of the browser `whose`."""

    def __init__(self, whose: Onlooker, read_missed: ReadMissed) -> None:
        self._whose, self._read_missed = whose, read_missed
        self._feeds: set[Feed] = set()
        self._room: Room | None = None
        self._recent = Recent()
        self._is_caught_up = False

    def __len__(self) -> int:
        """How many tabs read along."""
        return len(self._feeds)

    @property
    def addresses(self) -> set[str]:
        """Where they are."""
        return {feed.address for feed in self._feeds}

    def open(self, speech: Speech, address: str) -> Feed:
        """Begin a stream to an address; raises TooManyStreams."""
        if len(self._feeds) >= STREAMS:
            raise TooManyStreams
        feed = Feed(speech, address)
        self._feeds.add(feed)
        return feed

    def close(self, feed: Feed) -> None:
        """Forget a stream that has ended."""
        self._feeds.discard(feed)

    # What happens.

    def enter(self, room: Room) -> None:
        """Note that the browser is in the room."""
        self._room, self._recent = room, Recent(room.reading.begins)

    def exit(self) -> None:
        """Note that it is not, and forget what was shown."""
        self._room, self._recent, self._is_caught_up = None, Recent(), False

    def take(self, event: Event, room: Room) -> None:
        """Tell all tabs what has happened in the room."""
        match event:
            case Back(rewound=True):
                self._recent = Recent(room.reading.begins)
            case Lost():
                self._is_caught_up = False
            case Struck(line=line):
                self._recent.strike(line)
            case _:
                pass
        if isinstance(event, EntryEvent | Gap):
            self._recent.add(event)
        for feed in list(self._feeds):
            self._tell(feed, event, room)
        if isinstance(event, Here):
            self._is_caught_up = True
            for feed in self._feeds:
                feed.is_fresh = False
                feed.position = min(feed.position, self._recent.newest)

    def put(self, told: Callable[[Speech], Facts]) -> None:
        """Tell all tabs something, each in its language."""
        for feed in list(self._feeds):
            feed.put(told(feed.speech))

    def end(self) -> None:
        """End all streams, when what waits is sent."""
        for feed in list(self._feeds):
            feed.end()

    def _tell(self, feed: Feed, event: Event, room: Room) -> None:
        if feed.is_fresh and isinstance(event, Came | Went):  # before this tab was opened
            return
        if (facts := tell(event, self._whose, feed.speech)) is not None:
            # A gap that comes live has no place: what is kept of it follows, and is before the end of the gap.
            place = Place(event.seq, short_log(room.log_id)) if isinstance(event, EntryEvent) else None
            feed.put(facts, place, resets=isinstance(event, Back) and event.rewound)

    # What a stream sends.

    async def events(self, feed: Feed, after: Place | None) -> AsyncIterator[bytes]:
        """Yield what a stream sends, from after a place on or (None) from the last entries on.

        Nothing is sent if the browser is not in the room.
        """
        room = self._room
        if room is None:
            return
        feed.is_fresh = after is None and not self._is_caught_up
        log = short_log(room.log_id)
        yield RETRY
        yield encode(tell_hello(room, log, self._whose))
        if after is not None and (after.log != log or (self._is_caught_up and after.seq > self._recent.newest)):
            yield encode(notice("rewound", feed.speech.client.REWOUND))
            after = None
        while after is not None and after.seq < (floor := self._recent.floor):  # which may rise meanwhile
            try:
                async for shown in self._read_missed(feed.address, after.seq, floor):
                    after = Place(seq_of(shown), log)
                    if (facts := tell(shown, self._whose, feed.speech)) is not None:
                        yield encode(facts, after)
            except NoServer:  # the tab comes back, and goes on after the last it was sent
                return
            after = Place(max(after.seq, floor), log)
        # Nothing is awaited between the two, so nothing comes between what is sent from memory and what `feed` has.
        remembered = self._remembered(after)
        feed.position = max(self._recent.newest, after.seq if after is not None else 0)
        is_caught_up = self._is_caught_up
        for shown in remembered:
            if (facts := tell(shown, self._whose, feed.speech)) is not None:
                yield encode(facts, Place(seq_of(shown), log))
        if is_caught_up:
            yield encode(notice("caught_up", feed.speech.client.HERE))
        while (following := await feed.next()) is not None:
            yield following

    def _remembered(self, after: Place | None) -> Sequence[Shown]:
        if after is not None:
            return self._recent.after(after.seq)
        # Who came and went before is nothing to begin with.
        return [shown for shown in self._recent.after(0) if not isinstance(shown, Came | Went)][-AT_FIRST:]
