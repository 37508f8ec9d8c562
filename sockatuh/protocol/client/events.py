"""What a client's peer reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sockatuh.protocol.messages import Entry, MemberInfo
from sockatuh.protocol.seam import Address

from .inbox import Gone
from .obstacles import Obstacle


@dataclass(frozen=True, slots=True)
class ServerOffered:
    """A server answered and no key is pinned: `trust` it or `stop`."""

    server_key: bytes
    address: Address


@dataclass(frozen=True, slots=True)
class KeyMismatch:
    """A server answered with another key than the pinned one; the peer has stopped."""

    pinned: bytes
    offered: bytes


@dataclass(frozen=True, slots=True)
class VersionDiffers:
    """The server speaks another version; the peer has stopped."""

    theirs: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Something stands in the way of every address that is dialled; the peer dials on."""

    obstacles: tuple[tuple[Address, Obstacle], ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a session; `resumed`: the ticket holds, and the peer joins with it by itself."""

    room: str
    server_key: bytes
    address: Address
    resumed: bool
    max_text: int


@dataclass(frozen=True, slots=True)
class NameAccepted:
    """The name can be had at the moment."""

    name: str


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """The server said no; `code` as in the protocol, `wait` in seconds, `suggestion` a name that would do.

    Of a name that is somebody's: the `tag` of his key, and `since` when he has it or has used it last, ms since 1970.
    """

    code: str
    wait: float
    detail: str
    suggestion: str = ""
    tag: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """We are in. `again`: after a loss of contact; `rewound`: the log is another than the one we knew."""

    name: str
    log_id: bytes
    start: int
    head: int
    ticket: bytes
    again: bool
    rewound: bool


@dataclass(frozen=True, slots=True)
class EntryArrived:
    """The next entry of the log; `own` is the number of our line, if it is ours."""

    entry: Entry
    own: int | None


@dataclass(frozen=True, slots=True)
class EntriesGone:
    """Entries that are no longer kept, or not for us."""

    stretch: Gone


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything up to the head of the moment we were admitted is there."""


@dataclass(frozen=True, slots=True)
class LineStored:
    """Our line is durable, at this place."""

    number: int
    seq: int


@dataclass(frozen=True, slots=True)
class LineRefused:
    """Our line will never be stored."""

    number: int
    code: str


@dataclass(frozen=True, slots=True)
class LinesDelayed:
    """We speak too fast; the server goes on in `wait` seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class LinesHeld:
    """The server has our lines, or our JOIN, and its log can store nothing now; it goes on by itself."""


@dataclass(frozen=True, slots=True)
class MembersListed:
    """A page of the members."""

    members: tuple[MemberInfo, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class ContactLost:
    """The session is gone: `silence`, `reset`, or a code of CLOSED. The peer dials again by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeftRoom:
    """LEAVE was answered, or there is nobody left to answer it."""


PeerEvent: TypeAlias = (
    ServerOffered
    | KeyMismatch
    | VersionDiffers
    | Unreachable
    | Connected
    | NameAccepted
    | JoinRefused
    | Admitted
    | EntryArrived
    | EntriesGone
    | CaughtUp
    | LineStored
    | LineRefused
    | LinesDelayed
    | LinesHeld
    | MembersListed
    | ContactLost
    | LeftRoom
)
