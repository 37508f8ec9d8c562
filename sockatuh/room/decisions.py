"""What the room decides, as values: who may come in, and what has to be appended for that."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from .entries import Body, Kind

JOIN_LINES_UP_TO: Final = 200
"""Members a room may have for each join to be shown: a thousand joins shown to a thousand are a million deliveries."""
NameCode: TypeAlias = Literal["name_invalid", "name_taken", "name_owned"]
Role: TypeAlias = Literal["member", "script", "reader"]
"""A script may say lines and give commands but is sent no entries; a reader is sent entries but says nothing."""
GUESTS: Final = 256
"""Guests in the room."""
GUESTS_OF_PLACE: Final = 10
"""Guests from one place."""


class RoomLimits(msgspec.Struct, frozen=True):
    """The admin's settings for a room: how many may be in it, and two spans in seconds.

    `ownership`: how long a name belongs to the key that used it last; `grace`: how long a lost member stays a member.
    `join_lines_up_to`: how many members there may be for a join, and the leave that follows it, to be shown.
    """

    max_members: int
    ownership: float
    grace: float
    guests: int = GUESTS
    guests_of_place: int = GUESTS_OF_PLACE
    join_lines_up_to: int = JOIN_LINES_UP_TO


class Member(msgspec.Struct, frozen=True):
    """A member of the room. `joined_at` is wall time in milliseconds, `lost_at` monotonic seconds."""

    name: str
    key: str
    owner: str
    dialect: str
    joined_at: int
    joined_seq: int
    place: str
    unshown: bool = False
    """Whether nobody was shown the join, so that nobody is to be shown the leave."""
    sessions: frozenset[int] = frozenset()
    lost_at: float | None = None
    away: str | None = None
    """What it says about being away, "" if nothing; None: it is not away."""


class NameAllowed(msgspec.Struct, frozen=True):
    """The visitor could have the name now, in this form."""

    name: str
    key: str


class NameDenied(msgspec.Struct, frozen=True):
    """The visitor cannot have the name: a code of docs/PROTOCOL.md §5, its detail, and a name that would do.

    If it belongs to somebody: `owner` is the fingerprint of their key ("" if they have none), and `since` is when they
    took it or used it last, wall time in milliseconds.
    """

    code: NameCode
    detail: str
    suggestion: str = ""
    owner: str = ""
    since: int = 0


class RoomFull(msgspec.Struct, frozen=True):
    """There is no seat for one more member from this place, which has `of_place` of the `count` that are taken."""

    bound: int
    count: int
    of_place: int


class GuestsFull(msgspec.Struct, frozen=True):
    """There is no seat for one more guest: of its place (`of_place`) or of all. `bound`: how many there may be."""

    of_place: bool
    bound: int


class Occupant(msgspec.Struct, frozen=True):
    """Who is here under a name: a member, or its guests in one role. `since` is wall time in milliseconds."""

    name: str
    owner: str
    dialect: str
    is_present: bool
    since: int
    role: Role
    away: str | None = None


class Addressee(msgspec.Struct, frozen=True):
    """To whom a private line goes: the name as the room writes it, and the fingerprint of the key ("": none).

    `dialect` is that of whoever is here under the name, "" if nobody is.
    """

    name: str
    owner: str
    dialect: str


class TooOften(msgspec.Struct, frozen=True):
    """An entry would have to be appended, which is not allowed now; nothing was changed."""


class Intent(msgspec.Struct, frozen=True):
    """What has to be appended, provided that the last entry of `key` is `expect` (0: none).

    `also` has to be appended with it, or neither.
    """

    kind: Kind
    body: Body
    key: str
    expect: int
    also: Intent | None = None


class NewName(msgspec.Struct, frozen=True):
    """The member may have this name, once `intent` is committed; None: it has it already."""

    name: str
    key: str
    intent: Intent | None


class Admit(msgspec.Struct, frozen=True):
    """The session may come in under this name, once `intent` is committed (None: at once).

    Others give up their seats for it: members, whose `left` has to be appended first, and the guests' sessions in
    `ended`.
    """

    name: str
    key: str
    owner: str
    dialect: str
    role: Role
    intent: Intent | None
    left: tuple[Intent, ...] = ()
    ended: tuple[int, ...] = ()
