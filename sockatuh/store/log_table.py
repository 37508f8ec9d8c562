"""The log's table: how entries are written to it and read from it, on a connection of the caller's.

A batch of entries is one INSERT, whatever its size. Python lets other threads run at every statement and waits for its
turn afterwards, so with a statement an entry a busy event loop would hold the writer up once for each of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Final

from sockatuh.errors import StoreError

from .byte_bound import take_off
from .database import from_rfc3339, rfc3339

PRUNE_CHUNK: Final = 200
"""Rows deleted in one transaction: a thousand would hold up the writer for 40 to 110 ms."""
MAX_SEQ: Final = 2**63 - 1
_COLUMNS: Final = "seq, id, at, kind, key, CAST(body AS BLOB)"
_DELETE_OLD: Final = """
    DELETE FROM log WHERE seq IN (
        SELECT seq FROM log AS old WHERE kind = ? AND at < ? AND seq < ?
        AND (key IS NULL OR seq < (SELECT max(seq) FROM log AS later WHERE later.key = old.key)) LIMIT ?
    )
    RETURNING seq, coalesce(length(CAST(body AS BLOB)), 0)
"""


@dataclass(frozen=True, slots=True)
class Append:
    """An entry to be: `id` is 16 bytes and makes it unique, `body` is JSON in UTF-8.

    With `expect` it is appended only if the last entry of `key` has that seq (0: there is none).
    """

    id: bytes
    kind: str
    body: bytes | None
    key: str | None = None
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of the log; `at` is in milliseconds since 1970 UTC, `body` None when it is not kept."""

    seq: int
    id: bytes
    at: int
    kind: str
    key: str | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry is durable as `row`; not `new`: an entry of the same id was there already, and `row` is that one."""

    append: Append
    row: Row
    new: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """Not appended: the last entry of its key is `last` (0: none), not what was expected."""

    append: Append
    last: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Not appended: the database refused the whole transaction. The same append may be tried again."""

    append: Append
    error: StoreError


Outcome = Committed | Conflict | Failed


@dataclass(frozen=True, slots=True)
class Span:
    """Which log this is (16 bytes), its lowest seq that is kept (last + 1 when empty), and the highest ever given."""

    log_id: bytes
    first: int
    last: int


def append_all(
    connection: sqlite3.Connection, appends: Sequence[Append], at: int, volatile_kinds: frozenset[str]
) -> list[Committed]:
    """Append entries in their order, each id once, heedless of `expect`; `at` is in milliseconds since 1970.

    Of `volatile_kinds` neither key nor body is written; the rows answered have them.
    """
    wanted: dict[bytes, Append] = {}
    for append in appends:
        wanted.setdefault(append.id, append)
    rows: dict[bytes, Row] = {}
    try:
        new = _insert(connection, wanted.values(), at, volatile_kinds)
    except sqlite3.IntegrityError:  # the statement left nothing behind, no seq used up either
        rows = _read_by_id(connection, list(wanted))
        new = _insert(connection, [wanted[each] for each in wanted if each not in rows], at, volatile_kinds)
    rows |= new
    return [Committed(append, rows[append.id], new=new.pop(append.id, None) is not None) for append in appends]


def append_if(
    connection: sqlite3.Connection, append: Append, at: int, volatile_kinds: frozenset[str]
) -> Committed | Conflict:
    """Append one entry if the last of its key is the one expected, or answer the one that is there by its id."""
    query = "SELECT max(seq) FROM log WHERE key = ?"
    last: int = connection.execute(query, (append.key,)).fetchone()[0] or 0
    if last != append.expect and not _read_by_id(connection, [append.id]):
        return Conflict(append, last)
    return append_all(connection, [append], at, volatile_kinds)[0]


def delete_old(connection: sqlite3.Connection, kind: str, before: str, young: int) -> int:
    """Delete a chunk of the entries of a kind older than an RFC 3339 time, but of no key the last; answer how many.

    From the seq `young` on none is old, whatever its time says.
    """
    deleted = connection.execute(_DELETE_OLD, (kind, before, young, PRUNE_CHUNK)).fetchall()
    take_off(connection, kind, deleted)
    return len(deleted)


def find_young(connection: sqlite3.Connection, since: str, until: str) -> int:
    """Return the first seq whose time lies between two (RFC 3339); one beyond all that are given if there is none.

    What stands behind it was said later, so it is no older, even if a clock that was wrong has stamped it with 1970.
    """
    query = "SELECT seq FROM log WHERE at >= ? AND at <= ? ORDER BY seq LIMIT 1"
    found = connection.execute(query, (since, until)).fetchone()
    return MAX_SEQ if found is None else int(found[0])


