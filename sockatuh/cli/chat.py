"""The command `chat`: somebody at a terminal, or a program at both ends of a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import typer

from sockatuh.errors import OutputLost
from sockatuh.wording import client as phrases

from .connection import joined
from .errors import ExitCode
from .event_loop import StoppedShort, run
from .jsonlines import print_line
from .membership import Membership
from .options import NameOption, PasswordFileOption, ServerArgument, Trust, TrustOption, Wishes
from .questions import is_terminal, may_ask, tell
from .reading_range import AfterOption, SinceOption, read_range
from .rows import print_own_texts
from .safe_output import is_lost
from .talk import talk_in_json, talk_in_plain_lines, talk_through_a_pipe

Talk: TypeAlias = Callable[[Membership], Coroutine[Any, Any, None]]


class Colour(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def chat(
    server: ServerArgument = None,
    name: NameOption = None,
    password_file: PasswordFileOption = None,
    trust: TrustOption = Trust.ASK,
    lines: Annotated[
        int | None, typer.Option("-n", "--lines", help=phrases.HELP_HISTORY_LINES, metavar="N", min=0)
    ] = None,
    since: SinceOption = None,
    after: AfterOption = None,
    plain: Annotated[bool, typer.Option("--plain", help=phrases.HELP_PLAIN)] = False,
    as_json: Annotated[bool, typer.Option("--json", help=phrases.HELP_CHAT_JSON)] = False,
    colour: Annotated[Colour, typer.Option("--color", help=phrases.HELP_COLOUR)] = Colour.AUTO,
) -> None:
    """Come into a room, and talk."""
    person = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    asking = may_ask() and (person or as_json)
    wanted = read_range(lines, since, after, None if person and not as_json else 0)
    wishes = Wishes(server, name, password_file, trust, asking, chooses=True, wanted=wanted)
    talk = _choose(person=person, plain=plain or os.environ.get("TERM") == "dumb", as_json=as_json, colour=colour)
    run(lambda: _chat(wishes, talk, greets=person and not as_json, as_json=as_json), when_stopped=ExitCode.OK)


def _choose(*, person: bool, plain: bool, as_json: bool, colour: Colour) -> Talk:
    if as_json:
        return talk_in_json
    if not person:
        return talk_through_a_pipe
    if plain:
        return talk_in_plain_lines
    coloured = colour is Colour.ALWAYS or (colour is Colour.AUTO and not os.environ.get("NO_COLOR"))
    return lambda membership: _talk_on_a_screen(membership, colour=coloured)


async def _chat(wishes: Wishes, talk: Talk, *, greets: bool, as_json: bool) -> None:
    async with joined(wishes) as membership:
        if greets:
            tell(phrases.welcome(membership.room, membership.conversation.server, membership.name))
        if not as_json and (inherited := membership.take_inherited()):
            tell(phrases.never_acknowledged(len(inherited)))
            print_own_texts(inherited)
        try:
            await talk(membership)
        except asyncio.CancelledError:
            if _end(membership, as_json=as_json):
                raise StoppedShort(ExitCode.NO_SERVER) from None
            raise
        except BaseException as error:
            if _end(membership, as_json=as_json) and isinstance(error, OutputLost):
                raise typer.Exit(ExitCode.NO_SERVER) from None
            raise
        if _end(membership, as_json=as_json):
            raise typer.Exit(ExitCode.NO_SERVER)


def _end(membership: Membership, *, as_json: bool) -> bool:
    """Give back what nobody may have, if there is anything; the next time, if nobody can be told now."""
    unstored = membership.unstored()
    _report(unstored, as_json=as_json)
    if not (unstored and is_lost(sys.stderr)):
        membership.unsent.close()
    return bool(unstored)


def _report(unstored: list[str], *, as_json: bool) -> None:
    """Give back what was said and nobody may have."""
    if not unstored:
        return
    sentence = phrases.not_stored(len(unstored))
    if as_json:
        with contextlib.suppress(OutputLost):  # stderr has it too
            print_line("error", code="not_stored", message=sentence, texts=unstored)
    if is_terminal(sys.stderr):
        tell("")  # behind a ^C
    tell(sentence)
    print_own_texts(unstored)


async def _talk_on_a_screen(membership: Membership, *, colour: bool) -> None:
    from .screen import Screen

    try:
        await Screen(membership, colour=colour).run()
    except KeyboardInterrupt:  # a key like any other there: no ^C was written, so there is no row to end
        raise typer.Exit(ExitCode.INTERRUPTED) from None
