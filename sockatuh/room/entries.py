"""What the log's entries say: who joined and left, who claimed a name, and what was said.

Bodies are stored as JSON objects, so any tool can read the database. The kind is stored beside the body, not in it.
Unknown fields are ignored, so an older SockAtuh reads entries to which a newer one of the same schema has added fields.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from sockatuh.errors import RowUnreadable

Kind = Literal["joined", "left", "claimed", "message", "private", "renamed"]
LINE_KINDS: Final[frozenset[Kind]] = frozenset({"message", "private"})
"""The kinds of lines: what somebody said. Of these the log may keep no text, and only so many bytes."""

_MESSAGE_COST: Final = 47
_WHISPER_COST: Final = 54
_EVENT_COST: Final = 128
"""Bytes of a body in addition to its name, owner and text; those of events are roughly one size."""


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


class Message(_Entry, frozen=True):
    """A member said something; `action` marks a `/me`."""

    text: str
    action: bool


class Whispered(_Entry, frozen=True):
    """A private line: `to` is the addressee's name, `to_owner` the fingerprint of its key."""

    text: str
    to: str
    to_owner: str


Body = Joined | Left | Claimed | Message | Whispered | Renamed
Line: TypeAlias = Message | Whispered
"""What somebody said."""


def kind_of(body: Body) -> Kind:
    """Return the kind under which this body is stored."""
    match body:
        case Joined():
            return "joined"
        case Left():
            return "left"
        case Claimed():
            return "claimed"
        case Message():
            return "message"
        case Whispered():
            return "private"
        case Renamed():
            return "renamed"


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
    return _EVENT_COST + len(body.name.encode()) + len(body.owner)


def _type_of(kind: str) -> type[Body]:
    match kind:
        case "joined":
            return Joined
        case "left":
            return Left
        case "claimed":
            return Claimed
        case "message":
            return Message
        case "private":
            return Whispered
        case "renamed":
            return Renamed
        case _:
            raise ValueError("there is no such kind")
