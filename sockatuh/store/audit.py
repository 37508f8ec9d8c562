"""Reads what an admin ordered from a room's database, whether or not a server is running; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from sockatuh.errors import DatabaseUnusable, RowUnreadable
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Message,
    Muted,
    OrderEntry,
    Released,
    Removed,
    Struck,
    Unbanned,
    Unmuted,
    decode_body,
    what_of,
)
from sockatuh.room.moments import from_rfc3339, rfc3339

from .database import explained, open_as_it_is

Verb = Literal["kick", "ban", "unban", "mute", "unmute", "release", "announce", "strike"]
How = Literal["over", "lifted", "replaced"]

_KINDS: Final = '["removed", "banned", "unbanned", "muted", "unmuted", "released", "struck"]'
_OF_KINDS: Final = """
    SELECT seq, at, kind, key, CAST(body AS BLOB) FROM log
    WHERE kind IN (SELECT value FROM json_each(?)) AND at >= ? AND body IS NOT NULL
"""
_ANNOUNCED: Final = """
    SELECT seq, at, kind, key, CAST(body AS BLOB) FROM log
    WHERE kind = 'message' AND at >= ? AND instr(body, ?)
"""
_MARK: Final = f'"owner":"{ADMIN_OWNER}"'
"""Stands in the body of an announcement; in the text of a line its quotation marks would be escaped."""
_VERBS: Final[dict[type[OrderEntry], Verb]] = {
    Removed: "kick", Banned: "ban", Unbanned: "unban", Muted: "mute", Unmuted: "unmute"
}  # fmt: skip
_STAY: Final = frozenset({"kick", "ban", "mute"})


class GivenOrder(msgspec.Struct, frozen=True):
    """An order as it was given, at `at` (ms since 1970 UTC), by `by` and `login` (`Ordered.by` and `as_`).

    `what` is its target (`what_of`), `name` and `owner` whom it is about; for a line that was struck its author. `by`
    is None for a line that its author struck. `until` (RFC 3339) is None if there is no end. `lifted` is the order that
    an unban or unmute ended. `line` was struck, said at `line_at` (ms). `text` was announced.
    """

    seq: int
    at: int
    order: Verb
    by: int | None
    login: str
    what: str
    name: str
    owner: str
    reason: str
    until: str | None = None
    strangers: bool = False
    lifted: int = 0
    line: int = 0
    line_at: int = 0
    text: str = ""
    key: str = ""

    @property
    def stays(self) -> bool:
        """Whether this is an order that is in force for a while."""
        return self.order in _STAY


class Ended(msgspec.Struct, frozen=True):
    """How an order that was in force for a while ended: at `at` (ms since 1970 UTC), by the order `by` (0: by itself).

    `login` and `uid` are who gave that order.
    """

    how: How
    at: int
    by: int = 0
    login: str = ""
    uid: int | None = None


class AuditReader:
    """Reads a room's orders."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def orders(self, since: int | None = None) -> list[GivenOrder]:
        """Read the orders given since a moment (ms since 1970; None: all), ascending.

        Raises DatabaseTooNew or DatabaseUnusable.
        """
        after = "" if since is None else rfc3339(since)
        return self._read(f"{_OF_KINDS} UNION ALL {_ANNOUNCED} ORDER BY seq", (_KINDS, after, after, _MARK))

    def those_that_stay(self) -> list[GivenOrder]:
        """Read all kicks, bans and mutes, and what ended them, ascending. Raises what `orders` raises."""
        return self._read(f"{_OF_KINDS} ORDER BY seq", (_KINDS, ""))

    def _read(self, query: str, values: tuple[str, ...]) -> list[GivenOrder]:
        if not os.path.exists(self._path):
            raise DatabaseUnusable(str(self._path), "no such file")
        connection = open_as_it_is(self._path)
        try:
            with explained(self._path):
                return list(_given(connection.execute(query, values)))
        except (TypeError, ValueError, RowUnreadable) as error:
            raise DatabaseUnusable(str(self._path), f"damaged: {error!r}") from error
        finally:
            connection.close()


def ends_of(orders: Iterable[GivenOrder], now: int) -> dict[int, Ended]:
    """Return how each kick, ban and mute ended, by its seq; those that are in force at `now` (ms) are left out.

    `orders` are all that there are, ascending.
    """
    ended: dict[int, Ended] = {}
    in_force: dict[str, GivenOrder] = {}

    def end(order: GivenOrder, how: Ended) -> None:
        by_itself = order.until and from_rfc3339(order.until)
        ended[order.seq] = Ended("over", by_itself) if by_itself and by_itself <= how.at else how

    for order in orders:
        if not order.stays:
            for key in [key for key, each in in_force.items() if each.seq == order.lifted]:
                end(in_force.pop(key), Ended("lifted", order.at, order.seq, order.login, order.by))
            continue
        if before := in_force.get(order.key):
            end(before, Ended("replaced", order.at, order.seq, order.login, order.by))
        in_force[order.key] = order
    for order in in_force.values():
        if order.until and (at := from_rfc3339(order.until)) <= now:
            ended[order.seq] = Ended("over", at)
    return ended


def _given(rows: Iterable[tuple[int, str, str, str | None, bytes]]) -> Iterator[GivenOrder]:
    for seq, at, kind, key, body in rows:
        order = _order_of(seq, from_rfc3339(at), decode_body(kind, body))
        if order is not None:
            yield replace(order, key=key or f"{order.order} {order.what}")


def _order_of(seq: int, at: int, body: Body) -> GivenOrder | None:
    match body:
        case Removed() | Banned() | Muted() | Unbanned() | Unmuted():
            return _about_target(seq, at, body)
        case Released():
            what = f"name:{body.name}"
            return GivenOrder(seq, at, "release", body.by, body.as_, what, body.name, body.owner, body.reason)
        case Struck():
            order = GivenOrder(seq, at, "strike", body.by, body.as_, "", body.name, body.owner, body.reason)
            return replace(order, line=body.line, line_at=body.line_at)
        case Message(owner=owner) if owner == ADMIN_OWNER:
            return GivenOrder(seq, at, "announce", body.by, body.as_, "", body.name, "", "", text=body.text)
        case _:  # a line in which the admin's mark is part of something else
            return None


def _about_target(seq: int, at: int, body: OrderEntry) -> GivenOrder:
    about = what_of(body), body.name, body.owner, body.reason
    given = GivenOrder(seq, at, _VERBS[type(body)], body.by, body.as_, *about)
    if isinstance(body, Unbanned | Unmuted):
        return replace(given, lifted=body.lifted)
    if body.until is not None:
        from_rfc3339(body.until)  # ValueError for what is no time
    return replace(given, until=body.until, strangers=isinstance(body, Banned) and body.strangers)
