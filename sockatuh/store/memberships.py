"""Reads from the log who was in the room from when to when, whether or not there was contact.

A membership begins with `joined` and ends with `left`; a rename goes on with it under another name. Only those that
reach into the time in question are returned, and of what was before it only the last entry of each name is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from sockatuh.room.moments import from_rfc3339, rfc3339

_BEFORE = """
    SELECT kind, at, CAST(body AS BLOB) FROM log WHERE seq IN (
        SELECT max(seq) FROM log WHERE key IS NOT NULL AND kind IN ('joined', 'left', 'renamed') AND at < ? GROUP BY key
    ) AND body IS NOT NULL ORDER BY seq
"""
_SINCE = """
    SELECT kind, at, CAST(body AS BLOB) FROM log
    WHERE kind IN ('joined', 'left', 'renamed') AND at >= ? AND body IS NOT NULL ORDER BY seq
"""


class Membership(msgspec.Struct, frozen=True):
    """Somebody was a member, under this name in the end; times are in ms since 1970, `ended` is None until it ends."""

    name: str
    began: int
    ended: int | None


class _Change(msgspec.Struct):
    """The fields of an entry that tell who is in the room; `new` is in `renamed`, `renamed_to` in `left`."""

    name: str
    new: str = ""
    renamed_to: str = ""


def read_memberships(connection: sqlite3.Connection, since: int) -> list[Membership]:
    """Read the memberships that had not ended at `since` (ms since 1970), in the order in which they ended.

    Raises TypeError, ValueError or RecursionError if an entry is damaged.
    """
    moment = (rfc3339(since),)
    before = ((kind, at, body) for kind, at, body in connection.execute(_BEFORE, moment))
    after = ((kind, at, body) for kind, at, body in connection.execute(_SINCE, moment))
    return list(_fold(before, after))


def _fold(before: Iterable[tuple[str, str, bytes]], after: Iterable[tuple[str, str, bytes]]) -> Iterator[Membership]:
    present: dict[str, tuple[str, int]] = {}
    for kind, at, body in before:
        change = msgspec.json.decode(body, type=_Change)
        if kind != "left":  # it is the last entry of this name, so whoever came under it was still there
            name = change.new or change.name
            present[name.casefold()] = name, from_rfc3339(at)
    for kind, at, body in after:
        change, moment = msgspec.json.decode(body, type=_Change), from_rfc3339(at)
        if kind == "joined":
            present.setdefault(change.name.casefold(), (change.name, moment))
        elif kind == "renamed":
            _, began = present.pop(change.name.casefold(), ("", moment))
            present[change.new.casefold()] = change.new, began
        elif not change.renamed_to and (ended := present.pop(change.name.casefold(), None)) is not None:
            yield Membership(*ended, moment)
    yield from (Membership(name, began, None) for name, began in present.values())
