"""What the admin asks about a running room, and is told: values, each a JSON object on the control socket.

docs/CONTROL.md has them all. What changes the room is an order (room/orders.py).

Times are RFC 3339 in UTC, spans are in seconds, and keys are their tags (8 characters), "" in the classic dialect.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from sockatuh.room.orders import Attributed, OrderDenied, Seconds, Text

MAX_HERE: Final = 50
"""Members that a status names; the rest are counted."""


class Reload(Attributed, frozen=True):
    """Read the settings again, as SIGHUP does."""


class Status(Attributed, frozen=True):
    """Tell how the room and its server are."""


class Sessions(Attributed, frozen=True):
    """List the open sessions, or those under one name."""

    name: Text = ""


class Names(Attributed, frozen=True):
    """List the names that the room remembers; `unused`: only those not used for so many seconds."""

    unused: Seconds | None = None


class Bans(Attributed, frozen=True):
    """List the kicks, bans and mutes in force."""


class Metrics(Attributed, frozen=True):
    """Give the numbers that a monitoring system collects."""


Asked: TypeAlias = Status | Sessions | Names | Bans | Metrics
"""What is answered at once."""
Query: TypeAlias = Reload | Asked
"""What changes nothing in the room."""


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that were taken, and those that need a restart."""

    taken: tuple[str, ...]
    restart: tuple[str, ...]


ReloadReply: TypeAlias = Reloaded | OrderDenied


class SessionItem(msgspec.Struct, frozen=True, kw_only=True, tag="session"):
    """An open session. `behind`: entries it has not acknowledged; `silent`: since it was heard last."""

    name: str
    key: str
    role: str
    address: str
    dialect: str
    version: str
    since: str
    silent: float
    behind: int


class NameItem(msgspec.Struct, frozen=True, kw_only=True, tag="name"):
    """A name the room remembers, its key, when it was used last, and whether that key is here under it."""

    name: str
    key: str
    used: str
    here: bool


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """An order in force: `order` is `kick`, `ban` or `mute`; `until` is null if it has no end.

    `hits` counts the joins (lines, for a mute) refused by it since the server started, `hit` is the last one's time.
    """

    id: int
    order: str
    what: str
    name: str
    key: str
    until: str | None
    since: str
    by: int | None
    as_: str = msgspec.field(name="as")
    reason: str
    strangers: bool
    hits: int
    hit: str | None


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """A member: since when, its sessions, since when contact is lost (null: it is not), and what it is away for."""

    name: str
    key: str
    dialect: str
    since: str
    sessions: int
    lost: str | None
    away: str | None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong: a code (docs/CONTROL.md), what is known about it, and what to do, if that is known."""

    code: str
    reason: str
    remedy: str


class LastBackup(msgspec.Struct, frozen=True, kw_only=True):
    """The last backup, as the room's stamp tells (store/backup_stamp.py): when it was made, and its file.

    `failed` is when a later one failed, and `reason` why; `due` is when the next one is overdue, if one is expected.
    """

    at: str | None
    file: str
    failed: str | None
    reason: str
    due: str | None


class StatusReport(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """The room and its server at this moment.

    `here` are up to MAX_HERE members, who joined first first. `sessions` counts the open ones by dialect, `dropped` the
    datagrams dropped since the start by reason. `head` is the last entry's seq, `database` the bytes on disk,
    `unwritten` how many appends have no outcome yet. `orders` counts those in force by kind. `loop` and `writer` are
    the seconds since the event loop's last tick and the writer thread's last sign. `backup` is None if none was made.
    """

    room: str
    version: str
    started: str
    host: str
    port: int
    addresses: tuple[str, ...]
    words: str
    invite: str
    members: int
    max_members: int
    lost: int
    guests: int
    here: tuple[Here, ...]
    sessions: dict[str, int]
    head: int
    database: int
    storing: bool
    unwritten: int
    loop: float
    writer: float
    orders: dict[str, int]
    dropped: dict[str, int]
    receive_buffer: int
    troubles: tuple[Trouble, ...]
    backup: LastBackup | None = None


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Observations in seconds: how many were at most each bound (cumulative), their number and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    count: int
    sum: float


class MetricsReport(msgspec.Struct, frozen=True, kw_only=True, tag="metrics"):
    """Numbers for a monitoring system; counters run since the start of the server.

    `started` and `last_backup` are in seconds since 1970, the latter None if no backup was made.
    """

    version: str
    room: str
    started: float
    members: int
    members_lost: int
    sessions: dict[str, int]
    log_head: int
    log_bytes: int
    bans: int
    storing: bool
    unwritten: int
    lines: int
    joins: int
    refused: dict[str, int]
    datagrams_received: int
    datagrams_sent: int
    dropped: dict[str, int]
    password_checks: int
    commit_seconds: Histogram
    turn_seconds: Histogram
    behind_members: int
    receive_buffer_bytes: int
    last_backup: float | None = None
