"""The command `who`, which lists everybody in a room."""

from __future__ import annotations

from typing import Final

from sockatuh.client.items import Member, Role
from sockatuh.client.sign_in import Trust
from sockatuh.room.moments import find_rfc3339
from sockatuh.wording import client as phrases

from .connection import joined
from .direction import apart
from .event_loop import run
from .jsonlines import print_line
from .naming import local_moment, shown_name
from .options import JsonOption, NameOption, PasswordFileOption, ServerArgument, TrustOption, Wishes
from .questions import may_ask
from .rows import NOTE_INDENT, aligned, print_wrapped

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
    rows = [phrases.WHO_COLUMNS, *(_row(member) for member in members)]
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


def _row(member: Member) -> tuple[str, ...]:
    remarks = [] if member.present else [phrases.NO_CONTACT]
    if member.role is not Role.MEMBER:
        remarks.append(f"({phrases.ROLES[member.role]})")
    if member.away is not None:  # last, because it ends with a text of somebody else's
        remarks.append(phrases.is_away(apart(member.away)))
    name, since = shown_name(member.name), local_moment(member.since)
    row = (name, since, member.dialect, member.tag or "-")
    return (*row, *remarks)
