"""One browser: its member in the room, and its lines.

A browser is an ordinary client of the room, with a key, a ticket and a journal of its lines in its directory. Its
connection begins with the first stream and ends some time after the last one, because a phone that is locked closes its
streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from sockatuh.client.items import Back, Event, Here, Lost, Member, Rejected, Said, Stored, Whispered
from sockatuh.client.profile import Profile
from sockatuh.client.room import DEFAULT_MAX_TEXT, Room
from sockatuh.errors import NoServer, NotInRoom, Refused, Removed, SockAtuhError
from sockatuh.store.files import explained

from .facts import Facts, tell_asked, tell_ended, tell_refused, tell_stored, tell_you
from .feed import Feed, Place
from .lines import Taken
from .missed import read_missed
from .outbox import Outbox
from .recent import Shown
from .speech import Speech
from .tabs import AT_FIRST, Tabs
from .way import Way

BACK_WITHIN: Final = 10.0
"""Seconds that coming back with a ticket may take; then the tab is told that the room does not answer."""
LINGER: Final = 600.0
"""Seconds for which a member stays in the room without a stream."""
READY_WITHIN: Final = 5.0
"""Seconds to wait, once in the room, for the entries that a tab begins with."""
LEAVING: Final = 2.0
"""Seconds to wait for the answers to lines before leaving."""
LEFT: Final = "left"
"""The file in a browser's directory that says that its person has left the room."""
WANTS_PASSWORD: Final = frozenset({"ticket_refused", "password_changed", "password_missing", "password_wrong"})
"""Refusals of a returning browser that its person can mend."""


