"""The commands that sessions give to a room, who may give them, and the replies.

A dialect turns what a client sends into a command; the room server lets this module check and carry it out.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from . import orders
from .decisions import Occupant, Role
from .room import Room
from .text import clean_line

MAX_LISTED: Final = 71
"""Name keys in one reply."""
MAX_AWAY: Final = 80
"""Characters of the text that goes with being away."""


class SayLine(msgspec.Struct, frozen=True):
    """Say a line."""


class SayPrivately(msgspec.Struct, frozen=True):
    """Say a line to one member or guest."""


class ListMembers(msgspec.Struct, frozen=True):
    """List who is in the room, starting after the name `after` ("": from the first)."""

    after: str


class SetAway(msgspec.Struct, frozen=True):
    """Note that the member is away, with a text that may be empty, or (None) is not."""

    text: str | None


class Rename(msgspec.Struct, frozen=True):
    """Give the member another name. The log decides, so the room server answers this later."""

    name: str


class StrikeOwn(msgspec.Struct, frozen=True):
    """Remove the text of one of the member's own lines. The log decides, so the room server answers this later."""

    seq: int


class Noted(msgspec.Struct, frozen=True):
    """What the command said was noted."""


class NameGiven(msgspec.Struct, frozen=True):
    """The member has this name now, by the entry `seq`; None: it had the name already."""

    name: str
    seq: int | None = None


class Denied(msgspec.Struct, frozen=True):
    """The command was not carried out, for the reason that `code` names (docs/PROTOCOL.md §5)."""

    code: str


class MemberList(msgspec.Struct, frozen=True):
    """Who is in the room, one group for each name key, its member first. `more`: others follow after the last one."""

    groups: tuple[tuple[Occupant, ...], ...]
    more: bool


Command: TypeAlias = ListMembers | SetAway | Rename | StrikeOwn
Reply: TypeAlias = MemberList | Noted | NameGiven | Denied

Asker: TypeAlias = Role | Literal["admin"]
"""Who asks: a session in a role, or the admin at the control socket."""
Request: TypeAlias = SayLine | SayPrivately | Command | orders.Order

_ADMIN: Final[frozenset[Asker]] = frozenset({"admin"})
MAY: Final[dict[type[Request], frozenset[Asker]]] = {
    SayLine: frozenset({"member", "script"}),
    SayPrivately: frozenset({"member", "script"}),
    SetAway: frozenset({"member"}),
    Rename: frozenset({"member"}),
    ListMembers: frozenset({"member", "script", "reader"}),
    StrikeOwn: frozenset({"member"}),
    orders.Kick: _ADMIN,
    orders.Ban: _ADMIN,
    orders.Unban: _ADMIN,
    orders.Mute: _ADMIN,
    orders.Unmute: _ADMIN,
    orders.Release: _ADMIN,
    orders.Announce: _ADMIN,
    orders.Strike: _ADMIN,
}


def may(asker: Asker, request: type[Request]) -> bool:
    """Tell whether somebody may ask for this; nobody may ask for what is not in the table."""
    return asker in MAY.get(request, frozenset())


def answer(room: Room, command: ListMembers | SetAway, session: int, role: Role) -> Reply:
    """Carry out a command of a session that may give it."""
    if isinstance(command, SetAway):
        text = None if command.text is None else clean_line(command.text).strip()
        if text is not None and len(text) > MAX_AWAY:
            return Denied("text_too_long")
        room.set_away(session, text)
        return Noted()
    # A script is here only to ask, so it does not list itself.
    groups, more = room.occupants_after(command.after, MAX_LISTED, session if role == "script" else None)
    return MemberList(tuple(map(tuple, groups)), more)
