"""A place in the room: what happens there, what is said, and which of it has not been seen in the log yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockatuh.client.conversation import Conversation
from sockatuh.errors import KeyFileError
from sockatuh.protocol.messages import MemberInfo
from sockatuh.protocol.peer_events import (
    Admitted,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LineStored,
    MembersListed,
    PeerEvent,
)
from sockatuh.room.text import clean_line, clean_text

from .patience import Patience

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
        keep_ticket: Callable[[bytes], None],
        patience: Patience,
    ) -> None:
        self.conversation, self.room, self.patience = conversation, room, patience
        self.name = clean_line(admitted.name)
        self.unplaced: dict[int, Unplaced] = {}
        self.in_contact = True
        self._unanswered: set[int] = set()
        self._keep_ticket = keep_ticket
        self._seen = admitted.start
        self._listed: list[MemberInfo] = []
        self._moved = asyncio.Event()
        self._remember(admitted)

    @property
    def unanswered(self) -> int:
        """How many lines the server has neither stored nor refused."""
        return len(self._unanswered)

    def say(self, text: str, *, action: bool = False) -> int:
        """Say a text and return its number; it is cleaned, as the server would."""
        cleaned = clean_text(text)
        number = self.conversation.say(cleaned, action=action)
        self.unplaced[number] = Unplaced(cleaned, action)
        self._unanswered.add(number)
        return number

    def fault_of(self, text: str) -> tuple[str, int] | None:
        """Return why a text would be refused, a code of the protocol and its size in bytes, or None."""
        size = len(clean_text(text).encode())
        if not size:
            return "text_empty", 0
        return ("text_too_long", size) if size > self.conversation.max_text else None

    def ask_who(self) -> bool:
        """Ask who is here; False when there is nobody to ask. MembersListed brings all of them."""
        self._listed.clear()
        if self.in_contact:
            self.conversation.ask_who("")
        return self.in_contact

    async def next_event(self) -> PeerEvent:
        """Wait for what happens next; raises what ends the conversation."""
        while True:
            event = await self.conversation.next_event()
            match event:
                case Admitted():
                    self.in_contact = True
                    self._remember(event)
                case ContactLost():
                    self.in_contact = False
                case EntryArrived(entry, own):
                    self._see(entry.seq, own)
                case EntriesGone(stretch):
                    self._see(stretch.through, None)
                case LineStored(number, seq):
                    self._store(number, seq)
                case LineRefused(number, _):
                    self._unanswered.discard(number)
                    self._moved.set()
                case MembersListed(members, more):
                    self._listed += members
                    if more and members:
                        self.conversation.ask_who(members[-1].name)
                        continue
                    return MembersListed(tuple(self._listed), more=False)
                case _:
                    pass
            return event

    async def room_for_more(self) -> None:
        """Wait until few enough lines are under way."""
        while self.unanswered >= LINES_AHEAD:
            await self._next_move()

    async def drained(self, patience: float) -> None:
        """Wait until every line has its answer and its place; nothing that moves for so many seconds ends it too."""
        with contextlib.suppress(TimeoutError):
            while self.unplaced or self._unanswered:
                async with asyncio.timeout(patience):
                    await self._next_move()

    async def _next_move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def unstored(self) -> list[str]:
        """Return the texts of which nobody can say that they are stored."""
        return [line.text for line in self.unplaced.values() if line.seq is None]

    def _store(self, number: int, seq: int) -> None:
        self._unanswered.discard(number)
        self._moved.set()
        if seq <= self._seen:
            self.unplaced.pop(number, None)
        elif number in self.unplaced:
            self.unplaced[number].seq = seq

    def _see(self, seq: int, own: int | None) -> None:
        """Drop what has come back, and what must have when its own mark was lost."""
        self._seen = seq
        self._moved.set()
        for number, line in list(self.unplaced.items()):
            if number == own or (line.seq is not None and line.seq <= seq):
                del self.unplaced[number]

    def _remember(self, admitted: Admitted) -> None:
        with contextlib.suppress(KeyFileError):  # without it the next start asks for the password, no more
            self._keep_ticket(admitted.ticket)
