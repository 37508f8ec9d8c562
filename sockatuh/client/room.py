"""The room that a client is in: say lines, iterate over events, list the members, leave.

Say and iterate from as many tasks as you like. Lines are numbered in the order of the calls and stored in that order;
each call waits for its own answer. Every `async for` over the room yields every event from when it began, and the first
one everything since the client joined. Loss of contact is an event, not an error: the client reconnects by itself,
sends again what was not stored, and fetches what it missed.

A slow loop loses nothing and fills no memory: when it is about a thousand events behind, the client stops taking
entries, the server stops sending them, and they are fetched from its log when the loop has caught up. Only entries that
the server has deleted by then are missing, and they are reported as a `Gap`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from sockatuh.errors import NotInRoom, Refused
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import ADDRESSEE_CODES, MAX_AWAY, MAX_NAME_BYTES, MAX_PARTS, MAX_PIECE
from sockatuh.protocol.messages import MemberInfo
from sockatuh.room.text import clean_line, clean_text
from sockatuh.room.word import one_word

from .deadline import loop_time
from .items import (
    UNENCRYPTED,
    Back,
    Came,
    EntryEvent,
    Event,
    Gap,
    Here,
    LineStream,
    Link,
    Lost,
    Member,
    OtherKey,
    OwnText,
    PresenceChanged,
    Rejected,
    Renamed,
    Role,
    Said,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
    event_of,
    local_moment,
    member_of,
    presence_of,
)
from .name_tags import NameTags
from .reading import Reading
from .room_password import RoomPassword
from .stream import Reader, Stream
from .unsent import Unsent

DRAIN_FACTOR: Final = 10
"""`drained` may take this many times its `patience` in total."""
DEFAULT_MAX_TEXT: Final = 16_384
"""The longest text, in bytes, of a room with the default limits."""
LINES_AHEAD: Final = 64
"""Lines that may wait for their answer before `room_for_more` waits."""
OWN_LINES: Final = 64
"""The last own lines of which the place in the log is known."""


class Listener(Protocol):
    """Receives what a session reports."""

    def take(self, event: e.PeerEvent) -> None:
        """Process an event."""

    def mend(self, refused: Refused) -> bool:
        """React to a refusal; return whether something was done, so that it does not end the conversation."""

    def fail(self, error: Exception) -> None:
        """Process the error that ends the conversation."""


class Session(Protocol):
    """What a room needs from the conversation below it."""

    @property
    def server(self) -> str:
        """The server as people write it."""

    @property
    def max_text(self) -> int:
        """The size of the longest text the room takes, in bytes of UTF-8."""

    @property
    def silence(self) -> float | None:
        """Seconds since the last datagram from the server, if one is overdue."""

    @property
    def is_held(self) -> bool:
        """Whether lines wait because the server can store nothing."""

    @property
    def link(self) -> Link:
        """How the network between here and the server has been."""

    def listen(self, listener: Listener) -> None:
        """Report every event to a listener, beginning with those since the join."""

    def say(self, text: str, *, action: bool = False, to: str = "") -> int:
        """Send a line and return its number; `to` is the addressee of a private one."""

    async def stored(self, number: int, timeout: float | None) -> int:
        """Wait until a line is stored and return its seq; raises if it will not be."""

    async def list_members(self, timeout: float | None = None) -> list[MemberInfo]:
        """Return everybody in the room."""

    async def rename(self, name: str, timeout: float | None = None) -> str:
        """Take another name, and return it as the server writes it."""

    async def set_away(self, text: str | None, timeout: float | None = None) -> None:
        """Say that this member is away, or (None) back."""

    async def strike(self, seq: int, timeout: float | None = None) -> None:
        """Have the text of an own line removed."""

    def come_back(self, name: str, password: str) -> None:
        """Join again with a password."""

    def pause_reading(self) -> None:
        """Stop taking entries."""

    def resume_reading(self) -> None:
        """Take entries again."""

    async def leave(self) -> None:
        """Leave the room."""

    def let_go(self) -> None:
        """Stop without leaving the room."""


class Unplaced(msgspec.Struct):
    """A line that was said and has not arrived in the log yet; `seq` is set once it is stored.

    `to` is the addressee of a private line.
    """

    text: str
    action: bool
    seq: int | None = None
    to: str = ""


class Room:
    """A room this client is in; `connect` makes one. `name` is the room's, `me` this client's own."""

    def __init__(
        self,
        session: Session,
        name: str,
        admitted: e.Admitted,
        *,
        lines: LineStream | None = None,
        unsent: Unsent | None = None,
        tags: NameTags | None = None,
        password: RoomPassword | None = None,
        tag: str = "",
        since: int | None = None,
        reading: Reading | None = None,
        remember: Callable[[e.Admitted], None] = lambda _: None,
        remember_rename: Callable[[e.NameChanged], None] = lambda _: None,
        ask_password: Callable[[Refused], bool] = lambda _: False,
    ) -> None:
        """`tag` is the short form of this client's key. `lines` is the stream that it continues, None: a new one.

        `since`: skip entries older than this moment (ms since 1970) until everything up to the present is there.

        `remember` is called for each admission, `remember_rename` for each change of the own name. `ask_password` is
        called with a refusal, and returns whether a person is asked for the password because of it.
        """
        self.name, self.me, self.tag = name, clean_line(admitted.name), tag
        self.in_contact = True
        self.here: int | None = None
        """How many members are in the room, as the server said last, at the latest by `members`; None until it has."""
        self.reading = reading or Reading(admitted)
        """How far the person has read who is shown the events."""
        self.unplaced: dict[int, Unplaced] = {}
        """Own lines, by number, that have not arrived in the log yet."""
        self.own_lines: deque[int] = deque(maxlen=OWN_LINES)
        """The places in the log of the last lines that this person said, oldest first, without those struck."""
        self._session = session
        self._unsent, self._tags = unsent or Unsent(None, session.server), tags
        self._password = password or RoomPassword(None)
        self._since = since
        self._remember, self._remember_rename, self._ask_password = remember, remember_rename, ask_password
        self._unanswered: dict[int, int | None] = {}
        """The numbers of unanswered lines, each with its note on disk; `say` makes none, as its caller waits."""
        self._awaited: set[int] = set()
        for line in lines.unanswered if lines is not None else ():
            self.unplaced[line.number] = Unplaced(line.text, line.action, to=line.to)
            self._unanswered[line.number] = None
        self._seen = admitted.start
        self._moved = asyncio.Event()
        self._error: Exception | None = None
        self._events: Stream[Event] = Stream(session.pause_reading, session.resume_reading)
        remember(admitted)
        session.listen(self)

    # For every application.

    async def say(self, text: str, *, action: bool = False, to: str = "", timeout: float | None = None) -> int:
        """Say a line and wait until it is stored; return its place in the log. `action`: in the third person, `/me`.

        `to` names somebody who is here, or owns that name: then only the two of you are sent the line. Raises Refused
        if the line cannot be said (`no_such_name`, `reads_in_clear`: because of the addressee, who is the `detail`),
        NotStored, TooFast or NoServer after `timeout` seconds, and the error that ends the conversation. A line whose
        call timed out or was cancelled is still sent until it is stored.
        """
        if (fault := self.fault_of(text, to)) is not None:
            code, size = fault
            detail = f"{size:,} bytes; at most {self.max_text:,}" if size > self.max_text else ""
            raise Refused(code, detail=clean_line(to) if code in ADDRESSEE_CODES else detail)
        self._check()
        number = self._send(clean_text(text), action=action, to=_addressee(to))
        self._unanswered[number] = None
        self._awaited.add(number)
        try:
            return await self._session.stored(number, timeout)
        except Refused as refused:
            if refused.code in ADDRESSEE_CODES:
                raise Refused(refused.code, detail=clean_line(to)) from None
            raise
        finally:
            if number not in self._unanswered:
                self._awaited.discard(number)

    async def rename(self, name: str, timeout: float | None = None) -> str:
        """Take another name, and return it as the room writes it; `me` follows, and the old name stays this member's.

        Raises Refused or NameTaken if the name cannot be had, and NoServer after `timeout` seconds. A call that timed
        out or was cancelled is not repeated, but the server may have received it: `me` tells.
        """
        self._check()
        if self._password.occurs_in(name):
            raise Refused("name_is_password")
        return clean_line(await self._session.rename(name, timeout))

    async def away(self, text: str = "", timeout: float | None = None) -> None:
        """Tell everybody that this member is away, with a text that says why or until when; saying a line ends it.

        Raises Refused (`text_too_long`: over 80 characters; `text_is_password`), and NoServer after `timeout` seconds.
        """
        self._check()
        cleaned = clean_line(text).strip()
        if len(cleaned) > MAX_AWAY:
            raise Refused("text_too_long", detail=f"{len(cleaned)} characters; at most {MAX_AWAY}")
        if self._password.occurs_in(cleaned):
            raise Refused("text_is_password")
        await self._session.set_away(cleaned, timeout)

    async def back(self, timeout: float | None = None) -> None:
        """Tell everybody that this member is back; raises as `away`."""
        self._check()
        await self._session.set_away(None, timeout)

    async def strike(self, seq: int, timeout: float | None = None) -> None:
        """Remove the text of a line that this member said, at this place in the log, up to 15 minutes ago.

        The room forgets it, and every client is told by `Struck`; whoever has read it has read it. Raises Refused
        (`no_such_line`, `not_a_line`, `not_yours`, `too_late`, `struck_already`), and NoServer after `timeout` seconds.
        A call that timed out or was cancelled is not repeated, but the server may have received it.
        """
        self._check()
        if not 0 < seq < 1 << 63:
            raise Refused("no_such_line")
        await self._session.strike(seq, timeout)
        self._forget_own(seq)

    def __aiter__(self) -> Reader[Event]:
        return self._events.reader()

    async def members(self, timeout: float | None = None) -> list[Member]:
        """Return everybody who is in the room; raises NoServer after `timeout` seconds."""
        self._check()
        members = [member_of(info) for info in await self._session.list_members(timeout)]
        for member in members:
            if member.tag or member.dialect == UNENCRYPTED:
                self._notice_key(member.name, member.tag, datetime.now())
        if self.here is None:  # nothing has changed since this session came in, so PRESENCE has told nothing
            self.here = sum(member.role is Role.MEMBER for member in members)
        return members

    async def leave(self) -> None:
        """Leave the room, waiting at most a second; loops over the room end once they have taken all earlier events."""
        if self._error is None:
            self._error = NotInRoom()
        try:
            await self._session.leave()
        finally:
            self._events.close()

    def let_go(self) -> None:
        """End loops and calls as if this process were killed: the room waits for it as for a member out of contact.

        A client that comes back in time, with the same profile, never left.
        """
        if self._error is None:
            self._error = NotInRoom()
        self._session.let_go()
        self._events.close()

    @property
    def log_id(self) -> bytes:
        """Which log the room has, 16 bytes: once it was replaced or set back, they are others."""
        return self.reading.log_id

    @property
    def server(self) -> str:
        """The server, as people write it."""
        return self._session.server

    @property
    def max_text(self) -> int:
        """The size of the longest text the room takes, in bytes of UTF-8."""
        return self._session.max_text

    # For screens and pipes.

    def send(self, text: str, *, action: bool = False, to: str = "") -> int:
        """Say a line without waiting, and return its number; `Stored` or `Rejected` with this number follows.

        `to`: see `say`. Raises Refused if nobody can be called that.
        """
        self._check()
        cleaned, addressee = clean_text(text), _addressee(to)
        note = self._unsent.note(OwnText(cleaned, addressee))
        number = self._send(cleaned, action=action, to=addressee)
        self._unanswered[number] = note
        return number

    @property
    def unanswered(self) -> int:
        """How many lines have been neither stored nor rejected."""
        return len(self._unanswered)

    @property
    def is_held(self) -> bool:
        """Tell whether lines wait because the server can store nothing at present."""
        return self._session.is_held

    @property
    def silence(self) -> float | None:
        """Seconds since the last datagram from the server, if one is overdue; None while all is well."""
        return self._session.silence

    @property
    def link(self) -> Link:
        """How the network between here and the server has been."""
        return self._session.link

    def wrote(self, line: Said | Whispered) -> bool:
        """Tell whether this person said a line: here, elsewhere with the same key, or earlier under another name."""
        if isinstance(line, Said) and line.official:
            return False
        return line.own or line.name == self.me or line.tag == self.tag != ""

    def fault_of(self, text: str, to: str = "") -> tuple[str, int] | None:
        """Return why a text should not be said (to an addressee), as a code and its size in bytes, or None.

        The code is one of the protocol's, or `text_is_password`: ask a person whether that is intended.
        """
        cleaned = clean_text(text)
        size = len(cleaned.encode())
        try:
            taken = len(_addressee(to).encode())
        except Refused as refused:
            return refused.code, size
        if not size:
            return "text_empty", 0
        if size > min(self.max_text, MAX_PARTS * MAX_PIECE - taken):
            return "text_too_long", size
        return ("text_is_password", size) if self._password.occurs_in(cleaned) else None

    async def room_for_more(self) -> None:
        """Wait until fewer than LINES_AHEAD lines are unanswered; raises the error that ends the conversation."""
        self._check()
        while self.unanswered >= LINES_AHEAD:
            await self._next_move()
            self._check()

    async def drained(self, patience: float) -> None:
        """Wait until every line is stored and in the log; give up after `patience` seconds without progress.

        It also gives up after ten times `patience` in total.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_FACTOR * patience):
                while self.unplaced or self._unanswered:
                    async with asyncio.timeout(patience):
                        await self._next_move()

    def unstored(self) -> list[OwnText]:
        """Return the texts that are possibly not stored."""
        return [OwnText(line.text, line.to) for line in self.unplaced.values() if line.seq is None]

    def take_inherited(self) -> list[OwnText]:
        """Return, once only, the lines that killed clients of this profile said here without an answer."""
        inherited = self._unsent.take_inherited()
        return [OwnText(clean_text(line.text), line.to and (clean_line(line.to) or "?")) for line in inherited]

    def forget_unsent(self) -> None:
        """Delete the notes of unanswered lines, once the person has been told which they are."""
        self._unsent.close()

    def keep_unsent(self) -> None:
        """Leave the notes of unanswered lines on disk, where the next client of this profile finds them."""
        self._unsent.leave()

    # Called by the session.

    def take(self, event: e.PeerEvent) -> None:
        """Process an event of the session."""
        match event:
            case e.EntryArrived(entry, own):
                self._place(entry.seq, own)
                if (happened := event_of(entry, own=own is not None)) is not None:
                    self._report_entry(happened)
            case e.EntriesGone(stretch):
                self._place(stretch.through, None)
                self._put(Gap(stretch.after, stretch.through, stretch.count))
            case e.CaughtUp():
                self._since = None  # new entries are reported whatever the server's clock says
                self._put(Here())
            case e.LineStored(number, seq):
                self._store(number, seq)
            case e.LineRefused():
                self._reject(event)
            case e.LinesDelayed(wait):
                self._put_state(Waiting(wait))
            case e.LinesHeld():
                self._put_state(Waiting(None))
            case e.ContactLost(reason):
                self.in_contact = False
                self._put_state(Lost(clean_line(reason)))
            case e.Admitted():
                self._come_back(event)
            case e.NameChanged(name):
                self.me = clean_line(name)
                self._remember_rename(event)
            case e.PresenceChanged():
                self._report_presence(event)
            case _:
                pass

    def mend(self, refused: Refused) -> bool:
        """Try the password again if it has changed, else have a person asked; return whether either is under way."""
        if (password := self._password.another(refused)) is not None:
            self._session.come_back(self.me, password)
            return True
        return self._ask_password(refused)

    def fail(self, error: Exception) -> None:
        """End every loop and every call with an error."""
        self._error = error
        self._events.close(error)
        self._moved.set()

    def _send(self, cleaned: str, *, action: bool, to: str) -> int:
        number = self._session.say(cleaned, action=action, to=to)
        self.unplaced[number] = Unplaced(cleaned, action, to=to)
        return number

    def _forget_own(self, seq: int) -> None:
        if seq in self.own_lines:
            self.own_lines.remove(seq)

    def _report_entry(self, event: EntryEvent) -> None:
        if isinstance(event, Said | Whispered) and self.wrote(event):
            self.own_lines.append(event.seq)
        elif isinstance(event, Struck):
            self._forget_own(event.line)
        if self._since is not None and event.at < self._since:
            return
        if not isinstance(event, Went | Struck) and (
            event.tag or (isinstance(event, Came) and event.dialect == UNENCRYPTED)
        ):
            for name in (event.name, event.new) if isinstance(event, Renamed) else (event.name,):
                self._notice_key(name, event.tag, local_moment(event.at))
        self._put(event, len(event.text) if isinstance(event, Said | Whispered) else 0)

    def _report_presence(self, event: e.PresenceChanged) -> None:
        """Report who is here; but not to readers that are behind, because this is not paused for them."""
        is_news = event.here != self.here
        self.here = event.here
        if self._events.is_paused:
            return
        for change in event.changed:
            if change.tag:
                self._notice_key(clean_line(change.name), clean_line(change.tag), datetime.now())
        changed = presence_of(event)
        if is_news or changed != PresenceChanged(event.here):
            self._put(changed)

    def _notice_key(self, name: str, tag: str, moment: datetime | None) -> None:
        """Remember the key that a name was used with; report one that the name never had before."""
        if self._tags is None or moment is None:
            return
        if (last := self._tags.see(name, tag, moment.date(), loop_time())) is not None:
            self._put(OtherKey(name, tag, last))

    def _put(self, event: Event, size: int = 0) -> None:
        self._events.put(event, size)

    def _put_state(self, event: Lost | Back | Waiting) -> None:
        """Report a change of contact; while readers are behind, it replaces the change before it."""
        last = self._events.last
        if self._events.is_paused and isinstance(last, Lost | Back | Waiting) and last != Back(rewound=True):
            self._events.replace_last(event)
        else:
            self._put(event)

    def _come_back(self, admitted: e.Admitted) -> None:
        self.in_contact, self.me = True, clean_line(admitted.name)
        self._remember(admitted)
        if admitted.rewound:
            self._seen = admitted.start
            self.own_lines.clear()
            for line in self.unplaced.values():
                line.seq = None  # a seq of the replaced log; the line's mark will still identify its entry
            self._put(Back(rewound=True))
        else:
            self._put_state(Back())

    def _store(self, number: int, seq: int) -> None:
        self._answer(number)
        if seq <= self._seen:
            self.unplaced.pop(number, None)
        elif number in self.unplaced:
            self.unplaced[number].seq = seq
        if number in self._awaited:
            self._awaited.discard(number)
        else:
            self._put(Stored(number, seq))

    def _reject(self, refused: e.LineRefused) -> None:
        number = refused.number
        self._answer(number)
        line = self.unplaced.pop(number, None)
        if number in self._awaited:
            self._awaited.discard(number)
        elif line is not None:
            why = clean_line(refused.code), line.to, refused.wait, clean_line(refused.detail)
            self._put(Rejected(number, line.text, line.action, *why))

    def _place(self, seq: int, own: int | None) -> None:
        """Forget lines that have arrived in the log, and those that must have, although their mark was lost."""
        self._seen = seq
        self._moved.set()
        for number, line in list(self.unplaced.items()):
            if number == own or (line.seq is not None and line.seq <= seq):
                del self.unplaced[number]

    def _answer(self, number: int) -> None:
        note = self._unanswered.pop(number, None)
        if note is not None:
            self._unsent.settle(note)
        self._moved.set()

    async def _next_move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


def _addressee(to: str) -> str:
    """Return an addressee as it is sent, "" for everybody; Refused if no name can be such a text.

    So what was meant for somebody is never said to everybody, whatever is left of the name.
    """
    cleaned = one_word(clean_line(to))
    if to and not 0 < len(cleaned.encode()) <= MAX_NAME_BYTES:
        raise Refused("no_such_name", detail=clean_line(to))
    return cleaned
