"""Parses and runs typed lines: texts to say, and commands that begin with a slash."""

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
from sockatuh.wording.answers import NO, YES

from .narrator import LongTexts, describe
from .rendering import Line, draw

LONGEST_SEQ: Final = 20
COMMAND: Final = re.compile(r"/(\S*)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SayText:
    """Say a text."""

    text: str
    action: bool = False


@dataclass(frozen=True, slots=True)
class ListMembers:
    """List the members."""


@dataclass(frozen=True, slots=True)
class ShowText:
    """Show a long text in full."""

    seq: str


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """List the slash commands."""


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Leave the room."""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A word that is not a command."""

    word: str


Request: TypeAlias = SayText | ListMembers | ShowText | ShowHelp | LeaveRoom | UnknownCommand


def parse(line: str) -> Request:
    """Parse a line; `//` begins a text with one slash, and a first word with two slashes is a path, thus text."""
    command = COMMAND.fullmatch(line)
    if command is None:
        return SayText(line)
    if line.startswith("//"):
        return SayText(line[1:])
    word, rest = command.groups()
    if "/" in word:
        return SayText(line)
    match word:
        case "me":
            return SayText(rest, action=True)
        case "who":
            return ListMembers()
        case "show":
            return ShowText(rest.strip())
        case "help":
            return ShowHelp()
        case "quit":
            return LeaveRoom()
        case _:
            return UnknownCommand(clean_line(word))


class Done(Enum):
    """What a typed line led to."""

    HANDLED = auto()
    LEAVING = auto()


@dataclass(frozen=True, slots=True)
class NotDone:
    """The line could not be carried out; `why` is a sentence."""

    why: str


class AnswerView(Protocol):
    """Where the answers to commands are shown."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines of the log."""

    def answer(self, lines: Sequence[str]) -> None:
        """Show the answer to a command."""

    def note(self, sentence: str) -> None:
        """Show a remark."""


class CommandRunner:
    """Carries out typed lines, and shows the answers on a view.

    Before a line that contains the room's password is sent, the person is asked; the next line is the answer.
    """

    def __init__(self, room: Room, view: AnswerView, long_texts: LongTexts) -> None:
        self._room, self._view, self._long_texts = room, view, long_texts
        self._asked_back: SayText | None = None
        self._listing: asyncio.Task[None] | None = None

    def run(self, line: str) -> Done | NotDone:
        """Carry out a line."""
        asked_back, self._asked_back = self._asked_back, None
        if asked_back is not None:
            if line.strip().lower() in YES:
                self._room.send(asked_back.text, action=asked_back.action)
                return Done.HANDLED
            self._view.note(phrases.NOT_SAID)
            if line.strip().lower() in NO:
                return Done.HANDLED
        match parse(line):
            case SayText() as say:
                return self._say(say)
            case ListMembers():
                return self._list_members()
            case ShowText(seq):
                return self._show(seq)
            case ShowHelp():
                self._view.answer(phrases.CHAT_HELP)
            case LeaveRoom():
                return Done.LEAVING
            case UnknownCommand(word):
                return NotDone(phrases.unknown_command(word))
        return Done.HANDLED

    def close(self) -> None:
        """Cancel a pending answer."""
        if self._listing is not None:
            self._listing.cancel()

    def _list_members(self) -> Done | NotDone:
        if not self._room.in_contact:
            return NotDone(phrases.OUT_OF_CONTACT)
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._show_members())
        return Done.HANDLED

    async def _show_members(self) -> None:
        with contextlib.suppress(ClientError):  # the loop over the room raises the same error
            self._view.note(describe(await self._room.members()))

    def _show(self, seq: str) -> Done | NotDone:
        if not (seq.isascii() and seq.isdigit() and len(seq) < LONGEST_SEQ):
            return NotDone(phrases.SHOW_WHAT)
        said = self._long_texts.find(int(seq))
        if said is None:
            return NotDone(phrases.not_kept(int(seq)))
        self._view.show(draw(said, self._room.me, self._view.columns))
        return Done.HANDLED

    def _say(self, say: SayText) -> Done | NotDone:
        match self._room.fault_of(say.text):
            case None:
                self._room.send(say.text, action=say.action)
            case "text_is_password", _:
                self._asked_back = say
                self._view.note(phrases.SAY_PASSWORD)
            case "text_empty", _:
                return NotDone(phrases.ME_WHAT) if say.action else Done.HANDLED
            case _, size:
                return NotDone(phrases.refused_line(phrases.in_parts(size, self._room.max_text)))
        return Done.HANDLED
