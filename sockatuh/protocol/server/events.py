"""What the server's endpoint reports. Each value says what happened; the room server decides what to do.

`cid` is the session; `number` is the call or the line that is to be answered.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from sockatuh.protocol.seam import Address


class HandshakeRefused(msgspec.Struct, frozen=True):
    """A handshake from a proven address was refused: `rate`, `handshake` or `crowded`."""

    address: Address
    reason: str


class SessionOpened(msgspec.Struct, frozen=True):
    """A client has proved its key and its address."""

    cid: int
    address: Address
    client_key: bytes
    version: str
    role: int


class JoinAsked(msgspec.Struct, frozen=True):
    """A client wants to join; without proof and ticket it only asks whether it could have the name.

    A proof is not looked at until `open_proof`.
    """

    cid: int
    number: int
    name: str
    has_proof: bool
    by_ticket: bool
    history: int | None


class WhoAsked(msgspec.Struct, frozen=True):
    """A member wants the page of members after a name."""

    cid: int
    number: int
    after: str


class RenameAsked(msgspec.Struct, frozen=True):
    """A client wants another name for its member."""

    cid: int
    number: int
    name: str


class AwayAsked(msgspec.Struct, frozen=True):
    """A client says that its member is away, with a text that may be empty, or back (None)."""

    cid: int
    number: int
    text: str | None


class StrikeAsked(msgspec.Struct, frozen=True):
    """A client wants the text of its line `seq` removed."""

    cid: int
    number: int
    seq: int


class LineReceived(msgspec.Struct, frozen=True):
    """A member said a line; `id` (16 bytes) is the same however often the line is sent.

    `to` names the addressee of a private line; "": the line is for everybody.
    """

    cid: int
    number: int
    id: bytes
    action: bool
    text: str
    to: str = ""


class EntriesWanted(msgspec.Struct, frozen=True):
    """A member wants the entries in (after, through], which only the log still has."""

    cid: int
    after: int
    through: int


class SessionMoved(msgspec.Struct, frozen=True):
    """A client has proved that it is at a new address."""

    cid: int
    address: Address


class SessionClosed(msgspec.Struct, frozen=True):
    """A session ended after `seconds`: `left`, `idle`, `replaced`, `join_timeout`, `too_many_sessions`, `crowded`."""

    cid: int
    reason: str
    seconds: float


ServerEvent: TypeAlias = (
    HandshakeRefused
    | SessionOpened
    | JoinAsked
    | WhoAsked
    | RenameAsked
    | AwayAsked
    | StrikeAsked
    | LineReceived
    | EntriesWanted
    | SessionMoved
    | SessionClosed
)
