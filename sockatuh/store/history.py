"""The history: who was connected from where and when, and what was said."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.entries import ADMIN_OWNER
from sockatuh.room.moments import from_rfc3339, rfc3339

from .database import explained, open_as_it_is, wall_clock
from .log_table import PRUNE_CHUNK
from .memberships import Membership, read_memberships
from .roomlog import RoomLog

SERVER_LOST: Final = "server_lost"
"""The reason of a session that was open when its server was killed."""
_INSERT: Final = """
    INSERT INTO sessions (record, cid, opened, name, owner, address, dialect, version, transient)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DELETE_OLD: Final = """
    DELETE FROM sessions WHERE record IN (
        SELECT record FROM sessions WHERE opened < ? AND closed < ? LIMIT ?
    )
"""


class LostSession(msgspec.Struct, frozen=True):
    """A session that was open when its server was killed; `cid` is None in the classic dialect."""

    cid: int | None
    address: str
    name: str
    dialect: str


class SessionLine(msgspec.Struct, frozen=True):
    """One session, with times in milliseconds since 1970 UTC; `closed` and `reason` are None while it is open.

    `owner` is the fingerprint of a key, "" in the classic dialect. `transient` sessions are those of scripts.
    """

    opened: int
    closed: int | None
    name: str
    owner: str
    address: str
    dialect: str
    version: str
    transient: bool
    reason: str | None

    @property
    def at(self) -> int:
        """When it was opened."""
        return self.opened


class LogLine(msgspec.Struct, frozen=True):
    """One line of the log; `at` is in milliseconds since 1970 UTC, and `action` marks a `/me`.

    `to` is the addressee of a private line, "" for everybody. Whoever did not ask for private lines gets no text.
    `official`: the room's admin said it. `struck`: its text was removed, at `struck_at` by an admin's uid (None: by the
    author) and login name, because of `struck_reason`, as far as the log still says.
    """

    seq: int
    at: int
    name: str
    text: str
    action: bool
    to: str = ""
    official: bool = False
    struck: bool = False
    struck_at: int | None = None
    struck_by: int | None = None
    struck_as: str = ""
    struck_reason: str = ""


class RenameLine(msgspec.Struct, frozen=True):
    """A member called `name` took the name `new`; `at` is in ms since 1970 UTC, `owner` the fingerprint of its key."""

    seq: int
    at: int
    name: str
    new: str
    owner: str


class _Renamed(msgspec.Struct):
    """The fields of a rename's body that the history shows."""

    name: str
    owner: str
    new: str


class _Said(msgspec.Struct):
    """The fields of a line's body that the history shows."""

    name: str
    text: str
    action: bool = False
    to: str = ""
    owner: str = ""
    struck: bool = False


class _Struck(msgspec.Struct, rename={"as_": "as"}):
    """The fields of a strike that the history shows."""

    line: int
    by: int | None = None
    as_: str = ""
    reason: str = ""


Line: TypeAlias = SessionLine | RenameLine | LogLine
LineT = TypeVar("LineT", SessionLine, RenameLine, LogLine)


def _at_once(then: Callable[[float], None]) -> None:
    then(time.monotonic())


