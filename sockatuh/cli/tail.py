"""The command `tail`, which prints what is said in a room until it is stopped."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from sockatuh.client.items import Role
from sockatuh.client.sign_in import Trust
from sockatuh.room.log import MAX_SEQ
from sockatuh.wording import client as phrases

from .connection import joined
from .errors import ExitCode
from .event_loop import run
from .jsonlines import JsonLines
from .narrator import Narrator
from .options import JsonOption, NameOption, PasswordFileOption, ServerArgument, TrustOption, Wishes
from .plain import Plain
from .questions import is_terminal, may_ask
from .reading_range import AfterOption, SinceOption, read_range

LINES_ON_A_TERMINAL: Final = 10


def tail(
    server: ServerArgument = None,
    name: NameOption = None,
    password_file: PasswordFileOption = None,
    trust: TrustOption = Trust.ASK,
    lines: Annotated[
        int | None, typer.Option("-n", "--lines", help=phrases.HELP_TAIL_LINES, metavar="N", min=0, max=MAX_SEQ)
    ] = None,
    since: SinceOption = None,
    after: AfterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect as a reader, print events, and reconnect after a loss of contact."""
    wanted = read_range(lines, since, after, LINES_ON_A_TERMINAL if is_terminal(sys.stdout) and not as_json else 0)
    wishes = Wishes(server, name, password_file, trust, may_ask(), role=Role.READER, wanted=wanted)
    run(lambda: _tail(wishes, as_json=as_json), when_stopped=ExitCode.OK)


async def _tail(wishes: Wishes, *, as_json: bool) -> None:
    async with joined(wishes) as room:
        report = JsonLines(room).report if as_json else Narrator(room, Plain(room)).report
        async for event in room:
            report(event)
