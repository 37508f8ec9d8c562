"""Who is in the room, a page at a time, as WHO is answered (docs/PROTOCOL.md §5)."""

from __future__ import annotations

from typing import Final

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PLAINTEXT, TAG_LENGTH
from sockatuh.room.decisions import Here
from sockatuh.room.guests import Role
from sockatuh.room.room import Room

from .visitors import Visitor

ROLES: Final[dict[int, Role]] = {m.MEMBER: "member", m.SCRIPT: "script", m.READER: "reader"}
"""What the protocol's numbers mean in the room."""
NUMBERS: Final[dict[Role, int]] = {role: number for number, role in ROLES.items()}
PAGE: Final = MAX_PLAINTEXT - 32
"""Bytes of one page of members."""


def list_here(room: Room, asker: Visitor, after: str) -> m.Members:
    """Return a page of who is here after a name; a script that asks is not listed for that."""
    listed, more = room.here_after(after, PAGE // 16, asker.session if asker.role == "script" else None)
    infos: list[m.MemberInfo] = []
    size = 0
    for under_a_name in listed:
        page = [_info(here) for here in under_a_name]
        size += sum(len(m.encode(info)) for info in page)
        if size > PAGE:
            more = True
            break
        infos += page
    return m.Members(tuple(infos), more)


def _info(here: Here) -> m.MemberInfo:
    tag, role = here.owner[:TAG_LENGTH], NUMBERS[here.role]
    return m.MemberInfo(here.name, tag, here.dialect, here.is_present, here.since, role)
