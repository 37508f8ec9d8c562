"""The seam between the room server and the ways into the room.

A dialect is a core (`protocol.seam`) that turns datagrams into six events and takes commands in return. The room server
knows nothing else about it: it never asks which dialect a visitor uses, only what that dialect declares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import msgspec

from sockatuh.protocol.seam import Address, Core
from sockatuh.room.changes import PresenceChange
from sockatuh.room.commands import Command, Reply
from sockatuh.room.decisions import Role
from sockatuh.room.grace import LeftReason
from sockatuh.room.log import Row

WEB: Final = "web"
"""What those are shown as who come by a gateway for browsers (docs/WEB.md), whatever its dialect."""
WEB_CLIENT: Final = "sockatuh-web "
"""How the version of such a gateway begins."""


class Visitor(msgspec.Struct, eq=False):
    """One session, of whichever dialect.

    `session` is unique across all dialects. `cid` is the number under which the next process can wake the client with a
    RESET, None if its dialect has none. `owner` is the fingerprint of the client's key, "" if its dialect has no keys.
    `name` is set once the visitor has joined; `record` is its record in the history.
    """

    session: int
    dialect: Dialect
    address: Address
    owner: str
    version: str
    role: Role
    opened_at: float
    cid: int | None = None
    name: str = ""
    record: int | None = None

    @property
    def way(self) -> str:
        """How this visitor comes, as others are shown it: by its dialect, or `web`, which is what it says of itself."""
        return WEB if self.dialect.owns_names and self.version.startswith(WEB_CLIENT) else self.dialect.name


class NameAsked(msgspec.Struct, frozen=True):
    """A visitor asks whether it could have a name. Answer with `name_valid` or `refuse`."""

    visitor: Visitor
    name: str


@dataclass(frozen=True, slots=True)
class GivenPassword:
    """What a visitor gave as the password, None if it cannot be one.

    `shows_hash`: the visitor has proved that it knows the password's hash.
    """

    text: str | None = field(repr=False)
    shows_hash: bool = False


class PasswordGiven(msgspec.Struct, frozen=True):
    """A visitor wants to join under a name. Answer with `welcome` or `refuse`.

    `open_password` returns what it gave, at some cost, and is called once it may be looked at; None if a ticket that
    the dialect has verified takes its place. `known_from` is the first seq from which that ticket proves the key to
    have been a member, 0 if there is no such proof.
    """

    visitor: Visitor
    name: str
    open_password: Callable[[], GivenPassword] | None
    known_from: int = 0


class LineSaid(msgspec.Struct, frozen=True):
    """A member said a line. `id` (16 bytes) stays the same however often it is sent. Answer with `answer_lines`.

    `to` names the addressee of a private line; "": the line is for everybody.
    """

    visitor: Visitor
    number: int
    id: bytes
    text: str
    action: bool
    to: str = ""


class Asked(msgspec.Struct, frozen=True):
    """Somebody in the room gave a command. Answer with `answer`."""

    visitor: Visitor
    number: int
    command: Command


class RowsWanted(msgspec.Struct, frozen=True):
    """A visitor wants the rows in (after, through], which only the log still has. Answer with `supply`."""

    visitor: Visitor
    after: int
    through: int


class SessionEnded(msgspec.Struct, frozen=True):
    """A session is over. `reason` describes the session; `recorded` is the reason given for the member's leaving."""

    visitor: Visitor
    reason: str
    recorded: LeftReason


DialectEvent: TypeAlias = NameAsked | PasswordGiven | LineSaid | Asked | RowsWanted | SessionEnded


class Refusal(msgspec.Struct, frozen=True):
    """Why a visitor does not get in, or stay, or what it asks or says is refused: a code of docs/PROTOCOL.md §5.

    It may try again after `wait` seconds (0.0: that is not known). `detail` is for people; for what an order of the
    admin's refuses, it is the admin's reason.

    For a name that belongs to somebody: the key of its `owner`, and since when (wall time in milliseconds).
    """

    code: str
    wait: float = 0.0
    detail: str = ""
    suggestion: str = ""
    owner: str = ""
    since: int = 0


class Condition(msgspec.Struct, frozen=True):
    """How a session is: seconds since it was heard last, and how many entries it has not acknowledged."""

    silent: float
    behind: int


class Dialect(Core[DialectEvent], Protocol):
    """One way into the room. Commands that concern a visitor whose session has ended do nothing."""

    @property
    def name(self) -> str:
        """What is written to the history and to the entries of those who join; nothing is decided by it."""

    @property
    def encrypted(self) -> bool:
        """Whether only the two ends can read what is sent."""

    @property
    def owns_names(self) -> bool:
        """Whether visitors have keys. Without a key a visitor owns no name, and nothing proves its address."""

    @property
    def can_be_whispered_to(self) -> bool:
        """Whether a line can be sent to one member without the others seeing it."""

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams that were dropped, by reason."""

    def load_recent(self, rows: Sequence[Row]) -> None:
        """Cache the newest rows of the log; called before anybody has come."""

    def name_valid(self, visitor: Visitor, name: str) -> None:
        """Tell a visitor that it could have the name."""

    def refuse(self, visitor: Visitor, refusal: Refusal) -> None:
        """Tell a visitor that it does not get the name or the seat."""

    def welcome(self, visitor: Visitor, name: str, known_from: int | None, now: float) -> None:
        """Let a visitor in. It may read from `known_from` on (None: no more than any newcomer)."""

    def answer(self, visitor: Visitor, number: int, reply: Reply | Refusal) -> None:
        """Answer a command."""

    def rename(self, visitor: Visitor, name: str) -> None:
        """Note that a visitor's member has another name, whichever of its sessions has asked for that."""

    def answer_lines(self, answers: Iterable[tuple[int, int, int | Refusal]], now: float) -> None:
        """Answer lines: (session, number, seq) for each that is durable, (session, number, why) for each refused."""

    def publish(self, rows: Sequence[Row], now: float) -> None:
        """Send committed rows to all members."""

    def tell_presence(self, here: int, changes: Sequence[PresenceChange]) -> None:
        """Tell all members how many are here, and what has changed that the log shows to nobody."""

    def supply(self, session: int, after: int, through: int, rows: Sequence[Row]) -> None:
        """Send a member the rows it requested: all that are kept of (after, through]."""

    def hold(self, hold: bool, now: float, *, refuses: bool) -> None:
        """Accept no lines while the log cannot take more. `refuses`: it takes none, so notify whoever waits."""

    def find_condition(self, visitor: Visitor, now: float) -> Condition | None:
        """Return how a session is, None if it is over."""

    def close(self, visitor: Visitor, code: str, wait: float = 0.0, detail: str = "") -> None:
        """End a session and tell its client why, and for how many seconds it is to wait; no event follows."""

    def close_all(self, code: str) -> None:
        """End all sessions: the server stops."""
