"""What happens in a room, as values: `Room` reports them, `Timeline` adds headings, screens turn them into words.

Names and texts are clean (room/text.py): they are safe to print. `at` is milliseconds since 1970 by the server's clock.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from sockatuh.errors import KeyFileError, Refused
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.joining import UnansweredLine
from sockatuh.protocol.constants import MAX_AWAY
from sockatuh.protocol.messages import (
    ACTION,
    AWAY,
    CONTACT_LOST,
    GONE,
    IN_CONTACT,
    JOINED,
    LEFT,
    MEMBER,
    MESSAGE,
    PRIVATE,
    READER,
    RENAMED,
    SCRIPT,
    STRUCK,
    Entry,
    MemberInfo,
)
from sockatuh.room.text import clean_line, clean_text

UNENCRYPTED: Final = "classic"
"""The dialect of members whose lines travel unencrypted."""
IN_BROWSER: Final = "web"
"""What stands in the place of the dialect of members who are here with a browser."""
AWAY_LENGTH: Final = MAX_AWAY
"""Characters of the text that goes with being away, at most."""


class Role(StrEnum):
    """In which role somebody is connected: scripts and readers are guests, whom nobody sees coming or going."""

    MEMBER = "member"
    SCRIPT = "script"
    READER = "reader"


ROLE_NUMBERS: Final = {Role.MEMBER: MEMBER, Role.SCRIPT: SCRIPT, Role.READER: READER}


class Said(msgspec.Struct, frozen=True):
    """A line. `action`: told in the third person (`/me waves`); `own`: this client said it; `tag`: its author's key.

    `official`: the room's admin said it.
    """

    seq: int
    at: int
    name: str
    text: str
    action: bool = False
    own: bool = False
    tag: str = ""
    official: bool = False


class Whispered(msgspec.Struct, frozen=True):
    """A private line from `name` to `to`, which only the two of them are sent. `own`: this client said it."""

    seq: int
    at: int
    name: str
    to: str
    text: str
    own: bool = False
    tag: str = ""


class Renamed(msgspec.Struct, frozen=True):
    """The member who was called `name` is called `new` now."""

    seq: int
    at: int
    name: str
    new: str
    tag: str = ""


class Struck(msgspec.Struct, frozen=True):
    """The text of the line `line`, which `name` said at `line_at`, was removed by its author or the admin."""

    seq: int
    at: int
    name: str
    line: int
    line_at: int
    tag: str = ""


class Came(msgspec.Struct, frozen=True):
    """Somebody joined, by a dialect (`secure`, `classic`; `web`: a browser), with a key, whose short form is `tag`."""

    seq: int
    at: int
    name: str
    dialect: str = "secure"
    tag: str = ""


class Went(msgspec.Struct, frozen=True):
    """Somebody left; `reason` is a word of the protocol: `left`, `lost`, `idle`, `removed` (by the admin) …"""

    seq: int
    at: int
    name: str
    reason: str = "left"


class Gap(msgspec.Struct, frozen=True):
    """The server no longer keeps `count` entries of those after `after`, up to and including `through`."""

    after: int
    through: int
    count: int


class Here(msgspec.Struct, frozen=True):
    """Everything up to the present has been reported."""


class Lost(msgspec.Struct, frozen=True):
    """Contact is lost; the client reconnects by itself, and lines said meanwhile are kept.

    `reason` is `silence`, `reset`, or what the server said: `restarting`, `closing` …
    """

    reason: str


class Back(msgspec.Struct, frozen=True):
    """Contact is back. `rewound`: the log was set back, so lines reported earlier may be gone from it."""

    rewound: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A line given to `Room.send` is stored, at `seq`."""

    number: int
    seq: int


class Rejected(msgspec.Struct, frozen=True):
    """A line given to `Room.send` will never be stored; `code` says why (docs/PROTOCOL.md §6). `to`: see Whispered.

    For `muted`: after `wait` seconds (0: unknown) this client may speak again, and `detail` is the admin's reason.
    """

    number: int
    text: str
    action: bool
    code: str
    to: str = ""
    wait: float = 0.0
    detail: str = ""


