"""The command `send`, which says one text and succeeds only once the server has stored it."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated, Final

import typer

from sockatuh.client.deadline import Patience
from sockatuh.client.items import Role
from sockatuh.client.room import DEFAULT_MAX_TEXT, Room
from sockatuh.client.sign_in import Trust
from sockatuh.errors import ClientError, OutputLost, Refused
from sockatuh.room.text import clean_line, clean_text
from sockatuh.wording import client as phrases

from .connection import joined
from .errors import ExitCode, stop
from .event_loop import run
from .jsonlines import print_line
from .options import JsonOption, NameOption, PasswordFileOption, ServerOption, TrustOption, Wishes
from .questions import is_terminal, may_ask, tell

FROM_STDIN: Final = "-"
MOST_READ: Final = 1_048_576
LISTED_WITHIN: Final = 2.0
"""Seconds to wait for the names of who is here."""


def send(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT... | -]", help=phrases.HELP_WORDS, show_default=False)
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help=phrases.HELP_TO, metavar="NAME", show_default=False)] = None,
    server: ServerOption = None,
    name: NameOption = None,
    password_file: PasswordFileOption = None,
    trust: TrustOption = Trust.ASK,
    timeout: Annotated[float, typer.Option("--timeout", help=phrases.HELP_TIMEOUT, metavar="SECONDS", min=0.1)] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Say one text as a script, whose joining and leaving nobody sees."""
    if to is not None and not clean_line(to):
        stop(phrases.TO_WHOM, ExitCode.USAGE)
    text = _text_of(words or [])
    if text is None and password_file == FROM_STDIN:
        stop(phrases.STDIN_TWICE, ExitCode.USAGE)
    text = _checked(_stdin() if text is None else text)
    wishes = Wishes(server, name, password_file, trust, may_ask(), role=Role.SCRIPT, patience=Patience(timeout))
    stored: list[int] = []
    try:
        run(lambda: _send(wishes, text, to or "", stored, as_json=as_json))
    except BaseException:
        if not stored:
            raise
        # Later failures do not count: a script that is told of one would send the stored line again.


async def _send(wishes: Wishes, text: str, to: str, stored: list[int], *, as_json: bool) -> None:
    async with joined(wishes) as room:
        try:
            stored.append(await room.say(text, to=to, timeout=wishes.patience.left()))
        except Refused as refused:
            if refused.code != "no_such_name":
                raise
            nearest = await _find_nearest(room, refused.detail, wishes.patience)
            raise Refused(refused.code, detail=refused.detail, suggestion=nearest) from None
        if as_json:
            _print_receipt(stored[0])


async def _find_nearest(room: Room, name: str, patience: Patience) -> str:
    """Return the name in the room that is most like a name, "" if there is none or the server does not answer."""
    from .people_here import PeopleHere  # only a name that nobody has needs it

    people = PeopleHere()
    with contextlib.suppress(ClientError):
        people.load(await room.members(patience.left(LISTED_WITHIN)))
    return people.nearest(name)


def _print_receipt(seq: int) -> None:
    try:
        print_line("stored", seq=seq)
    except OutputLost as lost:
        if not lost.reader_left:
            tell(phrases.stored_and_not_printed(seq, lost.reason))


def _text_of(words: list[str]) -> str | None:
    """Return the text that the words make up; None if it comes from stdin."""
    if not words and is_terminal(sys.stdin):
        stop(phrases.WHICH_TEXT, ExitCode.USAGE)
    return None if words in ([], [FROM_STDIN]) else " ".join(words)


def _stdin() -> str:
    """Return the text on stdin without its final newline; of a text that is far too long keep only the size."""
    if sys.stdin is None:
        return ""
    data = sys.stdin.buffer.read(MOST_READ)
    if more := sum(len(piece) for piece in iter(lambda: sys.stdin.buffer.read(MOST_READ), b"")):
        raise Refused("text_too_long", detail=phrases.too_long(len(data) + more, DEFAULT_MAX_TEXT))
    if b"\0" in data:
        stop(phrases.TEXT_HOLDS_NUL, ExitCode.USAGE)
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        stop(phrases.TEXT_NOT_UTF8, ExitCode.USAGE)


def _checked(text: str) -> str:
    cleaned = clean_text(text)
    if not cleaned:
        raise Refused("text_empty")
    _check_size(cleaned, DEFAULT_MAX_TEXT)
    return cleaned


def _check_size(text: str, most: int) -> None:
    if (size := len(text.encode())) > most:
        raise Refused("text_too_long", detail=phrases.too_long(size, most))
