"""A view that records its calls, and a chat on it without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from client.session_double import ADMITTED, SessionDouble

from sockatuh.cli.chat_state import ChatState
from sockatuh.cli.narrator import Narrator
from sockatuh.cli.rendering import Line, plain
from sockatuh.cli.slash import CommandRunner, Done, NotDone
from sockatuh.client.items import Waiting
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.client.room_password import RoomPassword
from sockatuh.protocol.client.events import Admitted, PeerEvent

_DAY: Final = re.compile(r"— \w+ \d+ \w+ \d{4}")


@dataclass
class Wall:
    """A view that records its calls. `copies`: whether it can; `has_people`: whether it has a list of people."""

    seen: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    columns: int | None = None
    copies: bool = True
    has_people: bool = False
    copied: list[str] = field(default_factory=list)
    taken_off: list[int] = field(default_factory=list)

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:
        del seq
        self.lines += lines
        self.seen += [plain(line)[6:] for line in lines]

    def take_off(self, seq: int) -> None:
        self.taken_off.append(seq)

    def answer(self, lines: Sequence[str]) -> None:
        self.seen += lines

    def note(self, sentence: str) -> None:
        self.seen.append(f"— {sentence}")

    def show_found(self, text: str, seqs: Sequence[int]) -> None:
        self.seen.append(f"found {text}: {seqs}")

    def show_earlier(self, count: int) -> None:
        self.seen.append(f"earlier: {count}")

    def show_links(self, links: Mapping[str, int]) -> None:
        self.seen += links

    def toggle_people(self) -> bool:
        return self.has_people

    def copy(self, text: str) -> bool:
        self.copied.append(text)
        return self.copies

    def lose(self, reason: str) -> None:
        self.seen.append(f"lost: {reason}")

    def wait(self, waiting: Waiting) -> None:
        self.seen.append(f"waits: {waiting.seconds}")

    def go_on(self) -> None:
        self.seen.append("goes on")

    def refuse(self, text: str, reason: str) -> None:
        self.seen.append(f"{text!r}: {reason}")


class Chat:
    """A chat of somebody called tom in kitchen; must be made and used within one event loop."""

    def __init__(
        self,
        *,
        profile: Profile | None = None,
        password: str | None = None,
        environ: Mapping[str, str] | None = None,
        admitted: Admitted = ADMITTED,
    ) -> None:
        self.session, self.wall = SessionDouble(), Wall()
        self.room = Room(self.session, "kitchen", admitted, password=RoomPassword(password))
        self.profile = profile or Profile()
        self.written: list[str] = []
        self.state = ChatState(self.room, self.profile, self.written.append, {"TERM": "xterm", **(environ or {})})
        self.commands = CommandRunner(self.room, self.wall, self.state)
        self._narrator = Narrator(self.room, self.wall, self.state)
        self._events = aiter(self.room)

    async def hear(self, *events: PeerEvent) -> list[str]:
        """Take what the network reports, and return what is shown of it, without the headings of days."""
        before = len(self.wall.seen)
        for event in events:
            self.session.tell(event)
            while self._events.is_behind:
                self._narrator.report(await anext(self._events))
            await self.settle()
        return [shown for shown in self.wall.seen[before:] if not _DAY.fullmatch(shown)]

    async def type(self, line: str) -> list[str]:
        """Type a line, and return what is shown because of it; in the place of a refusal, why."""
        before = len(self.wall.seen)
        match self.commands.run(line):
            case NotDone(why):
                return [f"no: {why}"]
            case Done.LEAVING:
                return ["leaving"]
            case Done.HANDLED:
                await self.settle()
                return self.wall.seen[before:]

    async def settle(self) -> None:
        """Let everything that is under way come to its end."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def close(self) -> None:
        await self.commands.finish()
        self.state.close()
