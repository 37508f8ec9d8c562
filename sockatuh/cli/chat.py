"""The command `chat`, for a person at a terminal or for a program that reads and writes pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from sockatuh.client.items import OwnText
from sockatuh.client.room import Room
from sockatuh.client.sign_in import Trust
from sockatuh.errors import ClientError, OutputLost, Removed
from sockatuh.room.log import MAX_SEQ
from sockatuh.room.text import clean_text
from sockatuh.wording import client as phrases

from .connection import joined, profile_of
from .errors import ExitCode, stop
from .event_loop import StoppedShort, run
from .jsonlines import own_texts, print_line
from .notifications import chosen_way
from .options import NameOption, PasswordFileOption, TrustOption, Wishes
from .questions import is_terminal, may_ask, tell
from .reading_range import AfterOption, SinceOption, read_range
from .rows import print_own_texts
from .safe_output import is_lost
from .sign_in import AtTerminal
from .talk import talk_in_json, talk_in_plain_lines, talk_through_a_pipe
from .which_screen import ScreenKind, choose_screen

if TYPE_CHECKING:
    from .fullscreen.screen import FullScreen
    from .inline_screen import InlineScreen

Talk: TypeAlias = Callable[[Room, AtTerminal, Sequence[OwnText]], Coroutine[Any, Any, None]]
"""Talks; the texts are those that a killed chat had said without an answer, which stderr has told."""


class Colour(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def chat(
    server: Annotated[str | None, typer.Argument(metavar="SERVER", help=phrases.HELP_CHAT_SERVER)] = None,
    name: NameOption = None,
    password_file: PasswordFileOption = None,
    trust: TrustOption = Trust.ASK,
    lines: Annotated[
        int | None, typer.Option("-n", "--lines", help=phrases.HELP_HISTORY_LINES, metavar="N", min=0, max=MAX_SEQ)
    ] = None,
    since: SinceOption = None,
    after: AfterOption = None,
    inline: Annotated[bool, typer.Option("--inline", help=phrases.HELP_INLINE)] = False,
    plain: Annotated[bool, typer.Option("--plain", help=phrases.HELP_PLAIN)] = False,
    as_json: Annotated[bool, typer.Option("--json", help=phrases.HELP_CHAT_JSON)] = False,
    colour: Annotated[Colour, typer.Option("--color", help=phrases.HELP_COLOUR)] = Colour.AUTO,
) -> None:
    """Join a room and talk."""
    person = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    asking = may_ask() and (person or as_json)
    reads = person and not as_json
    wanted = read_range(lines, since, after, None if reads else 0)
    wishes = Wishes(server, name, password_file, trust, asking, chooses=True, reads=reads, wanted=wanted)
    screen = _choose_screen(inline=inline, plain=plain)
    chosen_way(os.environ)  # stops if it means nothing, before anybody joins
    talk = _choose(person=person, screen=screen, as_json=as_json, colour=colour)
    run(lambda: _chat(wishes, talk, greets=reads, as_json=as_json), when_stopped=ExitCode.OK)


def _choose_screen(*, inline: bool, plain: bool) -> ScreenKind:
    size = shutil.get_terminal_size() if is_terminal(sys.stdout) else None
    try:
        return choose_screen(os.environ, size, inline=inline, plain=plain)
    except ValueError as error:
        stop(str(error), ExitCode.USAGE)


def _choose(*, person: bool, screen: ScreenKind, as_json: bool, colour: Colour) -> Talk:
    if as_json:
        return lambda room, *_: talk_in_json(room)
    if not person:
        return lambda room, *_: talk_through_a_pipe(room)
    if screen is ScreenKind.PLAIN:
        return lambda room, person, _: talk_in_plain_lines(room, person, profile_of(os.environ))
    coloured = colour is Colour.ALWAYS or (colour is Colour.AUTO and not os.environ.get("NO_COLOR"))
    return lambda room, person, inherited: _talk_on_a_screen(room, person, screen, inherited, colour=coloured)


async def _chat(wishes: Wishes, talk: Talk, *, greets: bool, as_json: bool) -> None:
    person = AtTerminal()
    async with joined(wishes, person) as room:
        if greets:
            tell(phrases.welcome(room.name, room.server, room.me))
        if inherited := [] if as_json else room.take_inherited():
            tell(phrases.never_acknowledged(len(inherited)))
            print_own_texts(inherited)
        try:
            await talk(room, person, inherited)
        except asyncio.CancelledError:
            if _end(room, as_json=as_json):
                raise StoppedShort(ExitCode.NO_SERVER) from None
            raise
        except BaseException as error:
            if _end(room, as_json=as_json, was_removed=isinstance(error, Removed)) and isinstance(error, OutputLost):
                raise typer.Exit(ExitCode.NO_SERVER) from None
            raise
        if _end(room, as_json=as_json):
            raise typer.Exit(ExitCode.NO_SERVER)


def _end(room: Room, *, as_json: bool, was_removed: bool = False) -> bool:
    """Print the lines that are possibly not stored; the next start does it if nobody would see them now.

    It does it, too, if this person was removed by the admin, and had no say in when this one ends.
    """
    unstored = room.unstored()
    _report(unstored, as_json=as_json, are_kept=was_removed)
    if not (unstored and (was_removed or is_lost(sys.stderr))):
        room.forget_unsent()
    return bool(unstored)


def _report(unstored: list[OwnText], *, as_json: bool, are_kept: bool) -> None:
    """Print the lines that may not be stored; `are_kept`: on disk, for the next start."""
    if not unstored:
        return
    sentence = (phrases.not_sent_but_kept if are_kept else phrases.not_stored)(len(unstored))
    if as_json:
        with contextlib.suppress(OutputLost):  # stderr says it as well
            print_line("error", code="not_stored", message=sentence, **own_texts(unstored))
    if is_terminal(sys.stderr):
        tell("")  # after a ^C
    tell(sentence)
    print_own_texts(unstored)


async def _talk_on_a_screen(
    room: Room, person: AtTerminal, kind: ScreenKind, inherited: Sequence[OwnText], *, colour: bool
) -> None:
    screen: FullScreen | InlineScreen
    if kind is ScreenKind.FULL:
        from .fullscreen.screen import FullScreen

        screen = FullScreen(room, person, profile_of(os.environ), colour=colour, inherited=inherited)
    else:
        from .inline_screen import InlineScreen

        screen = InlineScreen(room, person, profile_of(os.environ), colour=colour)
    try:
        await screen.run()
    except (
        KeyboardInterrupt
    ):  # on the screen Ctrl-C is an ordinary key: the terminal wrote no ^C, so there is no row to end
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except ClientError:
        if screen.draft:
            tell(phrases.NOT_FINISHED)
            print_own_texts([OwnText(clean_text(screen.draft))])
        raise
