"""Talks without a screen, by lines on stdin and stdout, with a person or a program."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Final

from sockatuh.client.items import Event, Here
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.errors import ClientError, NoServer, Refused
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .chat_state import ChatState
from .commands.context import LAST_ANSWERS
from .errors import ExitCode, explain, stop
from .jsonlines import JsonLines, read_line, read_strike
from .narrator import Narrator
from .notifications import write_to_terminal
from .plain import Plain
from .questions import tell
from .sign_in import AtTerminal
from .slash import CommandRunner, Done, NotDone
from .stdin import NoText, read_lines, text_of

STORED_WITHIN: Final = 30.0
"""Seconds without an acknowledgement after which the command ends although lines are unanswered."""
LAST_WORDS: Final = 10.0
"""Seconds without an acknowledgement after which a screen is left although lines are unsent."""


class TypedPassword:
    """Reads a password from the typed lines: after `ask`, the next line is the password."""

    def __init__(self) -> None:
        self._wanted: asyncio.Future[str] | None = None

    async def ask(self) -> str:
        """Wait for the next line."""
        self._wanted = asyncio.get_running_loop().create_future()
        return await self._wanted

    def takes(self, line: str) -> bool:
        """Take a typed line if a password is awaited; tell whether it was."""
        if self._wanted is None or self._wanted.done():
            return False
        self._wanted.set_result(line)
        return True


async def talk_in_plain_lines(room: Room, person: AtTerminal, profile: Profile) -> None:
    """Talk with a person who types lines; own lines are not printed again, as the terminal has echoed them."""
    state = ChatState(room, profile, write_to_terminal, os.environ)
    view = Plain(room, state.held)
    narrator = Narrator(room, view, state, tells_own=False)
    commands = CommandRunner(room, view, state)
    password = TypedPassword()

    async def ask_again(why: str) -> str:
        view.note(why)
        tell(phrases.ASK_PASSWORD, end="")
        try:
            return await password.ask()
        finally:
            tell("")

    async def feed() -> None:
        async for line in read_lines():
            state.notifier.touch()
            typed = line.data.decode(errors="replace")
            if not line.is_whole:
                view.note(_why("text_too_long", line.size, room))
                continue
            if password.takes(typed):
                continue
            match commands.run(typed):
                case NotDone(why):
                    view.note(why)
                case Done.LEAVING:
                    break
                case Done.HANDLED:
                    pass
        await commands.finish()

    person.ask_again, person.hides_again = ask_again, True
    try:
        await _converse(room, narrator.report, feed)
    finally:
        try:
            await commands.finish()
        finally:
            state.close()
            person.answered()


async def talk_through_a_pipe(room: Room) -> None:
    """Say each line of stdin verbatim, and print the log."""
    view = Plain(room)
    narrator = Narrator(room, view)

    async def feed() -> None:
        async for line in read_lines():
            try:
                text = text_of(line)
            except NoText as fault:
                view.pass_over(line.number, _explained(fault, room))
                continue
            match room.fault_of(text):
                case None:
                    await room.room_for_more()
                    room.send(text)
                case "text_empty", _:
                    pass
                case code, size:
                    view.pass_over(line.number, _why(code, size, room))

    await _converse(room, narrator.report, feed)
    _end(view.refused)


async def talk_in_json(room: Room) -> None:
    """Say each line of stdin, and print events as JSON."""
    view = JsonLines(room)
    view.inherit(room.take_inherited())

    async def feed() -> None:
        async for line in read_lines():
            if line.is_whole and not line.data.strip():
                continue
            try:
                if (seq := read_strike(text_of(line))) is not None:
                    await _strike(room, seq, view, line.number)
                    continue
                text, action, to = read_line(text_of(line))
            except NoText as fault:
                view.refuse(fault.code, _explained(fault, room), input_line=line.number)
                continue
            except ValueError:
                view.refuse("bad_line", phrases.NOT_A_LINE, input_line=line.number)
                continue
            if refusal := room.fault_of(text, to):
                view.refuse(refusal[0], _why(*refusal, room), input_line=line.number)
                continue
            await room.room_for_more()
            room.send(text, action=action, to=to)

    await _converse(room, view.report, feed)
    _end(view.refused)


async def _strike(room: Room, seq: int, view: JsonLines, number: int) -> None:
    """Remove the text of an own line; the event tells that it is gone, an error that it is not."""
    try:
        await room.strike(seq, STORED_WITHIN)
    except (Refused, NoServer) as error:
        why = explain(error)
        view.refuse(why.code, why.message, input_line=number, strike=seq)


async def report_last_answers(room: Room, report: Callable[[Event], None]) -> None:
    """Report events for up to LAST_ANSWERS seconds more, while lines are unanswered and contact lasts."""
    with contextlib.suppress(TimeoutError, ClientError, StopAsyncIteration):
        async with asyncio.timeout(LAST_ANSWERS):
            events = aiter(room)
            while events.is_behind or (room.unanswered and room.in_contact):
                report(await anext(events))


def _explained(fault: NoText, room: Room) -> str:
    return fault.reason or _why(fault.code, fault.size, room)


def _why(code: str, size: int, room: Room) -> str:
    most = room.max_text
    return wording.refused(code, 0, phrases.too_long(size, most) if size > most else "")


def _end(refused: int) -> None:
    if refused:
        stop(phrases.some_refused(refused), ExitCode.REFUSED)


async def _converse(room: Room, report: Callable[[Event], None], feed: Callable[[], Awaitable[None]]) -> None:
    """Report events until the input has ended, all of it is stored, and what was asked for of the log is reported."""
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for event in room:
            report(event)
            if isinstance(event, Here):
                caught_up.set()

    async def speak() -> None:
        await feed()
        await room.drained(STORED_WITHIN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STORED_WITHIN):
                await caught_up.wait()

    tasks = {asyncio.create_task(follow()), asyncio.create_task(speak())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await report_last_answers(room, report)
    for task in done:
        task.result()
