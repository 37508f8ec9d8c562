"""What a typed line asks for, and doing it: something to say, or a command that begins with a slash."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .membership import Membership
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
    """What became of a typed line."""

    TAKEN = auto()
    LEAVING = auto()


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Nothing was done, and why."""

    why: str


class Desk(Protocol):
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


def obey(line: str, membership: Membership, desk: Desk) -> Done | NotTaken:
    """Do what a line asks for; one that holds the room's password is asked back, and the next line answers that."""
    if (asked_back := membership.take_asked_back()) is not None:
        if line.strip().lower() in phrases.YES:
            membership.say(asked_back.text, action=asked_back.action)
            return Done.TAKEN
        desk.note(phrases.NOT_SAID)
        if line.strip().lower() in phrases.NO:
            return Done.TAKEN
    match parse(line):
        case Say(text, action):
            return _say(text, membership, desk, action=action)
        case Who():
            if not membership.ask_who():
                return NotTaken(phrases.OUT_OF_CONTACT)
        case Show(seq):
            return _show(seq, membership, desk)
        case Help():
            desk.answer(phrases.CHAT_HELP)
        case Quit():
            return Done.LEAVING
        case Unknown(word):
            return NotTaken(phrases.unknown_command(word))
    return Done.TAKEN


def _show(seq: str, membership: Membership, desk: Desk) -> Done | NotTaken:
    if not (seq.isascii() and seq.isdigit() and len(seq) < LONGEST_SEQ):
        return NotTaken(phrases.SHOW_WHAT)
    entry = membership.long_texts.find(int(seq))
    if entry is None:
        return NotTaken(phrases.not_kept(int(seq)))
    desk.show(draw(entry, membership.name, desk.columns))
    return Done.TAKEN


def _say(text: str, membership: Membership, desk: Desk, *, action: bool) -> Done | NotTaken:
    match membership.fault_of(text):
        case None:
            membership.say(text, action=action)
        case "text_is_password", _:
            membership.ask_back(text, action=action)
            desk.note(phrases.SAY_PASSWORD)
        case "text_empty", _:
            return NotTaken(phrases.ME_WHAT) if action else Done.TAKEN
        case _, size:
            return NotTaken(phrases.refused_line(phrases.in_parts(size, membership.conversation.max_text)))
    return Done.TAKEN