class SessionRecorder:
    """Records sessions, in order with the log's appends and without waiting for them."""

    def __init__(
        self,
        log: RoomLog,
        clock: Callable[[], int] = wall_clock,
        deliver: Callable[[Callable[[float], None]], None] = _at_once,
    ) -> None:
        """Continue from the existing records; waits for the writer and raises StoreError.

        `clock` returns milliseconds since 1970. `deliver` is called in the writer thread with a callback, which it has
        to call with the time in monotonic seconds.
        """
        self._log = log
        self._clock, self._deliver = clock, deliver
        self._inherited: int = log.call(_read_last_record)
        self._records = itertools.count(self._inherited + 1)

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        """Record that a session has joined under a name; return the number of the record."""
        record = next(self._records)
        values = (record, cid, self._stamp(), name, owner, address, dialect, version, transient)
        self._write(_INSERT, values)
        return record

    def moved(self, record: int, address: str) -> None:
        """Record that a session has a new address."""
        self._write("UPDATE sessions SET address = ? WHERE record = ?", (address, record))

    def renamed(self, record: int, name: str) -> None:
        """Record that a session's member has another name; when it got that is in the log."""
        self._write("UPDATE sessions SET name = ? WHERE record = ?", (name, record))

    def closed(self, record: int, reason: str) -> None:
        """Record that a session is over, and why."""
        query = "UPDATE sessions SET closed = ?, reason = ? WHERE record = ? AND closed IS NULL"
        self._write(query, (self._stamp(), reason, record))

    def dropped(self, record: int) -> None:
        """Delete the record of a session that did not get in after all."""
        self._write("DELETE FROM sessions WHERE record = ?", (record,))

    def when_written(self, then: Callable[[float], None]) -> None:
        """Pass `then` to `deliver` when all records so far are on disk, or have failed."""
        self._log.after_commit(lambda: self._deliver(then))

    def lost_sessions(self) -> list[LostSession]:
        """Return the sessions left open by earlier servers, including those of a log that this one has replaced.

        They stay open until `close_lost`, so that a server that ends before it has told their clients leaves that to
        the next one. Waits for the writer; raises StoreError.
        """
        return self._log.call(self._read_lost)

    def close_lost(self) -> None:
        """Record that the sessions left open by earlier servers are over."""
        query = "UPDATE sessions SET closed = ?, reason = ? WHERE closed IS NULL AND record <= ?"
        self._write(query, (self._stamp(), SERVER_LOST, self._inherited))
        self._write("DELETE FROM replaced_sessions", ())

    def prune(self, before: str) -> int:
        """Delete sessions closed before a time (RFC 3339 as in the database), in small transactions; return how many.

        This can take long; call it in its own thread. Raises StoreError.
        """
        removed = 0
        while count := self._log.call(
            lambda connection: connection.execute(_DELETE_OLD, (before, before, PRUNE_CHUNK)).rowcount
        ):
            removed += count
        return removed

    def _read_lost(self, connection: sqlite3.Connection) -> list[LostSession]:
        query = """
            SELECT cid, address, name, dialect FROM sessions WHERE closed IS NULL AND record <= ?
            UNION ALL SELECT cid, address, '', 'secure' FROM replaced_sessions
        """
        return [LostSession(*columns) for columns in connection.execute(query, (self._inherited,)).fetchall()]

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(query, values)

        self._log.submit(work)

    def _stamp(self) -> str:
        return rfc3339(self._clock())


class HistoryReader:
    """Reads the history from a room's database, whether or not a server is running; changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def joins(self, since: int | None, name: str | None, limit: int | None) -> list[SessionLine]:
        """Read the newest `limit` sessions (None: all), ascending, that were open at `since` (ms since 1970) or later.

        `name` is compared case-insensitively. Raises DatabaseTooNew or DatabaseUnusable.
        """
        query = """
            SELECT opened, closed, name, owner, address, dialect, version, transient, reason FROM sessions
            WHERE closed IS NULL OR closed >= ? ORDER BY record DESC
        """
        return self._newest(query, since, _session_line, name, limit)

    def messages(
        self, since: int | None, name: str | None, limit: int | None, *, after: int = 0, private: bool = False
    ) -> list[LogLine]:
        """Read the newest `limit` lines (None: all), ascending, from `since` on and with a seq above `after`.

        `name` is compared case-insensitively with who said a line. The text of private lines is only read with
        `private`. Raises DatabaseTooNew or DatabaseUnusable.
        """
        query = """
            SELECT seq, at, CAST(body AS BLOB) FROM log
            WHERE +kind IN ('message', 'private') AND at >= ? AND body IS NOT NULL AND seq > ? ORDER BY seq DESC
        """
        lines = self._newest(query, since, _with_private if private else _log_line, name, limit, after)
        return self._with_strikes(lines) if any(line.struck for line in lines) else lines

    def _with_strikes(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return lines with what the log says about their removal."""
        query = "SELECT at, CAST(body AS BLOB) FROM log WHERE kind = 'struck' AND body IS NOT NULL"
        strikes: dict[int, tuple[int, int | None, str, str]] = {}
        with self._reading() as connection:
            for at, body in connection.execute(query):
                found = msgspec.json.decode(body, type=_Struck)
                strikes[found.line] = from_rfc3339(at), found.by, found.as_, found.reason
        return [_with_strike(line, strikes.get(line.seq)) if line.struck else line for line in lines]

    def renames(self, since: int | None, name: str | None, limit: int | None) -> list[RenameLine]:
        """Read the newest `limit` renames (None: all), ascending, from `since` on.

        `name` is compared case-insensitively with both names. Raises DatabaseTooNew or DatabaseUnusable.
        """
        query = """
            SELECT seq, at, CAST(body AS BLOB) FROM log
            WHERE +kind = 'renamed' AND at >= ? AND body IS NOT NULL ORDER BY seq DESC
        """
        return self._newest(query, since, _rename_line, name, limit)

    def joins_and_renames(self, since: int | None, name: str | None, limit: int | None) -> list[Line]:
        """Read the newest `limit` sessions and renames (None: all), by time; a session's is when it was opened."""
        return _newest_of(limit, self.joins(since, name, limit), self.renames(since, name, limit))

    def lines(self, since: int | None, name: str | None, limit: int | None, *, private: bool = False) -> list[Line]:
        """Read the newest `limit` sessions, renames and messages (None: all), by time."""
        messages = self.messages(since, name, limit, private=private)
        return _newest_of(limit, self.joins(since, name, limit), self.renames(since, name, limit), messages)

    def memberships(self, since: int) -> list[Membership]:
        """Read who was in the room at `since` (ms since 1970) or later; raises DatabaseTooNew or DatabaseUnusable."""
        connection = self._open()
        try:
            with explained(self._path):
                return read_memberships(connection, since)
        except (TypeError, ValueError, RecursionError) as error:
            raise DatabaseUnusable(str(self._path), f"damaged: {error!r}") from error
        finally:
            connection.close()

    def _newest(
        self,
        query: str,
        since: int | None,
        parse: Callable[..., LineT],
        name: str | None,
        limit: int | None,
        *values: int,
    ) -> list[LineT]:
        with self._reading() as connection:
            rows = connection.execute(query, ("" if since is None else rfc3339(since), *values))
            lines = itertools.starmap(parse, rows)
            return list(itertools.islice(_of_name(lines, name), limit))[::-1]

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = self._open()
        try:
            with explained(self._path):
                yield connection
        except (TypeError, ValueError, RecursionError) as error:
            raise DatabaseUnusable(str(self._path), f"damaged: {error!r}") from error
        finally:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        if not os.path.exists(self._path):
            raise DatabaseUnusable(str(self._path), "no such file")
        return open_as_it_is(self._path)


