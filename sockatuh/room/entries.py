"""What the log's entries say: who joined and left, who claimed a name, what was said, and what the admin ordered.

Bodies are stored as JSON objects, so any tool can read the database. The kind is stored beside the body, not in it.
Unknown fields are ignored, so an older SockAtuh reads entries to which a newer one of the same schema has added fields.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from sockatuh.errors import RowUnreadable

Kind = Literal[
    "joined",
    "left",
    "claimed",
    "message",
    "private",
    "renamed",
    "removed",
    "banned",
    "unbanned",
    "muted",
    "unmuted",
    "released",
    "struck",
]
LINE_KINDS: Final[frozenset[Kind]] = frozenset({"message", "private"})
"""The kinds of lines: what somebody said. Of these the log may keep no text, and only so many bytes."""
ORDER_KINDS: Final[frozenset[Kind]] = frozenset({"removed", "banned", "unbanned", "muted", "unmuted"})
"""The kinds of orders, of which the last of a key is in force until its end, if it has one (`until`)."""

_MESSAGE_COST: Final = 47
_WHISPER_COST: Final = 54
_EVENT_COST: Final = 128
_ORDER_COST: Final = 256
"""Bytes of a body in addition to its name, owner and text; those of events are roughly one size."""


_AS: Final = {"as_": "as"}
TAG_LENGTH: Final = 8
"""Characters of a key's fingerprint that stand for it, and the fewest by which an order may name a key."""
_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""What goes to clients as it stands in the database, and has to fit there (docs/PROTOCOL.md §2)."""


class _Entry(msgspec.Struct, frozen=True):
    """The fields all bodies share. `owner` is the fingerprint of a key, "" for classic members.

    `since` is the seq of the first entry from which this owner has used this name without interruption, 0: this one.
    """

    name: str
    owner: str


class Joined(_Entry, frozen=True):
    """A member joined: in which dialect, from which address, with which client.

    `unshown`: the room was too full for a line about it, so nobody is shown this, nor the `left` that follows.
    """

    dialect: str
    address: str
    version: str
    since: int = 0
    unshown: bool = False


class Left(_Entry, frozen=True):
    """A member left: why (docs/PROTOCOL.md §8), and after how many seconds; `place` is where it had come from.

    With the reason `renamed` it is still here, under the name in `renamed_to`; that entry is the one before this.
    """

    reason: str
    seconds: float
    since: int = 0
    place: str = ""
    unshown: bool = False
    renamed_to: str = ""


class Renamed(_Entry, frozen=True):
    """A member has another name: `name` before, `new` from now on. Under `new` this is its membership.

    The key of this entry is that of the new name; unless it is also that of the old one, `left` follows for that.
    `joined_at` is when it joined, wall time in milliseconds; the other fields are as in `joined` and `left`.
    """

    new: str
    dialect: str
    joined_at: int
    since: int = 0
    place: str = ""
    unshown: bool = False


class Claimed(_Entry, frozen=True):
    """A guest made the name its key's own without becoming a member; `place` is where it came from."""

    since: int = 0
    place: str = ""


class Message(_Entry, frozen=True, omit_defaults=True, rename=_AS):
    """A member said something; `action` marks a `/me`. A line with the owner ADMIN_OWNER is the admin's.

    `struck`: the text was removed, and is "" now. `by` and `as_` are as in an order, in the admin's lines alone.
    """

    text: str
    action: bool
    struck: bool = False
    by: int | None = None
    as_: str = ""


class Whispered(_Entry, frozen=True, omit_defaults=True):
    """A private line: `to` is the addressee's name, `to_owner` the fingerprint of its key. `struck`: see Message."""

    text: str
    to: str
    to_owner: str
    struck: bool = False


class Struck(_Entry, frozen=True, rename=_AS):
    """The text of the line `line`, said at `line_at` (ms since 1970), was removed; `name` and `owner` are its author's.

    `to_owner`: the line was private, to that key. `by` and `as_` are as in an order; `by` is None if the author did it.
    """

    line: _Number
    line_at: _Number
    to_owner: str = ""
    by: int | None = None
    as_: str = ""
    reason: str = ""


class Released(_Entry, frozen=True, rename=_AS):
    """The admin freed a name, which had belonged to the key `owner`; the key of this entry is the name's."""

    by: int | None = None
    as_: str = ""
    reason: str = ""


