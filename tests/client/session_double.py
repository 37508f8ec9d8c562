"""A session without a network: what a room sends through it, and the events it reports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sockatuh.client.items import Came, Link, Said, Went, event_of
from sockatuh.client.room import Listener, Room
from sockatuh.client.room_password import RoomPassword
from sockatuh.errors import ClientError, Refused
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.inbox import Gone
from sockatuh.protocol.messages import JOINED, LEFT, MESSAGE, Entry, MemberInfo

ADMITTED = e.Admitted("tom", bytes(16), 3, 9, b"ticket", again=False, rewound=False, begins=3)


class SessionDouble:
    """Numbers lines, and answers as the test says."""

    server, max_text = "127.0.0.1:9", 100

    def __init__(self) -> None:
        self.silence: float | None = None
        self.is_held = self.is_paused = self.has_left = self.is_let_go = False
        self.said: list[tuple[str, bool]] = []
        self.whispered: list[tuple[str, str]] = []
        """Pairs of an addressee and a text."""
        self.renames: list[str] = []
        self.away: list[str | None] = []
        self.struck: list[int] = []
        self.came_back: list[tuple[str, str]] = []
        self.present: Sequence[MemberInfo] = ()
        self.link = Link("127.0.0.1:9", bytes(32), 0.003, 0.004, 9, 1, 2, 20.0)
        self.answering: asyncio.Event | None = None
        """If there is one, requests are answered once it is set."""
        self.refusal: ClientError | None = None
        """If there is one, it is the answer to the next request."""
        self._listener: Listener | None = None
        self._answers: dict[int, asyncio.Future[int]] = {}

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    def say(self, text: str, *, action: bool = False, to: str = "") -> int:
        if to:
            self.whispered.append((to, text))
        else:
            self.said.append((text, action))
        return len(self.said) + len(self.whispered)

    async def stored(self, number: int, timeout: float | None) -> int:
        self._answers[number] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(timeout):
            return await self._answers[number]

    async def list_members(self, timeout: float | None = None) -> list[MemberInfo]:
        async with asyncio.timeout(timeout):
            return list(self.present)

    async def rename(self, name: str, timeout: float | None = None) -> str:
        async with asyncio.timeout(timeout):
            self.renames.append(name)
            await self._answer()
            self.tell(e.NameChanged(name, b"new ticket", len(self.renames)))
            return name

    async def set_away(self, text: str | None, timeout: float | None = None) -> None:
        async with asyncio.timeout(timeout):
            self.away.append(text)
            await self._answer()

    async def strike(self, seq: int, timeout: float | None = None) -> None:
        async with asyncio.timeout(timeout):
            self.struck.append(seq)
            await self._answer()

    async def _answer(self) -> None:
        if self.answering is not None:
            await self.answering.wait()
        if (refusal := self.refusal) is not None:
            self.refusal = None
            raise refusal

    def come_back(self, name: str, password: str) -> None:
        self.came_back.append((name, password))

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    async def leave(self) -> None:
        self.has_left = True

    def let_go(self) -> None:
        self.is_let_go = True

    def refuse(self, number: int, why: Refused) -> None:
        """Refuse a line for which somebody waits."""
        self._answers[number].set_exception(why)
        self.tell(e.LineRefused(number, why.code, why.wait, why.detail))

    def tell(self, *events: e.PeerEvent) -> None:
        """Report events, as the network would."""
        assert self._listener is not None
        for event in events:
            if isinstance(event, e.LineStored):
                answer = self._answers.get(event.number)
                if answer is not None and not answer.done():
                    answer.set_result(event.seq)
            self._listener.take(event)


def room_of(session: SessionDouble, *, says: int = 0, password: RoomPassword | None = None) -> Room:
    """Return a room of somebody called tom who has read up to 3, and has said some lines."""
    room = Room(session, "kitchen", ADMITTED, password=password)
    for number in range(says):
        room.send(f"line {number}")
    return room


def happened(entry: Entry) -> Said | Came | Went:
    """Return the event of an entry that is a line, a join or a leave."""
    event = event_of(entry, own=False)
    assert isinstance(event, Said | Came | Went)
    return event


def entry(
    seq: int, own: int | None = None, *, name: str = "ana", text: str = "x", kind: int = MESSAGE
) -> e.EntryArrived:
    return e.EntryArrived(Entry(seq, 0, kind, "tom" if own else name, text), own)


def joined(seq: int, name: str) -> e.EntryArrived:
    return entry(seq, name=name, text="secure", kind=JOINED)


def left(seq: int, name: str, reason: str = "left") -> e.EntryArrived:
    return entry(seq, name=name, text=reason, kind=LEFT)


def gone(after: int, through: int) -> e.EntriesGone:
    return e.EntriesGone(Gone(after, through, through - after))
