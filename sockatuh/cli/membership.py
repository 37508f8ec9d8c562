"""A place in the room: what happens there, what is said, and which of it has not been seen in the log yet."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sockatuh.client.deadline import Patience
from sockatuh.client.listing import Listing
from sockatuh.client.name_tags import NameTags
from sockatuh.client.session import Conversation
from sockatuh.client.unsent import Unsent
from sockatuh.errors import ClientError
from sockatuh.protocol.client.events import (
    Admitted,
    CaughtUp,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LineStored,
    MembersListed,
    PeerEvent,
)
from sockatuh.protocol.messages import JOINED, Entry
from sockatuh.room.text import clean_line, clean_text

from .longtexts import LongTexts
from .roompassword import RoomPassword

CLASSIC: Final = "classic"
LAST_ANSWERS: Final = 1.0
"""Seconds for answers to what was said just before one leaves."""
LONGEST_DRAIN: Final = 10
"""How many times as long what moves without an end may be waited for."""
LINES_AHEAD: Final = 64
"""Lines that may wait for their acknowledgement before no more are read from a pipe."""


@dataclass(slots=True)
class Unplaced:
    """A line that was said and has not come back in the log; `seq` once it is stored."""

    text: str
    action: bool
    seq: int | None = None


class Membership:
    """Somebody in a room. One task takes `next_event`; the others may wait for what it brings."""

    def __init__(
        self,
        conversation: Conversation,
        room: str,
        admitted: Admitted,
        keep_ticket: Callable[[Admitted], None],
        patience: Patience,
        unsent: Unsent,
        password: RoomPassword,
        since: int | None = None,
        tags: NameTags | None = None,
    ) -> None:
        """`since`: what was said before this moment (ms since 1970) is passed over until one has caught up."""
        self.conversation, self.room, self.patience = conversation, room, patience
        self.name = clean_line(admitted.name)
        self.unplaced: dict[int, Unplaced] = {}
        self.in_contact = True
        self.unsent, self.password = unsent, password
        self.long_texts = LongTexts()
        self._since = since
        self.tags = tags
        self._unanswered: dict[int, int] = {}
        self._keep_ticket = keep_ticket
        self._seen = admitted.start
        self._listing = Listing()
        self._asked_back: Unplaced | None = None
        self._moved = asyncio.Event()
        self._remember(admitted)

    @property
    def unanswered(self) -> int:
        """How many lines the server has neither stored nor refused."""
        return len(self._unanswered)

    @property
    def is_held(self) -> bool:
        """Tell whether they wait because the server can store nothing now."""
        return self.conversation.is_held

    def say(self, text: str, *, action: bool = False) -> int:
        """Say a text and return its number; it is cleaned, as the server would."""
        cleaned = clean_text(text)
        noted = self.unsent.note(cleaned)
        number = self.conversation.say(cleaned, action=action)
        self.unplaced[number] = Unplaced(cleaned, action)
        self._unanswered[number] = noted
        return number

    def fault_of(self, text: str) -> tuple[str, int] | None:
        """Return why a text is not to be said, a code and its size in bytes, or None.

        That is a code of the protocol, or `text_is_password`: a person may be asked whether it is meant.
        """
        cleaned = clean_text(text)
        size = len(cleaned.encode())
        if not size:
            return "text_empty", 0
        if size > self.conversation.max_text:
            return "text_too_long", size
        return ("text_is_password", size) if self.password.stands_in(cleaned) else None

    def ask_back(self, text: str, *, action: bool) -> None:
        """Keep a text until its writer has said whether it is meant."""
        self._asked_back = Unplaced(text, action)

    def take_asked_back(self) -> Unplaced | None:
        """Return and forget the text that was asked back, if one was."""
        asked_back, self._asked_back = self._asked_back, None
        return asked_back

    def ask_who(self) -> bool:
        """Ask who is here; False when there is nobody to ask. MembersListed brings all of them."""
        self._listing = Listing()
        if self.in_contact:
            self.conversation.ask_who("")
        return self.in_contact

    async def next_event(self) -> PeerEvent:
        """Wait for what happens next; raises what ends the conversation."""
        while True:
            event = await self.conversation.next_event()
            match event:
                case Admitted(start=start, rewound=rewound):
                    self.in_contact, self.name = True, clean_line(event.name)
                    self._remember(event)
                    if rewound:
                        self._forget_places(start)
                case ContactLost():
                    self.in_contact = False
                case EntryArrived(entry, own):
                    self._see(entry.seq, own)
                    if self._since is not None and entry.at < self._since:
                        continue
                case CaughtUp():
                    self._since = None  # what is new is told, whatever the server's clock says
                case EntriesGone(stretch):
                    self._see(stretch.through, None)
                case LineStored(number, seq):
                    self._store(number, seq)
                case LineRefused(number, _):
                    self._answer(number)
                case MembersListed(members, more):
                    if (after := self._listing.take(members, more)) is not None:
                        self.conversation.ask_who(after)
                        continue
                    return MembersListed(self._listing.members, more=False)
                case _:
                    pass
            return event

    def notice_key(self, entry: Entry) -> date | None:
        """Take note of the key an entry's name came with; return when it was seen last, if always with another."""
        if self.tags is None or not (entry.tag or (entry.kind == JOINED and entry.text == CLASSIC)):
            return None
        try:
            day = datetime.fromtimestamp(entry.at / 1000).astimezone().date()
        except (OverflowError, ValueError, OSError):  # whatever the server says
            return None
        return self.tags.see(entry.name, clean_line(entry.tag), day, time.monotonic())

    def come_back(self, password: str) -> None:
        """Join again with another password; Admitted comes, or what was wrong with it is raised."""
        self.password.note(password)
        self.conversation.come_back(self.name, password)

    async def room_for_more(self) -> None:
        """Wait until few enough lines are under way."""
        while self.unanswered >= LINES_AHEAD:
            await self._next_move()

    async def drained(self, patience: float) -> None:
        """Wait until every line has its answer and its place.

        It ends too when nothing has moved for so many seconds, and when ten times as many have passed.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_DRAIN * patience):
                while self.unplaced or self._unanswered:
                    async with asyncio.timeout(patience):
                        await self._next_move()

    async def _next_move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def unstored(self) -> list[str]:
        """Return the texts of which nobody can say that they are stored."""
        return [line.text for line in self.unplaced.values() if line.seq is None]

    def take_inherited(self) -> list[str]:
        """Return what was said here from this machine without an answer, by clients that were killed; only once."""
        return [clean_text(text) for text in self.unsent.take_inherited()]

    async def settle(self, hear: Callable[[PeerEvent], None]) -> None:
        """Take for a moment what comes, while there are lines without an answer and somebody who may answer."""
        with contextlib.suppress(TimeoutError, ClientError):
            async with asyncio.timeout(LAST_ANSWERS):
                while self._unanswered and self.in_contact:
                    hear(await self.next_event())

    def _answer(self, number: int) -> None:
        noted = self._unanswered.pop(number, None)
        if noted is not None:
            self.unsent.settle(noted)
        self._moved.set()

    def _store(self, number: int, seq: int) -> None:
        self._answer(number)
        if seq <= self._seen:
            self.unplaced.pop(number, None)
        elif number in self.unplaced:
            self.unplaced[number].seq = seq

    def _forget_places(self, start: int) -> None:
        """Begin in another log: what had its place in the one before may not be in it, and is told by its mark."""
        self._seen = start
        for line in self.unplaced.values():
            line.seq = None

    def _see(self, seq: int, own: int | None) -> None:
        """Drop what has come back, and what must have when its own mark was lost."""
        self._seen = seq
        self._moved.set()
        for number, line in list(self.unplaced.items()):
            if number == own or (line.seq is not None and line.seq <= seq):
                del self.unplaced[number]

    def _remember(self, admitted: Admitted) -> None:
        self._keep_ticket(admitted)
