"""What a typed line asks for, and doing it: a text to say, or a command that begins with a slash."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from sockatuh.client.room import Room
from sockatuh.errors import ClientError
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .narrator import LongTexts, describe
from .rendering import Line, draw

LONGEST_SEQ: Final = 20
COMMAND: Final = re.compile(r"/(\S*)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Say:
    """Say this."""

    text: str
    action: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """List who is here."""


@dataclass(frozen=True, slots=True)
class Show:
    """Show a long text whole."""

    seq: str


@dataclass(frozen=True, slots=True)
class Help:
    """List the commands."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such command."""

    word: str


Request: TypeAlias = Say | Who | Show | Help | Quit | Unknown


def parse(line: str) -> Request:
    """Return what a line asks for; `//` begins a text with one slash, and a word with two slashes is a path."""
    command = COMMAND.fullmatch(line)
    if command is None:
        return Say(line)
    if line.startswith("//"):
        return Say(line[1:])
    word, rest = command.groups()
    if "/" in word:
        return Say(line)
    match word:
        case "me":
            return Say(rest, action=True)
        case "who":
            return Who()
        case "show":
            return Show(rest.strip())
        case "help":
            return Help()
        case "quit":
            return Quit()
        case _:
            return Unknown(clean_line(word))


class Done(Enum):
    """What was done about a typed line."""

    TAKEN = auto()
    LEAVING = auto()


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Nothing was done about it; `why` says the reason."""

    why: str


class Counter(Protocol):
    """Where answers to a typed line are shown."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines of the log."""

    def answer(self, lines: Sequence[str]) -> None:
        """Show lines that were asked for."""

    def note(self, sentence: str) -> None:
        """Show a remark."""


class Desk:
    """Carries out what is typed, and shows the answers on a counter.

    A line that holds the room's password is asked back, and the next line answers that.
    """

    def __init__(self, room: Room, counter: Counter, long_texts: LongTexts) -> None:
        self._room, self._counter, self._long_texts = room, counter, long_texts
        self._asked_back: Say | None = None
        self._listing: asyncio.Task[None] | None = None

    def obey(self, line: str) -> Done | NotTaken:
        """Do what a line asks for."""
        asked_back, self._asked_back = self._asked_back, None
        if asked_back is not None:
            if line.strip().lower() in phrases.YES:
                self._room.send(asked_back.text, action=asked_back.action)
                return Done.TAKEN
            self._counter.note(phrases.NOT_SAID)
            if line.strip().lower() in phrases.NO:
                return Done.TAKEN
        match parse(line):
            case Say() as say:
                return self._say(say)
            case Who():
                return self._list_members()
            case Show(seq):
                return self._show(seq)
            case Help():
                self._counter.answer(phrases.CHAT_HELP)
            case Quit():
                return Done.LEAVING
            case Unknown(word):
                return NotTaken(phrases.unknown_command(word))
        return Done.TAKEN

    def close(self) -> None:
        """Wait for no answer any more."""
        if self._listing is not None:
            self._listing.cancel()

    def _list_members(self) -> Done | NotTaken:
        if not self._room.in_contact:
            return NotTaken(phrases.OUT_OF_CONTACT)
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._show_members())
        return Done.TAKEN

    async def _show_members(self) -> None:
        with contextlib.suppress(ClientError):  # whoever iterates over the room gets it as well
            self._counter.note(describe(await self._room.members()))

    def _show(self, seq: str) -> Done | NotTaken:
        if not (seq.isascii() and seq.isdigit() and len(seq) < LONGEST_SEQ):
            return NotTaken(phrases.SHOW_WHAT)
        said = self._long_texts.find(int(seq))
        if said is None:
            return NotTaken(phrases.not_kept(int(seq)))
        self._counter.show(draw(said, self._room.me, self._counter.columns))
        return Done.TAKEN

    def _say(self, say: Say) -> Done | NotTaken:
        match self._room.fault_of(say.text):
            case None:
                self._room.send(say.text, action=say.action)
            case "text_is_password", _:
                self._asked_back = say
                self._counter.note(phrases.SAY_PASSWORD)
            case "text_empty", _:
                return NotTaken(phrases.ME_WHAT) if say.action else Done.TAKEN
            case _, size:
                return NotTaken(phrases.refused_line(phrases.in_parts(size, self._room.max_text)))
        return Done.TAKEN