class Ordered(_Entry, frozen=True, rename=_AS):
    """The fields of all orders that stay in force, and whom they are about.

    With an `owner` that is a key, which was seen under `name`. Else, with an `address`, it is an IP address or network
    (CIDR), or with a `name` too the classic member of that name there. Else it is `name`, and whoever looks like it.

    `by` is the uid of whoever gave the order, as the server sees it, and `as_` the login name that the command claimed.
    """

    address: str
    by: int | None
    as_: str
    reason: str


class Removed(Ordered, frozen=True, rename=_AS):
    """A member was removed (kick), and may not return before `until` (RFC 3339)."""

    until: str


class Banned(Ordered, frozen=True, rename=_AS):
    """A target may not join before `until` (RFC 3339; None: ever). `strangers`: that goes for keys new to the room."""

    until: str | None
    strangers: bool = False


class Unbanned(Ordered, frozen=True, rename=_AS):
    """The ban with this target has ended; `lifted` is the seq of its entry."""

    lifted: int


class Muted(Ordered, frozen=True, rename=_AS):
    """A target may say nothing before `until` (RFC 3339; None: ever)."""

    until: str | None


class Unmuted(Ordered, frozen=True, rename=_AS):
    """The mute with this target has ended; `lifted` is the seq of its entry."""

    lifted: int


def what_of(ordered: Ordered) -> str:
    """Return whom an order is about: `key:TAG`, an address or network, `name:NAME`, or (classic) `NAME@ADDRESS`."""
    if ordered.owner:
        return f"key:{ordered.owner[:TAG_LENGTH]}"
    if ordered.address:
        return f"{ordered.name}@{ordered.address}" if ordered.name else ordered.address
    return f"name:{ordered.name}"


ADMIN_OWNER: Final = "server"
"""The owner of the admin's lines: no key has this fingerprint."""
OrderEntry: TypeAlias = Removed | Banned | Unbanned | Muted | Unmuted
"""Who may be in the room, and who may speak; of each target and kind the last one is in force."""
Body = Joined | Left | Claimed | Message | Whispered | Renamed | Released | Struck | OrderEntry
Line: TypeAlias = Message | Whispered
"""What somebody said."""


def without_text(line: Line) -> Line:
    """Return what stays of a line whose text is removed."""
    return msgspec.structs.replace(line, text="", struck=True)


def kind_of(body: Body) -> Kind:
    """Return the kind under which this body is stored."""
    return _KINDS[type(body)]


def encode_body(body: Body) -> bytes:
    """Encode the body as a JSON object."""
    return msgspec.json.encode(body)


def decode_body(kind: str, data: bytes) -> Body:
    """Decode the body of an entry of this kind; raises RowUnreadable if the kind is unknown or the body damaged."""
    try:
        return msgspec.json.decode(data, type=_type_of(kind))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RowUnreadable(f"an entry of kind {kind!r} cannot be read: {error}") from error


def size_of(body: Body) -> int:
    """Return about how many bytes the body takes as JSON."""
    if isinstance(body, Message):
        return _MESSAGE_COST + len(body.name.encode()) + len(body.owner) + len(body.text.encode())
    if isinstance(body, Whispered):
        size = len(body.name.encode()) + len(body.owner) + len(body.to.encode()) + len(body.to_owner)
        return _WHISPER_COST + size + len(body.text.encode())
    if isinstance(body, Ordered):
        return _ORDER_COST + len(body.name.encode()) + len(body.reason.encode())
    return _EVENT_COST + len(body.name.encode()) + len(body.owner)


def _type_of(kind: str) -> type[Body]:
    if kind not in _TYPES:
        raise ValueError("there is no such kind")
    return _TYPES[kind]


_KINDS: Final[dict[type[Body], Kind]] = {
    Joined: "joined",
    Left: "left",
    Claimed: "claimed",
    Message: "message",
    Whispered: "private",
    Renamed: "renamed",
    Removed: "removed",
    Banned: "banned",
    Unbanned: "unbanned",
    Muted: "muted",
    Unmuted: "unmuted",
    Released: "released",
    Struck: "struck",
}
_TYPES: Final[dict[str, type[Body]]] = {kind: each for each, kind in _KINDS.items()}
