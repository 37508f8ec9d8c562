"""What every typed command works with, and how it says texts and asks the server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any, Final, TypeAlias

import msgspec

from sockatuh.cli.answer_view import AnswerView
from sockatuh.cli.chat_state import ChatState
from sockatuh.cli.errors import explain
from sockatuh.cli.naming import shown_name
from sockatuh.client.room import Room
from sockatuh.errors import ClientError, NoServer, Refused
from sockatuh.room.word import one_word
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording
from sockatuh.wording.answers import NO, YES

ANSWERED_WITHIN: Final = 10.0
"""Seconds within which the server answers a command, or it has not."""
LAST_ANSWERS: Final = 1.0
"""Seconds to wait for answers to what was said or asked for just before leaving."""


class SayText(msgspec.Struct, frozen=True):
    """Say a text; `action`: in the third person; `to`: to this person only."""

    text: str
    action: bool = False
    to: str = ""


class Done(Enum):
    """What a typed line led to."""

    HANDLED = auto()
    LEAVING = auto()


class NotDone(msgspec.Struct, frozen=True):
    """The line could not be carried out; `why` is a sentence."""

    why: str


Outcome: TypeAlias = Done | NotDone


class CommandContext:
    """A room, a view for answers, and the state of the chat.

    Before a line that contains the room's password is sent, the person is asked; the next line is the answer.
    """

    def __init__(self, room: Room, view: AnswerView, state: ChatState) -> None:
        self.room, self.view, self.state = room, view, state
        self._asked_back: SayText | None = None
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def say(self, say: SayText) -> Outcome:
        """Say a text, unless the person has to be asked or it cannot be said."""
        match self.room.fault_of(say.text, say.to):
            case None:
                self.room.send(say.text, action=say.action, to=say.to)
            case "text_is_password", _:
                self._asked_back = say
                name = shown_name(say.to) if say.to else ""
                self.view.note(wording.ask_private_password(name) if name else phrases.SAY_PASSWORD)
            case "text_empty", _:
                return Done.HANDLED
            case "no_such_name", _:
                return NotDone(phrases.nobody_called(shown_name(say.to), self.nearest(say.to)))
            case _, size:
                return NotDone(phrases.refused_line(phrases.in_parts(size, self.room.max_text)))
        return Done.HANDLED

    def take_answer(self, line: str) -> bool:
        """Take a typed line if it answers the question about the password; return whether it does."""
        asked_back, self._asked_back = self._asked_back, None
        if asked_back is None:
            return False
        answer = line.strip().lower()
        if answer in YES:
            self.room.send(asked_back.text, action=asked_back.action, to=asked_back.to)
            return True
        self.view.note(phrases.NOT_SAID)
        return answer in NO

    def begin(self, command: str, work: Coroutine[Any, Any, None]) -> Outcome:
        """Begin to ask the server for something; the answer is shown when it comes."""
        if not self.room.in_contact:
            work.close()
            return NotDone(phrases.OUT_OF_CONTACT)
        if (before := self._under_way.get(command)) is not None and not before.done():
            work.close()
            return NotDone(wording.under_way(command))
        self._under_way[command] = asyncio.create_task(self._carry_out(command, work))
        return Done.HANDLED

    def nearest(self, name: str) -> str:
        """Return how the name here that is most like a name is shown, "" if none is."""
        nearest = self.state.people.nearest(name)
        return nearest and shown_name(nearest)

    def tell(self, *sentences: str | None) -> Outcome:
        """Show sentences, those that there are."""
        for sentence in sentences:
            if sentence is not None:
                self.view.note(sentence)
        return Done.HANDLED

    async def finish(self) -> None:
        """Wait for answers, LAST_ANSWERS seconds at most, then cancel what has none.

        If the room has already given a new name, it has to be remembered together with its ticket, which comes with
        the answer.
        """
        under_way = [task for task in self._under_way.values() if not task.done()]
        try:
            if under_way and self.room.in_contact and self.room.silence is None:
                await asyncio.wait(under_way, timeout=LAST_ANSWERS)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)  # a lost terminal is reported by whoever leaves

    async def _carry_out(self, command: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NoServer:
            self.view.note(wording.unanswered(command))
        except Refused as refused:
            self.view.note(explain(refused).message)
        except ClientError:
            pass


def name_in(text: str) -> str:
    """Return the name that somebody has typed, also as people are addressed in a line: `@budi`, `budi:`."""
    return one_word(text.strip().removeprefix("@").rstrip(":,"))


def number_in(text: str, most: int) -> int | None:
    """Return the number that a text is, from 1 to `most`, None if it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if 1 <= number <= most else None