def _of_name(lines: Iterable[LineT], name: str | None) -> Iterable[LineT]:
    if name is None:
        return lines
    wanted = name.casefold()
    return (line for line in lines if wanted in map(str.casefold, _names_of(line)))


def _names_of(line: Line) -> tuple[str, ...]:
    return (line.name, line.new) if isinstance(line, RenameLine) else (line.name,)


def _newest_of(limit: int | None, *kinds: Sequence[Line]) -> list[Line]:
    """Return the newest `limit` of several lists, by time; each keeps its order, whatever the clock did."""
    merged = list(heapq.merge(*kinds, key=lambda line: line.at))
    return merged if limit is None else merged[max(0, len(merged) - limit) :]


def _session_line(opened: str, closed: str | None, *rest: Any) -> SessionLine:
    name, owner, address, dialect, version, transient, reason = rest
    texts = (name, owner, address, dialect, version, "" if reason is None else reason)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"a session of {opened}")
    ended = None if closed is None else from_rfc3339(closed)
    return SessionLine(from_rfc3339(opened), ended, name, owner, address, dialect, version, bool(transient), reason)


def _rename_line(seq: int, at: str, body: bytes) -> RenameLine:
    renamed = msgspec.json.decode(body, type=_Renamed)
    return RenameLine(seq, from_rfc3339(at), renamed.name, renamed.new, renamed.owner)


def _log_line(seq: int, at: str, body: bytes) -> LogLine:
    line = _with_private(seq, at, body)
    return replace(line, text="") if line.to else line


def _with_private(seq: int, at: str, body: bytes) -> LogLine:
    said = msgspec.json.decode(body, type=_Said)
    is_official = said.owner == ADMIN_OWNER
    return LogLine(seq, from_rfc3339(at), said.name, said.text, said.action, said.to, is_official, said.struck)


def _with_strike(line: LogLine, strike: tuple[int, int | None, str, str] | None) -> LogLine:
    if strike is None:
        return line
    at, by, as_, reason = strike
    return replace(line, struck_at=at, struck_by=by, struck_as=as_, struck_reason=reason)


def _read_last_record(connection: sqlite3.Connection) -> int:
    last: int | None = connection.execute("SELECT max(record) FROM sessions").fetchone()[0]
    return last or 0
