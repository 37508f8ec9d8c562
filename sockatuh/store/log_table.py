"""The SQL that writes and reads the log's table, on a connection that the caller owns.

A batch of entries is one INSERT, whatever its size. Python releases the interpreter lock around every statement and
waits to get it back, so with one statement per entry a busy event loop would delay the writer once per entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import cache
from typing import Final

from sockatuh.errors import RowUnreadable
from sockatuh.room.entries import LINE_KINDS, Body, Message, Whispered, decode_body, encode_body, without_text
from sockatuh.room.log import MAX_SEQ, Append, Conflict, Row, Span, Stretch
from sockatuh.room.moments import from_rfc3339, rfc3339

from .byte_bound import subtract_deleted
from .sqlite_errors import is_damage
from .striking import has_text, strike

PRUNE_CHUNK: Final = 200
"""Rows deleted in one transaction; a thousand would block the writer for 40 to 110 ms."""
_INSERT_ONE: Final = "INSERT INTO log (at, id, kind, key, body) VALUES (?, ?, ?, ?, CAST(? AS TEXT))"
_COLUMNS: Final = "seq, id, at, kind, key, CAST(body AS BLOB)"
_BETWEEN: Final = "WHERE seq > ? AND seq <= ? AND body IS NOT NULL"
_DELETE_OLD: Final = """
    DELETE FROM log WHERE seq IN (
        SELECT seq FROM log AS old WHERE kind = ? AND at < ? AND seq < ?
        AND (key IS NULL OR seq < (SELECT max(seq) FROM log AS later WHERE later.key = old.key)) LIMIT ?
    )
    RETURNING seq, coalesce(length(CAST(body AS BLOB)), 0)
"""
# An end that is not written as this program writes it is none (`room/order_book.py`): strftime writes it so, '+0 days'
# for the 30th of February too. Reading JSON that is none is an error, and only CASE decides what is read first.
_DELETE_ENDED: Final = """
    DELETE FROM log WHERE seq IN (
        SELECT seq FROM log AS old WHERE kind = ? AND at < ? AND seq < ?
        AND NOT EXISTS (SELECT 1 FROM log AS other WHERE other.key = old.key AND other.seq <> old.seq)
        AND CASE
            WHEN kind IN ('unbanned', 'unmuted') THEN 1
            WHEN json_valid(body) THEN json_extract(body, '$.until') < ?
            AND strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(body, '$.until'), '+0 days') = json_extract(body, '$.until')
        END LIMIT ?
    )
