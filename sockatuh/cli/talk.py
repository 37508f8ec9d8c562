"""Talking without a screen: lines in, lines out, for a person or a program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sockatuh.protocol.client.events import PeerEvent
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .echo import unseen
from .errors import ExitCode, stop
from .jsonlines import JsonLines, read_line
from .membership import Membership
from .password_prompt import Readmission, TypedPassword
from .plain import Plain
from .questions import tell
from .slash import Done, NotTaken, obey
from .stdin import NoText, read_lines, text_of
from .story import Story

STORED_WITHIN: Final = 30.0
"""Seconds without an acknowledgement after which the end of the input is the end."""


async def talk_in_plain_lines(membership: Membership) -> None:
    """Talk with a person who types lines; what they typed is on their terminal already."""
    view = Plain(membership)
    story = Story(membership, view, marks=True, tells_own=False)
    password = TypedPassword()

    async def ask(why: str) -> str:
        view.note(why)
        tell(phrases.ASK_PASSWORD, end="")
        try:
            return await password.ask()
        finally:
            tell("")

    async def feed() -> None:
        async for line in read_lines():
            typed = line.data.decode(errors="replace")
            if not line.is_whole:
                view.note(_why("text_too_long", line.size, membership))
                continue
            if password.takes(typed):
                continue
            match obey(typed, membership, view):
                case NotTaken(why):
                    view.note(why)
                case Done.LEAVING:
                    return
                case Done.TAKEN:
                    pass

    readmission = Readmission(membership, ask, unseen)
    try:
        await _converse(membership, readmission.next_event, story.hear, feed)
    finally:
        readmission.close()


async def talk_through_a_pipe(membership: Membership) -> None:
    """Say each line of stdin as it is, and print the log."""
    view = Plain(membership)
    story = Story(membership, view, marks=False, tells_own=True)

    async def feed() -> None:
        async for line in read_lines():
            try:
                text = text_of(line)
            except NoText as fault:
                view.pass_over(line.number, _explained(fault, membership))
                continue
            match membership.fault_of(text):
                case None:
                    await membership.room_for_more()
                    membership.say(text)
                case "text_empty", _:
                    pass
                case code, size:
                    view.pass_over(line.number, _why(code, size, membership))

    await _converse(membership, membership.next_event, story.hear, feed)
    _end(view.refused)


async def talk_in_json(membership: Membership) -> None:
    """Say each line of stdin, and print what happens as JSON."""
    view = JsonLines(membership)
    view.inherit(membership.take_inherited())

    async def feed() -> None:
        async for line in read_lines():
            if line.is_whole and not line.data.strip():
                continue
            try:
                text, action = read_line(text_of(line))
            except NoText as fault:
                view.refuse(fault.code, _explained(fault, membership), input_line=line.number)
                continue
            except ValueError:
                view.refuse("bad_line", phrases.NOT_A_LINE, input_line=line.number)
                continue
            if refusal := membership.fault_of(text):
                view.refuse(refusal[0], _why(*refusal, membership), input_line=line.number)
                continue
            await membership.room_for_more()
            membership.say(text, action=action)

    await _converse(membership, membership.next_event, view.hear, feed)
    _end(view.refused)


def _explained(fault: NoText, membership: Membership) -> str:
    return fault.reason or _why(fault.code, fault.size, membership)


def _why(code: str, size: int, membership: Membership) -> str:
    most = membership.conversation.max_text
    return wording.refused(code, 0, phrases.too_long(size, most) if size > most else "")


def _end(refused: int) -> None:
    if refused:
        stop(phrases.some_refused(refused), ExitCode.REFUSED)


async def _converse(
    membership: Membership,
    next_event: Callable[[], Awaitable[PeerEvent]],
    hear: Callable[[PeerEvent], None],
    feed: Callable[[], Awaitable[None]],
) -> None:
    """Tell what happens while the input lasts, and then until all of it is stored."""

    async def follow() -> None:
        while True:
            hear(await next_event())

    async def speak() -> None:
        await feed()
        await membership.drained(STORED_WITHIN)

    tasks = {asyncio.create_task(follow()), asyncio.create_task(speak())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await membership.settle(hear)
    for task in done:
        task.result()