class Browser:
    """A browser that has joined, or is about to; its directory exists while it has.

    `clock` returns seconds since 1970.
    """

    def __init__(
        self, directory: Path, way: Way, *, linger: float = LINGER, clock: Callable[[], float] = time.time
    ) -> None:
        self.directory, self.profile = directory, Profile(directory)
        self.wants_password = False
        """Whether the room has refused the ticket, so that only the password lets this browser in again."""
        self.has_left = (directory / LEFT).exists()
        """Whether its person has left the room, and has not come back."""
        self.lost_at: int | None = None
        self.address = ""
        """Where it was when it came into the room last, or opened a stream."""
        self._way, self._linger, self._clock = way, linger, clock
        self.outbox = Outbox(directory, clock)
        self._room: Room | None = None
        self._tabs = Tabs(self, self._read_missed)
        self._opening = asyncio.Lock()
        self._living: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._told_name = ""
        self._removed: Removed | None = None

    # What it is.

    @property
    def name(self) -> str | None:
        """The name that this browser has in the room, None if it never joined."""
        return self._room.me if self._room is not None else self.profile.find_name(self._way.server.server)

    @property
    def me(self) -> str:
        """The same, for what is told to it."""
        return self.name or ""

    @property
    def room_name(self) -> str | None:
        """The name of the room."""
        return self._room.name if self._room is not None else self._way.room

    @property
    def max_text(self) -> int:
        """The bytes of the longest text."""
        return self._room.max_text if self._room is not None else DEFAULT_MAX_TEXT

    @property
    def is_live(self) -> bool:
        """Whether it is in the room, or on its way there."""
        return self._living is not None and not self._living.done()

    @property
    def streams(self) -> int:
        """How many of its tabs read along."""
        return len(self._tabs)

    @property
    def addresses(self) -> set[str]:
        """Where it is: the address from which it came into the room last, and those of its tabs."""
        return {self.address, *self._tabs.addresses}

    @property
    def removed(self) -> Removed | None:
        """The order of the admin's that keeps it out, None if there is none or its time is over."""
        removed = self._removed
        if removed is None or removed.until is None:
            return removed
        wait = removed.until / 1000 - self._clock()
        if wait <= 0:
            self._removed = None
            return None
        return Removed(removed.code, wait, removed.reason, removed.until)

    @property
    def unanswered(self) -> list[Taken]:
        """Its lines that have no answer."""
        return self.outbox.unanswered

    def wrote(self, line: Said | Whispered) -> bool:
        """Tell whether this person said a line."""
        return self._room is not None and self._room.wrote(line)

    def find_stored(self, seq: int) -> tuple[str, int] | None:
        """Return the page and the number of an own line that is stored at `seq`."""
        return self.outbox.find_stored(seq)

    # Coming and going.

    async def join(self, name: str, password: str, address: str) -> None:
        """Join with the password, which is forgotten at once: from then on a ticket stands in for it.

        `address` is the browser's. Raises what `sockatuh.connect` raises.
        """
        self.address = address
        async with self._opening:
            await self._stop()
            lines = self.outbox.to_continue()
            async with self._way.connect(
                self.profile, address, name=name, password=password, lines=lines, keeps_name=True, history=0
            ) as room:
                room.let_go()
            self._way.remember_server(self.profile)
            self.outbox.note_password(password)
            self.wants_password, self._removed = False, None
        await self.open(address, returns=True)

    async def open(self, address: str, *, returns: bool = False) -> None:
        """Be in the room, if necessary by coming back with the ticket; raises what `sockatuh.connect` raises.

        A browser that has left is in the room again only if it `returns`, else NotInRoom is raised.
        """
        self.address = address
        async with self._opening:
            if self.has_left and not returns:
                raise NotInRoom
            if not self.is_live:
                self._ready = asyncio.get_running_loop().create_future()
                self._living = asyncio.create_task(self._live(address, self._ready))
                with contextlib.suppress(OSError):
                    os.utime(self.directory)  # when it was used last
            if self._ready is not None:
                await asyncio.shield(self._ready)
            if self.has_left:
                (self.directory / LEFT).unlink(missing_ok=True)
                self.has_left = False
        self._set_leaving()

    async def bar(self, removed: Removed) -> None:
        """Leave the room because the admin keeps this browser's address out; it may come back after that."""
        async with self._opening:
            self._end_tabs(lambda speech: tell_ended(speech.explain(removed)))
            await self._stop()

    async def leave(self, *, forget: bool = False) -> None:
        """Leave the room until the person comes back, whose key and name stay here unless this browser is forgotten.

        Raises KeyFileError if the disk does not take that it has left: a new gateway then takes it for a tab that is
        away. It has left the room in any case.
        """
        async with self._opening:
            if self._room is not None and self.outbox.unanswered:
                with contextlib.suppress(TimeoutError, SockAtuhError):
                    async with asyncio.timeout(LEAVING):
                        await self._room.drained(LEAVING)
            self.has_left = True
            self._end_tabs(lambda speech: tell_ended(speech.trouble("left")))
            await self._stop()
            if not forget:
                with explained(self.directory / LEFT):
                    (self.directory / LEFT).touch(0o600)

    def forget(self) -> None:
        """Delete all that is kept of this browser."""
        self.outbox.forget()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def let_go(self) -> None:
        """End the connection because the gateway ends: to the room it is a loss of contact, and the tabs come back."""
        self._tabs.end()
        if self._room is not None:
            self._room.let_go()
        await self._stop()

    async def _stop(self) -> None:
        living, self._living = self._living, None
        if living is not None:
            living.cancel()
            await asyncio.wait((living,))  # an error in it is its own, and the loop reports it

    def _set_leaving(self) -> None:
        """Leave some time after the last stream has ended."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self.is_live and not self._tabs:
            self._leaving = asyncio.get_running_loop().call_later(self._linger, self._leave_for_now)

    def _leave_for_now(self) -> None:
        if not self._tabs and self._living is not None:
            self._living.cancel()

    # In the room.

    async def _live(self, address: str, ready: asyncio.Future[None]) -> None:
        """Be in the room until it ends, and tell the tabs what happens."""
        error: Exception | None = None
        try:
            stream = self.outbox.to_continue()
            async with self._way.connect(
                self.profile,
                address,
                lines=stream,
                keeps_name=True,
                keeps_rename=True,
                history=AT_FIRST,
                patience=BACK_WITHIN,
            ) as room:
                self._begin(room, stream.last)
                asyncio.get_running_loop().call_later(READY_WITHIN, _settle, ready)
                async for event in room:
                    self._take(event, room)
                    if isinstance(event, Here):
                        _settle(ready)
        except (SockAtuhError, OSError) as failed:
            error = failed
        finally:
            self._room, self.lost_at = None, None
            self._tabs.exit()
            self.outbox.exit()
            self._end(error, ready)

    def _begin(self, room: Room, last: int) -> None:
        """Note that this browser is in the room, which knows of its lines up to `last`."""
        self._room, self._told_name, self._removed, self.lost_at = room, room.me, None, None
        self._tabs.enter(room)
        self.outbox.enter(room, last)

    def _end(self, error: Exception | None, ready: asyncio.Future[None]) -> None:
        """Tell the tabs why this browser is out of the room."""
        if isinstance(error, Refused) and error.code in WANTS_PASSWORD:
            self.wants_password = True
            asked = error
            self._end_tabs(lambda speech: tell_asked(self.me, speech.explain(asked)))
        elif error is None or isinstance(error, NoServer):
            self._tabs.end()
        else:
            if isinstance(error, Removed):
                self._removed = error
            reason = error
            self._end_tabs(lambda speech: tell_ended(speech.explain(reason)))
        if not ready.done():
            ready.set_exception(error if error is not None else NoServer(self._way.server.server, 0, "closed"))
            ready.exception()  # perhaps nobody waits any longer

    def _end_tabs(self, last: Callable[[Speech], Facts]) -> None:
        self._tabs.put(last)
        self._tabs.end()

    def _take(self, event: Event, room: Room) -> None:
        match event:
            case Stored(number, seq):
                self._take_stored(number, seq)
            case Rejected():
                self._take_refusal(event)
            case Back(rewound):
                self.lost_at = None
                if rewound:
                    self.outbox.begin_another_log()
            case Lost():
                self.lost_at = int(self._clock() * 1000)
            case _:
                pass
        self._tabs.take(event, room)
        if room.me != self._told_name:
            self._told_name = room.me
            self._tabs.put(lambda _: tell_you(room.me))

    def _take_stored(self, number: int, seq: int) -> None:
        if (line := self.outbox.store(number, seq)) is not None:
            self._tabs.put(lambda _: tell_stored(line, seq))

    def _take_refusal(self, rejected: Rejected) -> None:
        if (line := self.outbox.refuse(rejected.number, rejected.code)) is not None:
            code, wait, detail = rejected.code, rejected.wait, rejected.detail
            self._tabs.put(lambda speech: tell_refused(line, speech.refusal(code, line.to, wait, detail)))

    # What a page asks.

    async def members(self, timeout: float) -> list[Member]:
        """Return who is here; raises ClientError."""
        if self._room is None:
            raise NoServer(self._way.server.server, 0, "no contact")
        return await self._room.members(timeout)

    # Streams.

    def open_feed(self, speech: Speech, address: str = "") -> Feed:
        """Begin a stream to a tab at an address; raises TooManyStreams."""
        feed = self._tabs.open(speech, address)
        self._set_leaving()
        return feed

    def close_feed(self, feed: Feed) -> None:
        """End a stream."""
        self._tabs.close(feed)
        self._set_leaving()

    def events(self, feed: Feed, after: Place | None) -> AsyncIterator[bytes]:
        """Yield what a stream sends, from after a place on or (None) from the last entries on."""
        return self._tabs.events(feed, after)

    def _read_missed(self, address: str, after: int, through: int) -> AsyncIterator[Shown]:
        return read_missed(self._way, self.profile, self.me, address, after, through)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
