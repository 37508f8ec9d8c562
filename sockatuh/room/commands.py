"""The commands that sessions give to a room, who may give them, and the replies.

A dialect turns what a client sends into a command; the room server lets this module check and carry it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from .decisions import Occupant, Role
from .room import Room

MAX_LISTED: Final = 71
"""Name keys in one reply."""


@dataclass(frozen=True, slots=True)
class SayLine:
    """Say a line."""


@dataclass(frozen=True, slots=True)
class ListMembers:
    """List who is in the room, starting after the name `after` ("": from the first)."""

    after: str


@dataclass(frozen=True, slots=True)
class MemberList:
    """Who is in the room, one group for each name key, its member first. `more`: others follow after the last one."""

    groups: tuple[tuple[Occupant, ...], ...]
    more: bool


Command: TypeAlias = ListMembers
Reply: TypeAlias = MemberList

MAY: Final[dict[type[SayLine | Command], frozenset[Role]]] = {
    SayLine: frozenset({"member", "script"}),
    ListMembers: frozenset({"member", "script", "reader"}),
}


def may(role: Role, command: type[SayLine | Command]) -> bool:
    """Tell whether somebody in this role may give the command."""
    return role in MAY[command]


def answer(room: Room, command: Command, session: int, role: Role) -> Reply:
    """Carry out a command of a session that may give it."""
    # A script is here only to ask, so it does not list itself.
    groups, more = room.occupants_after(command.after, MAX_LISTED, session if role == "script" else None)
    return MemberList(tuple(map(tuple, groups)), more)
