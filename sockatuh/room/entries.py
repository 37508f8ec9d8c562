"""What the log holds: who joined and left, who claimed a name, and what was said.

Bodies are JSON objects, so that the database can be read with any tool. The kind stands beside the body, not in it. A
field that is not known is ignored, so an older SockAtuh reads what a newer one of the same schema has added to.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sockatuh.errors import StoreError

Kind = Literal["joined", "left", "claimed", "message"]


class _Entry(msgspec.Struct, frozen=True):
    """What all entries share: an immutable JSON object. `owner` is a key's fingerprint, "" for classic members.

    `since` is the seq of the first entry by which this owner used this name without interruption, 0 for this very one.
    """

    name: str
    owner: str


class Joined(_Entry, frozen=True):
    """A member came: by which dialect, from which address, with which client."""

    dialect: str
    address: str
    version: str
    since: int = 0


class Left(_Entry, frozen=True):
    """A member went: why (docs/PROTOCOL.md §8), after how many seconds in the room; `place`: where it had come from."""

    reason: str
    seconds: float
    since: int = 0
    place: str = ""


class Claimed(_Entry, frozen=True):
    """A guest took the name into its key's possession, without being a member; `place`: where it came from."""

    since: int = 0
    place: str = ""


class Message(_Entry, frozen=True):
    """A line was said; `action` marks a `/me`."""

    text: str
    action: bool


Body = Joined | Left | Claimed | Message


def kind_of(body: Body) -> Kind:
    """Name the kind of entry under which this body stands in the log."""
    match body:
        case Joined():
            return "joined"
        case Left():
            return "left"
        case Claimed():
            return "claimed"
        case Message():
            return "message"


def encode_body(body: Body) -> bytes:
    """Write the body as a JSON object."""
    return msgspec.json.encode(body)


def decode_body(kind: str, data: bytes) -> Body:
    """Read the body of an entry of this kind. Raises StoreError when the kind is not known or the body damaged."""
    try:
        return msgspec.json.decode(data, type=_type_of(kind))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoreError(f"an entry of kind {kind!r} cannot be read: {error}") from error


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
        case _:
            raise ValueError("there is no such kind")
