"""What the client's core reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from sockatuh.protocol.messages import Change, Entry, MemberInfo
from sockatuh.protocol.seam import Address

from .inbox import Gone
from .obstacles import Obstacle


class ServerUnknown(msgspec.Struct, frozen=True):
    """A server answered, no key is pinned, and the peer is to meet nobody new; it has stopped."""

    server_key: bytes


class KeyMismatch(msgspec.Struct, frozen=True):
    """A server answered with another key than the pinned one; the peer has stopped."""

    pinned: bytes
    offered: bytes


class VersionDiffers(msgspec.Struct, frozen=True):
    """The server speaks another version; the peer has stopped."""

    theirs: int


class AddressesUnreachable(msgspec.Struct, frozen=True):
    """None of the addresses can be reached, for these reasons; the peer keeps dialling."""

    obstacles: tuple[tuple[Address, Obstacle], ...]


class Connected(msgspec.Struct, frozen=True):
    """A session has begun; `resumed`: the ticket is good, and the peer joins with it by itself."""

    room: str
    server_key: bytes
    address: Address
    resumed: bool
    max_text: int


class NameAccepted(msgspec.Struct, frozen=True):
    """The name is free at the moment."""

    name: str


@dataclass(frozen=True, slots=True)
class HashWanted:
    """The peer needs the bcrypt hash of a password (1 to 72 bytes) with this salt and cost; see `supply_hash`."""

    password: bytes = field(repr=False)
    salt: bytes
    cost: int


class JoinRefused(msgspec.Struct, frozen=True):
    """The server refused; `code` as in the protocol, `wait` in seconds, `suggestion` a name that is legal.

    The peer itself refuses with `client_outdated` (the server wants another kind of proof), `password_changed` (since
    the peer was let in) and `server_unproven`: the server did not prove that it knows the password. `detail` is then
    `offer` (nobody can prove anything by its offer), `welcome` (it let us in) or `proofs` (it has had enough of them).
    For a name that is taken: the `tag` of its holder's key, and when it joined or last used the name (ms since 1970).
    """

    code: str
    wait: float
    detail: str
    suggestion: str = ""
    tag: str = ""
    since: int = 0


class Removed(msgspec.Struct, frozen=True):
    """The admin has removed us, or does not let us in (`kicked`, `banned`); the peer has stopped.

    The order ends in `wait` seconds (0: never, or the server does not say), `detail` is the reason that was given.
    """

    code: str
    wait: float
    detail: str


class Admitted(msgspec.Struct, frozen=True):
    """We are in the room. `again`: after a loss of contact; `rewound`: the log is not the one we knew.

    `nodes` are further addresses of the room, each `host:port` as the server wrote it. `begins` is the seq after which
    we read: before `start` if earlier entries were wanted too, after it if there are too many.
    """

    name: str
    log_id: bytes
    start: int
    head: int
    ticket: bytes
    again: bool
    rewound: bool
    nodes: tuple[str, ...] = ()
    begins: int = 0


class EntryArrived(msgspec.Struct, frozen=True):
    """The next entry of the log; `own` is the number of our line, if it is ours."""

    entry: Entry
    own: int | None


class PresenceChanged(msgspec.Struct, frozen=True):
    """How many members are here, and which of them have changed; unlike entries, changes may be lost."""

    here: int
    changed: tuple[Change, ...]


class EntriesGone(msgspec.Struct, frozen=True):
    """Entries that are no longer kept."""

    stretch: Gone


class CaughtUp(msgspec.Struct, frozen=True):
    """Everything up to the head at the time we were admitted has arrived."""


class LineStored(msgspec.Struct, frozen=True):
    """Our line is durable, as entry `seq`."""

    number: int
    seq: int


class LineRefused(msgspec.Struct, frozen=True):
    """Our line will never be stored. For `muted`: we may speak in `wait` seconds (0: unknown); `detail` says why."""

    number: int
    code: str
    wait: float = 0.0
    detail: str = ""


class LinesDelayed(msgspec.Struct, frozen=True):
    """Our lines come too fast; the server resumes in `wait` seconds."""

    wait: float


class LinesHeld(msgspec.Struct, frozen=True):
    """The server has our lines, our JOIN, RENAME or STRIKE, but can store nothing now; it resumes by itself."""


class MembersListed(msgspec.Struct, frozen=True):
    """A page of the members, as `request` asked for."""

    members: tuple[MemberInfo, ...]
    more: bool
    request: int = 0


class NameChanged(msgspec.Struct, frozen=True):
    """We are called `name` now: we asked for it (`request`), or another session of ours did (None).

    `ticket` is for the new name; None if another session got it, as the one we have is as good. It has no bytes if the
    room's password was changed since we joined.
    """

    name: str
    ticket: bytes | None
    request: int | None


class RequestDone(msgspec.Struct, frozen=True):
    """The server has done what `request` asked for: noted that we are away or back, or struck a line."""

    request: int


class RequestRefused(msgspec.Struct, frozen=True):
    """The server did not do what `request` asked for."""

    request: int
    why: JoinRefused


class ContactLost(msgspec.Struct, frozen=True):
    """The session has ended: `silence`, `reset`, or a code of CLOSED. The peer dials again by itself."""

    reason: str


class LeftRoom(msgspec.Struct, frozen=True):
    """LEAVE was answered, or there is no server to answer it."""


PeerEvent: TypeAlias = (
    ServerUnknown
    | KeyMismatch
    | VersionDiffers
    | AddressesUnreachable
    | Connected
    | NameAccepted
    | HashWanted
    | JoinRefused
    | Removed
    | Admitted
    | EntryArrived
    | PresenceChanged
    | EntriesGone
    | CaughtUp
    | LineStored
    | LineRefused
    | LinesDelayed
    | LinesHeld
    | MembersListed
    | NameChanged
    | RequestDone
    | RequestRefused
    | ContactLost
    | LeftRoom
)
