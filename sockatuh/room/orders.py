"""What an admin, or for some of it a member, may order: values, as the control socket takes them in JSON.

An order is one object, such as `{"do":"kick","name":"budi","for":300,"reason":"flooding","as":"tom"}`. Unknown fields
are refused, so a typing error does not become half an order. `commands.py` says who may give which (docs/CONTROL.md).
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .text import clean_line

MAX_REASON: Final = 200
"""Characters of a reason."""
MAX_CLAIMED: Final = 64
"""Characters of the login name that a command claims."""
MAX_IN_FORCE: Final = 10_000
"""Kicks, bans and mutes in force at one time."""
MAX_UNDER_WAY: Final = 64
"""Orders that may wait for the disk, and as many strikes; no more are taken."""
STORED_WITHIN: Final = 5.0
"""Seconds after which whoever gave an order is told that it is not stored yet; it stays queued."""
MAX_SPAN: Final = 100 * 365 * 86_400.0
"""Seconds of the longest span; a longer one has to be for ever."""
KICK_SECONDS: Final = 60.0
BAN_SECONDS: Final = 86_400.0
MUTE_SECONDS: Final = 600.0
"""For how long each is in force if the order does not say so."""

Text: TypeAlias = Annotated[str, Meta(max_length=16_384)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=MAX_SPAN)]
Span: TypeAlias = Seconds | UnsetType | None
"""For how many seconds; None: for ever, UNSET: as long as is usual for the order."""


class Actor(msgspec.Struct, frozen=True):
    """The admin who gives an order: the uid as the server sees it, and the login name that the command claimed."""

    uid: int
    name: str = ""


class Attributed(msgspec.Struct, frozen=True, tag_field="do", tag=str.lower, forbid_unknown_fields=True, kw_only=True):
    """What every order, and every query, may say: `as`, the login name of whoever gives it."""

    as_: Annotated[str, Meta(max_length=256)] = msgspec.field(default="", name="as")


class Kick(Attributed, frozen=True):
    """Remove a member, and refuse its joins for a while."""

    name: Text
    for_: Seconds | UnsetType = msgspec.field(default=UNSET, name="for")
    reason: Text = ""
    yes: bool = False
    dry_run: bool = False


class Ban(Attributed, frozen=True):
    """Refuse the joins of a target, and remove whoever matches.

    `target`: `NAME` (its key), `key:TAG`, an address or network, or `name:NAME`. `strangers`: of an address, only keys
    that are new to the room.
    """

    target: Text
    for_: Span = msgspec.field(default=UNSET, name="for")
    reason: Text = ""
    strangers: bool = False
    yes: bool = False
    dry_run: bool = False


class Unban(Attributed, frozen=True):
    """End a ban, or a kick that is still in force: its id, or its target."""

    target: Text


class Mute(Attributed, frozen=True):
    """Store no lines of a member, or of a target as in Ban that is a name or a key."""

    name: Text
    for_: Span = msgspec.field(default=UNSET, name="for")
    reason: Text = ""
    dry_run: bool = False


class Unmute(Attributed, frozen=True):
    """End a mute: its id, or the name."""

    name: Text


class Release(Attributed, frozen=True):
    """Free a name that belongs to a key."""

    name: Text
    reason: Text = ""


class Announce(Attributed, frozen=True):
    """Say a line to everybody in the admin's name."""

    text: Text


class Strike(Attributed, frozen=True):
    """Remove the text of a line: the one at `seq`, or the last one that `last` said."""

    seq: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None = None
    last: Text = ""
    reason: Text = ""


RoomOrder: TypeAlias = Kick | Ban | Unban | Mute | Unmute | Release | Announce
"""The orders about which the room decides from what it is at that moment."""
Order: TypeAlias = RoomOrder | Strike
"""What changes the room, and is an entry of its log."""


def find_reason(order: Order) -> str | None:
    """Return the reason that is given with an order, cleaned, "" if there is none; None if it is too long."""
    reason = clean_line(getattr(order, "reason", "")).strip()
    return reason if len(reason) <= MAX_REASON else None


# Replies. The last line of an answer has the type `done` (`would` for a dry run) or `error`.
class Kicked(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a kick removed, with how many sessions, from where; `until` (RFC 3339) its joins are refused.

    `removed` are all members that are gone: one key may be here under several names. `members` were in the room.
    """

    seq: int
    name: str
    key: str
    sessions: int
    addresses: tuple[str, ...]
    until: str
    reason: str
    members: int
    removed: tuple[str, ...] = ()


class BanSet(msgspec.Struct, frozen=True, kw_only=True):
    """A ban: its `id` (0 in a dry run), what it is about, and whom it removed.

    `what` is the target as `bans` lists it. `addresses` are those that a banned key came from, and `others` the members
    at those addresses whom it does not concern. `members` were in the room. `replaced`: the ban it replaced, or 0.
    """

    id: int
    what: str
    name: str
    key: str
    until: str | None
    strangers: bool
    reason: str
    removed: tuple[str, ...]
    members: int
    addresses: tuple[str, ...]
    others: tuple[str, ...]
    replaced: int


class Lifted(msgspec.Struct, frozen=True, kw_only=True):
    """The order `id` is no longer in force; `seq` is the entry that says so."""

    seq: int
    id: int
    order: str
    what: str


class MuteSet(msgspec.Struct, frozen=True, kw_only=True):
    """A mute: its `id` (0 in a dry run), whom it concerns, and its end."""

    id: int
    what: str
    name: str
    key: str
    until: str | None
    reason: str
    replaced: int


class NameReleased(msgspec.Struct, frozen=True, kw_only=True):
    """A name that is free now; it belonged to `key` (a tag), which used it last at `used` (RFC 3339)."""

    seq: int
    name: str
    key: str
    used: str


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """A line that everybody was told, as it is stored; `members` are in the room."""

    seq: int
    name: str
    text: str
    members: int


class LineStruck(msgspec.Struct, frozen=True, kw_only=True):
    """A line whose text is gone: who said it, when (RFC 3339), and to whom if it was private."""

    seq: int
    line: int
    name: str
    at: str
    to: str


Done: TypeAlias = Kicked | BanSet | Lifted | MuteSet | NameReleased | Announced | LineStruck


class OrderDenied(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was not carried out, or a query not answered, for the reason that `code` names (docs/CONTROL.md).

    `nearest` are names like the one that was not found, or targets of which one may be meant; `count` of `members`
    would be removed. `problems` are those of the settings.
    """

    code: str
    name: str = ""
    nearest: tuple[str, ...] = ()
    count: int = 0
    members: int = 0
    problems: tuple[str, ...] = ()


Reply: TypeAlias = Done | OrderDenied
