"""Parses and runs typed lines: texts to say, and commands that begin with a slash."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from sockatuh.client.room import Room
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .answer_view import AnswerView
from .chat_state import ChatState
from .commands.context import CommandContext, Done, NotDone, Outcome, SayText
from .commands.table import COMMANDS, Command, words_of
from .tab_completion import TabCompletion

__all__ = ["CommandRunner", "Done", "NotDone", "SayText", "TypedCommand", "UnknownCommand", "parse"]

_COMMAND: Final = re.compile(r"/(\S*)\s*(.*)", re.DOTALL)


class TypedCommand(msgspec.Struct, frozen=True):
    """A command, and what follows it."""

    command: Command
    rest: str


class UnknownCommand(msgspec.Struct, frozen=True):
    """A word that is not a command."""

    word: str


Request: TypeAlias = SayText | TypedCommand | UnknownCommand


def parse(line: str) -> Request:
    """Parse a line; `//` begins a text with one slash, and a first word with two slashes is a path, thus text."""
    typed = _COMMAND.fullmatch(line)
    if typed is None:
        return SayText(line)
    if line.startswith("//"):
        return SayText(line[1:])
    word, rest = typed.groups()
    if "/" in word:
        return SayText(line)
    command = COMMANDS.get(word)
    return UnknownCommand(clean_line(word)) if command is None else TypedCommand(command, rest)


class CommandRunner:
    """Carries out typed lines, and shows the answers on a view; CommandContext asks about the password."""

    def __init__(self, room: Room, view: AnswerView, state: ChatState) -> None:
        self.completion = TabCompletion(words_of(state), state.people.names)
        self._context = CommandContext(room, view, state)

    def run(self, line: str) -> Outcome:
        """Carry out a line."""
        if self._context.take_answer(line):
            return Done.HANDLED
        match parse(line):
            case SayText() as say:
                return self._context.say(say)
            case TypedCommand(command, rest):
                return command.run(self._context, rest)
            case UnknownCommand(word):
                return NotDone(phrases.unknown_command(word))

    async def finish(self) -> None:
        """Wait for the last answers, then cancel the commands that have none."""
        await self._context.finish()