class OwnText(msgspec.Struct, frozen=True):
    """A text of this client that is perhaps not stored; `to` is the addressee of a private line, "": the room."""

    text: str
    to: str = ""


class LineStream(msgspec.Struct, frozen=True):
    """The numbering of the lines of one key in one room, for a program that continues it after a restart.

    `id` is 8 random bytes, `last` the number of the last line that was said, `unanswered` the lines without an answer,
    in ascending order of their numbers. A line that is said again under its number is the same line, whatever became
    of it. Use a stream for one connection at a time: a second one ends the first.
    """

    id: bytes
    last: int = 0
    unanswered: tuple[UnansweredLine, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """Lines wait at the server: for `seconds`, because they came too fast; None: it can store nothing at present."""

    seconds: float | None


class OtherKey(msgspec.Struct, frozen=True):
    """A name came with a key it never had before ("": without one); `last_seen`: the last day the name was used."""

    name: str
    tag: str
    last_seen: date


class PresenceChanged(msgspec.Struct, frozen=True):
    """`here` members are in the room now; names of those who changed, apart from what `Came` and `Went` report.

    `present`: in contact again, back, or joined without a `Came`; `lost`: contact is lost; `gone`: left without a
    `Went`; `away`: pairs of a name and the text that says why or until when.
    """

    here: int
    present: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    away: tuple[tuple[str, str], ...] = ()


Event: TypeAlias = (
    Said
    | Whispered
    | Renamed
    | Struck
    | Came
    | Went
    | Gap
    | Here
    | Lost
    | Back
    | Stored
    | Rejected
    | Waiting
    | OtherKey
    | PresenceChanged
)
"""What iterating over a room yields."""

EntryEvent: TypeAlias = Said | Whispered | Renamed | Struck | Came | Went
"""An entry of the log."""


# What a timeline adds for people.
class Missed(msgspec.Struct, frozen=True):
    """A heading: `count` lines follow, from before this client joined, or (`again`) from while it had no contact."""

    count: int
    again: bool


class Read(msgspec.Struct, frozen=True):
    """A line that this person was shown in an earlier chat, repeated so that what is new has its context."""

    line: Said | Whispered


class Since(msgspec.Struct, frozen=True):
    """A heading: `count` lines follow, from since this person's last chat, which ended at `at` (ms since 1970).

    `left_out` entries of the log between the two, those after the seq `after`, are too many to be fetched.
    """

    count: int
    at: int
    left_out: int
    after: int


class Empty(msgspec.Struct, frozen=True):
    """Nobody has ever said anything in this room."""


class Day(msgspec.Struct, frozen=True):
    """A heading: what follows was said on another day, in local time."""

    day: date


Item: TypeAlias = Event | Missed | Read | Since | Empty | Day
"""What a timeline yields."""


class Member(msgspec.Struct, frozen=True):
    """Somebody in the room. `present`: in contact; `since`: ms since 1970; `tag`: the short form of the key, or "".

    `away` is the text with which it said that it is away, None if it is not.
    """

    name: str
    dialect: str
    tag: str
    present: bool
    since: int
    role: Role
    away: str | None = None


class Link(msgspec.Struct, frozen=True):
    """How the network between this client and its server has been, over all its sessions; times are in seconds.

    `address` is the one in use (`host:port`, "" before there is one), `key` the server's (X25519, 32 bytes).
    `best_answer` is the shortest time of the last eight answers, `last_answer` the last one's; None before there are
    any. `sent` and `repeated` count datagrams, `losses` how often contact was lost, `lost_for` how long in all.
    """

    address: str
    key: bytes
    best_answer: float | None
    last_answer: float | None
    sent: int
    repeated: int
    losses: int
    lost_for: float


# What signing in tells a person (client/sign_in.py).
class Unreachable(msgspec.Struct, frozen=True):
    """No address of the server can be reached; the client keeps trying. Pairs of an address and the reason."""

    obstacles: tuple[tuple[str, str], ...]


class NoAnswerYet(msgspec.Struct, frozen=True):
    """The server (`host:port`) has been asked and says nothing, and nothing says why; the client waits."""

    server: str


class NameFree(msgspec.Struct, frozen=True):
    """The name can be had; `written` is how the room writes it."""

    name: str
    written: str


class NameRefused(msgspec.Struct, frozen=True):
    """The name cannot be had."""

    name: str
    why: Refused


class PasswordWrong(msgspec.Struct, frozen=True):
    """The password that was typed is not the room's, or the server is not.

    `words` stand for the server's key if it has proved nothing, and are "" if its key is pinned.
    """

    words: str = ""


class TryLater(msgspec.Struct, frozen=True):
    """The client tries again in `seconds`; `many_guess`: because many wrong passwords are being tried in this room."""

    seconds: float
    many_guess: bool


class SignedIn(msgspec.Struct, frozen=True):
    """The room has admitted this client with the password."""


class NotRemembered(msgspec.Struct, frozen=True):
    """The profile could not be written, so the next connection starts without what this one learnt."""

    error: KeyFileError


class Moved(msgspec.Struct, frozen=True):
    """The room's key was found at another address, which is remembered instead of the one it was at (`host:port`)."""

    room: str
    server: str
    before: str


class Preparing(msgspec.Struct, frozen=True):
    """The password is being prepared for the server, which takes this machine a while."""


Notice: TypeAlias = (
    Waiting
    | Unreachable
    | NoAnswerYet
    | Moved
    | NameFree
    | NameRefused
    | Preparing
    | PasswordWrong
    | TryLater
    | SignedIn
    | NotRemembered
)
"""What sign-in reports to a person, apart from its questions."""


def event_of(entry: Entry, *, own: bool) -> EntryEvent | None:
    """Return what an entry of the log reports, None for kinds this client does not know."""
    name = clean_line(entry.name)
    if entry.kind in (MESSAGE, ACTION):
        text, action, is_own = clean_text(entry.text), entry.kind == ACTION, own and not entry.official
        return Said(entry.seq, entry.at, name, text, action, is_own, clean_line(entry.tag), entry.official)
    if entry.kind == JOINED:
        return Came(entry.seq, entry.at, name, clean_line(entry.text), clean_line(entry.tag))
    if entry.kind == LEFT:
        return Went(entry.seq, entry.at, name, clean_line(entry.text))
    if entry.kind == PRIVATE:
        to, text = clean_line(entry.to), clean_text(entry.text)
        return Whispered(entry.seq, entry.at, name, to, text, own, clean_line(entry.tag))
    if entry.kind == RENAMED:
        return Renamed(entry.seq, entry.at, name, clean_line(entry.text), clean_line(entry.tag))
    if entry.kind == STRUCK:
        return Struck(entry.seq, entry.at, name, entry.line, entry.line_at, clean_line(entry.tag))
    return None


def presence_of(event: e.PresenceChanged) -> PresenceChanged:
    """Return what a change of presence reports; states this client does not know are ignored."""

    def names(state: int) -> tuple[str, ...]:
        return tuple(clean_line(change.name) for change in event.changed if change.state == state)

    away = tuple(
        (clean_line(change.name), shortened_away(change.text)) for change in event.changed if change.state == AWAY
    )
    return PresenceChanged(event.here, names(IN_CONTACT), names(CONTACT_LOST), names(GONE), away)


def member_of(info: MemberInfo) -> Member:
    """Return a member as the server described it; a role this client does not know counts as a member's."""
    role = next((role for role, number in ROLE_NUMBERS.items() if number == info.role), Role.MEMBER)
    name, dialect, tag = clean_line(info.name), clean_line(info.dialect), clean_line(info.tag)
    away = None if info.away is None else shortened_away(info.away)
    return Member(name, dialect, tag, info.present, info.since, role, away)


def shortened_away(text: str) -> str:
    """Return the text of somebody who is away, clean, and no longer than a room takes."""
    return clean_line(clean_line(text)[:MAX_AWAY])


def local_moment(milliseconds: int) -> datetime | None:
    """Return a moment in local time, None for one outside the calendar."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000).astimezone()
    except (OverflowError, ValueError, OSError):
        return None