"""


def append_all(
    connection: sqlite3.Connection, appends: Sequence[Append], at: int, volatile_kinds: frozenset[str]
) -> list[Row]:
    """Write entries in order, each id once, whatever they expect; return the row of each.

    `at` is in milliseconds since 1970. Neither key nor body of `volatile_kinds` is written; the returned rows have
    them. If an id is in the log already, its row has the seq and the time from there.
    """
    wanted: dict[bytes, Append] = {}
    for append in appends:
        wanted.setdefault(append.id, append)
    rows: dict[bytes, Row] = {}
    try:
        new = _insert(connection, wanted.values(), at, volatile_kinds)
    except sqlite3.IntegrityError:  # the failed statement changed nothing and used up no seq
        rows = _find_rows(connection, wanted)
        new = _insert(connection, [wanted[each] for each in wanted if each not in rows], at, volatile_kinds)
    rows |= new
    return [rows[append.id] for append in appends]


def append_if(
    connection: sqlite3.Connection, append: Append, at: int, volatile_kinds: frozenset[str]
) -> list[Row] | Conflict:
    """Write an append whole if it finds what it expects (`room.log.Append`), or if it is in the log already."""
    conflict = _find_conflict(connection, append)
    if conflict is not None and not _find_rows(connection, {append.id: append}):
        return conflict
    for entry in append.entries:
        if entry.strikes is not None:
            strike(connection, entry.strikes)
    return append_all(connection, append.entries, at, volatile_kinds)


def _find_conflict(connection: sqlite3.Connection, append: Append) -> Conflict | None:
    query = "SELECT max(seq) FROM log WHERE key = ?"
    for entry in append.entries:
        last: int = connection.execute(query, (entry.key,)).fetchone()[0] or 0
        if entry.expect not in (None, last):
            return Conflict(append.id, last, entry.key)
        if entry.strikes is not None and not has_text(connection, entry.strikes):
            return Conflict(append.id, 0)
    return None


def delete_old(connection: sqlite3.Connection, kind: str, before: str, young: int) -> int:
    """Delete a chunk of the entries of a kind that are older than an RFC 3339 time; return how many.

    The last entry of a key is kept, and so is every entry from the seq `young` on.
    """
    deleted = connection.execute(_DELETE_OLD, (kind, before, young, PRUNE_CHUNK)).fetchall()
    if kind in LINE_KINDS:
        subtract_deleted(connection, deleted)
    return len(deleted)


def delete_ended(connection: sqlite3.Connection, kind: str, before: str, young: int) -> int:
    """Delete a chunk of the orders of a kind that were given and have ended before an RFC 3339 time; return how many.

    An order is only deleted when it is the only entry of its key: as long as an earlier one is there, that would be in
    force again, and a later one may be what ended it. Entries from the seq `young` on are kept.
    """
    return connection.execute(_DELETE_ENDED, (kind, before, young, before, PRUNE_CHUNK)).rowcount


def find_young(connection: sqlite3.Connection, since: str, until: str) -> int:
    """Return the first seq whose time is from `since` to `until` (RFC 3339), MAX_SEQ if there is none.

    Every entry after it is at least as young, even one that a wrong clock has stamped with 1970.
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
) -> Stretch:
    """Read (after, through] up to the `limit`th row, or the one with which their bodies reach `max_bytes`."""
    rows, is_cut = _read(connection, f"{_BETWEEN} ORDER BY seq LIMIT ?", (after, through, limit), max_bytes)
    return Stretch(rows, rows[-1].seq if is_cut or len(rows) == limit else through)


def read_around_damage(connection: sqlite3.Connection, after: int, through: int) -> list[Row]:
    """Read the rows in (after, through] before the first damaged entry of that range and after the last.

    Both ends are read towards the damage, until it stops them; sound rows between two damaged ones are left out.
    """
    head = list(_until_damage(_stream(connection, f"{_BETWEEN} ORDER BY seq", (after, through))))
    last = head[-1].seq if head else after
    tail = list(_until_damage(_stream(connection, f"{_BETWEEN} ORDER BY seq DESC", (last, through))))
    return head + tail[::-1]


def read_recent(connection: sqlite3.Connection, count: int, max_bytes: int = MAX_SEQ) -> list[Row]:
    """Read the newest `count` rows, ascending; the oldest of them is the one with which they reach `max_bytes`."""
    rows, _ = _read(connection, "WHERE body IS NOT NULL ORDER BY seq DESC LIMIT ?", (count,), max_bytes)
    return rows[::-1]