def read_span(connection: sqlite3.Connection) -> Span:
    """Read which log this is and how far it reaches."""
    query = """
        SELECT (SELECT value FROM meta WHERE name = 'log_id'),
               coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0),
               (SELECT min(seq) FROM log)
    """
    log_id, last, first = connection.execute(query).fetchone()
    return Span(log_id, last + 1 if first is None else first, last)


def read_between(
    connection: sqlite3.Connection, after: int, through: int, limit: int, max_bytes: int = MAX_SEQ
) -> list[Row]:
    """Read the first `limit` entries with a body in (after, through], ascending; no more once they have `max_bytes`."""
    condition = "WHERE seq > ? AND seq <= ? AND body IS NOT NULL ORDER BY seq LIMIT ?"
    return _read(connection, condition, (after, through, limit), max_bytes)


def read_recent(connection: sqlite3.Connection, count: int, max_bytes: int = MAX_SEQ) -> list[Row]:
    """Read the newest `count` entries with a body, ascending; no older ones once they have `max_bytes`."""
    return _read(connection, "WHERE body IS NOT NULL ORDER BY seq DESC LIMIT ?", (count,), max_bytes)[::-1]


def read_last_of_each_key(connection: sqlite3.Connection) -> Iterator[Row]:
    """Read the last entry of every key, ascending, one by one: there may be very many keys."""
    condition = "WHERE seq IN (SELECT max(seq) FROM log WHERE key IS NOT NULL GROUP BY key) ORDER BY seq"
    return _stream(connection, condition, ())


def read_kinds(connection: sqlite3.Connection) -> list[str]:
    """Read the kinds there are: a jump in the index for each instead of a walk along all of it."""
    query = """
        WITH RECURSIVE each(kind) AS (
            SELECT min(kind) FROM log
            UNION ALL SELECT (SELECT min(kind) FROM log WHERE kind > each.kind) FROM each WHERE each.kind IS NOT NULL
        )
        SELECT kind FROM each WHERE kind IS NOT NULL
    """
    return [kind for (kind,) in connection.execute(query).fetchall()]


def _insert(
    connection: sqlite3.Connection, appends: Iterable[Append], at: int, volatile_kinds: frozenset[str]
) -> dict[bytes, Row]:
    """Insert entries in one statement; IntegrityError, and nothing inserted, if the id of one is there already.

    INSERT OR IGNORE and ON CONFLICT DO NOTHING will not do: they use up a seq for each row they leave out.
    """
    entries = list(appends)
    if not entries:
        return {}
    values: list[object] = [rfc3339(at)]
    for each in entries:
        kept = (each.key, each.body) if each.kind not in volatile_kinds else (None, None)
        values += (each.id, each.kind, *kept)
    places = 1 << (len(entries) - 1).bit_length()  # powers of two: so SQLite has only a few statements to prepare
    values += [None] * 4 * (places - len(entries))
    last = connection.execute(_insert_statement(places), values).lastrowid or 0
    first = last - len(entries) + 1
    return {each.id: Row(seq, each.id, at, each.kind, each.key, each.body) for seq, each in enumerate(entries, first)}


@cache
def _insert_statement(places: int) -> str:
    """Write the INSERT of up to so many entries; a place whose id is NULL is empty."""
    return f"""
        INSERT INTO log (at, id, kind, key, body)
        SELECT ?, column1, column2, column3, CAST(column4 AS TEXT)
        FROM (VALUES {", ".join(["(?, ?, ?, ?)"] * places)}) WHERE column1 IS NOT NULL
    """  # noqa: S608 (only ? in it)


def _read_by_id(connection: sqlite3.Connection, ids: list[bytes]) -> dict[bytes, Row]:
    return {row.id: row for row in _read(connection, f"WHERE id IN ({_marks(len(ids))})", ids)}


def _read(
    connection: sqlite3.Connection, condition: str, values: Sequence[object], max_bytes: int = MAX_SEQ
) -> list[Row]:
    """Read rows in order, up to the one with which their bodies come to `max_bytes`."""
    rows: list[Row] = []
    size = 0
    with closing(_stream(connection, condition, values)) as found:
        for row in found:
            rows.append(row)
            size += len(row.body or b"")
            if size >= max_bytes:
                break
    return rows


def _stream(connection: sqlite3.Connection, condition: str, values: Sequence[object]) -> Generator[Row, None, None]:
    query = f"SELECT {_COLUMNS} FROM log {condition}"  # noqa: S608 (each condition is written in this file)
    with closing(connection.execute(query, values)) as found:
        for seq, entry_id, at, kind, key, body in found:
            yield Row(seq, entry_id, from_rfc3339(at), kind, key, body)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
