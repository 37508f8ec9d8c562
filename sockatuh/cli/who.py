"""The command `who`, which lists everybody in a room."""

from __future__ import annotations

from typing import Final

from sockatuh.client.items import Member, Role
from sockatuh.client.sign_in import Trust
from sockatuh.room.moments import find_rfc3339
from sockatuh.wording import client as phrases

from .connection import joined
from .event_loop import run
from .jsonlines import print_line
from .options import JsonOption, NameOption, PasswordFileOption, ServerArgument, TrustOption, Wishes
from .questions import may_ask
from .rows import NOTE_INDENT, aligned, member_row, print_wrapped

ANSWERED_WITHIN: Final = 10.0


def who(
    server: ServerArgument = None,
    name: NameOption = None,
    password_file: PasswordFileOption = None,
    trust: TrustOption = Trust.ASK,
    as_json: JsonOption = False,
) -> None:
    """List the members as a script, whose joining and leaving nobody sees."""
    wishes = Wishes(server, name, password_file, trust, may_ask(), role=Role.SCRIPT)
    run(lambda: _who(wishes, as_json=as_json))


async def _who(wishes: Wishes, *, as_json: bool) -> None:
    async with joined(wishes) as room:
        members = await room.members(ANSWERED_WITHIN)
    if as_json:
        for member in members:
            _print_json(member)
        return
    rows = [phrases.WHO_COLUMNS, *map(member_row, members)]
    print_wrapped(aligned(rows), NOTE_INDENT)


def _print_json(member: Member) -> None:
    print_line(
        "member",
        name=member.name,
        since=find_rfc3339(member.since),
        dialect=member.dialect,
        key=member.tag or None,
        present=member.present,
        away=member.away,
        **{"as": member.role},
    )