def read_last_of_each_key(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield the last row of every key, ascending; there may be too many for a list."""
    last = "SELECT max(seq) FROM log WHERE key IS NOT NULL GROUP BY key"
    condition = f"WHERE seq IN ({last}) AND body IS NOT NULL ORDER BY seq"
    return _stream(connection, condition, ())


def read_kinds(connection: sqlite3.Connection) -> list[str]:
    """Read which kinds there are, with one look-up in the index for each instead of a scan."""
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
    """Insert entries in one statement; raises IntegrityError, having inserted nothing, if an id is there already.

    INSERT OR IGNORE and ON CONFLICT DO NOTHING do not work here: they use up a seq for each row they skip.
    """
    entries = list(appends)
    if not entries:
        return {}
    if len(entries) == 1:
        return {entries[0].id: _insert_one(connection, entries[0], at, volatile_kinds)}
    values: list[object] = [rfc3339(at)]
    for each in entries:
        values += _columns_of(each, volatile_kinds)
    places = 1 << (len(entries) - 1).bit_length()  # powers of two, so SQLite prepares only a few statements
    values += [None] * 4 * (places - len(entries))
    last = connection.execute(_insert_statement(places), values).lastrowid or 0
    first = last - len(entries) + 1
    return {each.id: Row(seq, each.id, at, each.body, each.key) for seq, each in enumerate(entries, first)}


def _insert_one(connection: sqlite3.Connection, append: Append, at: int, volatile_kinds: frozenset[str]) -> Row:
    """Insert one entry, as most are: the statement for several takes half as long again."""
    values = (rfc3339(at), *_columns_of(append, volatile_kinds))
    seq = connection.execute(_INSERT_ONE, values).lastrowid or 0
    return Row(seq, append.id, at, append.body, append.key)


def _columns_of(append: Append, volatile_kinds: frozenset[str]) -> tuple[bytes, str, str | None, bytes | None]:
    """Return the id, the kind, the key and the body as they are written."""
    kind = append.kind
    if kind in volatile_kinds:
        return append.id, kind, None, None
    return append.id, kind, append.key, encode_body(append.body)


@cache
def _insert_statement(places: int) -> str:
    """Build the INSERT for up to `places` entries; a place whose id is NULL is empty."""
    return f"""
        INSERT INTO log (at, id, kind, key, body)
        SELECT ?, column1, column2, column3, CAST(column4 AS TEXT)
        FROM (VALUES {", ".join(["(?, ?, ?, ?)"] * places)}) WHERE column1 IS NOT NULL
    """  # noqa: S608 (only ? in it)


def _find_rows(connection: sqlite3.Connection, appends: dict[bytes, Append]) -> dict[bytes, Row]:
    """Find which ids are in the log, and return their rows."""
    columns, ids = "id, seq, at, CAST(body AS BLOB)", ", ".join("?" * len(appends))
    found = connection.execute(f"SELECT {columns} FROM log WHERE id IN ({ids})", list(appends)).fetchall()  # noqa: S608
    return {
        each: Row(seq, each, from_rfc3339(at), _body_of(appends[each], body), appends[each].key)
        for each, seq, at, body in found
    }


def _body_of(append: Append, stored: bytes | None) -> Body:
    """Return the body of an append that is in the log: its own, as the stored one may be missing or damaged.

    If it is a line whose text was removed since, it has no text.
    """
    if isinstance(append.body, Message | Whispered) and stored is not None:
        with suppress(RowUnreadable):
            found = decode_body(append.kind, stored)
            if isinstance(found, Message | Whispered) and found.struck:
                return without_text(append.body)
    return append.body


def _read(
    connection: sqlite3.Connection, condition: str, values: Sequence[object], max_bytes: int
) -> tuple[list[Row], bool]:
    """Read rows; also tell whether `max_bytes` ended them."""
    rows: list[Row] = []
    size = 0
    with closing(_stream_sized(connection, condition, values)) as found:
        for row, length in found:
            rows.append(row)
            size += length
            if size >= max_bytes:
                return rows, True
    return rows, False


def _stream(connection: sqlite3.Connection, condition: str, values: Sequence[object]) -> Generator[Row, None, None]:
    with closing(_stream_sized(connection, condition, values)) as found:
        for row, _ in found:
            yield row


def _stream_sized(
    connection: sqlite3.Connection, condition: str, values: Sequence[object]
) -> Generator[tuple[Row, int], None, None]:
    """Yield each row with the size of its body; raises TypeError, ValueError or RowUnreadable if one is damaged."""
    query = f"SELECT {_COLUMNS} FROM log {condition}"  # noqa: S608 (each condition is written in this file)
    with closing(connection.execute(query, values)) as found:
        for seq, entry_id, at, kind, key, body in found:
            yield Row(seq, entry_id, from_rfc3339(at), decode_body(kind, body), key), len(body)


def _until_damage(rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except (TypeError, ValueError, RowUnreadable):
        return
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
