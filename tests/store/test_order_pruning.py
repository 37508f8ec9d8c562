"""Pruning takes orders that have ended, and never puts one in force again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.lines import entry

from sockatuh.room.entries import LINE_KINDS, ORDER_KINDS, Banned, Muted, OrderEntry, Removed, Unbanned, Unmuted
from sockatuh.room.log import MAX_SEQ, Append
from sockatuh.room.moments import from_rfc3339, rfc3339
from sockatuh.store.backup import make_backup
from sockatuh.store.database import open_reader
from sockatuh.store.log_table import append_all, delete_ended, delete_old, read_last_of_each_key
from sockatuh.store.migrations import migrate
from sockatuh.store.restore import restore_backup
from sockatuh.store.roomlog import RoomLog

START = 1_769_853_120_000
DAY = 86_400_000
KEY = "\u0001ban:key:k"
Kind = Literal["removed", "banned", "unbanned", "muted", "unmuted"]
LOG_KEYS: dict[Kind, str] = {
    "removed": "\u0001kick:key:k",
    "banned": KEY,
    "unbanned": KEY,
    "muted": "\u0001mute:key:k",
    "unmuted": "\u0001mute:key:k",
}


def order(kind: Kind, until: int | None = None) -> OrderEntry:
    """Return an order about one key that ends at `until` (ms since 1970)."""
    end = None if until is None else rfc3339(until)
    match kind:
        case "removed":
            return Removed("budi", "k", "", 0, "tom", "flooding", end or rfc3339(START))
        case "banned":
            return Banned("budi", "k", "", 0, "tom", "flooding", end)
        case "muted":
            return Muted("budi", "k", "", 0, "tom", "flooding", end)
        case "unbanned":
            return Unbanned("budi", "k", "", 0, "tom", "", 1)
        case "unmuted":
            return Unmuted("budi", "k", "", 0, "tom", "", 1)


def write(connection: sqlite3.Connection, number: int, at: int, body: OrderEntry, key: str) -> None:
    append_all(connection, [Append(number.to_bytes(16, "big"), body, key)], at, frozenset())


@contextmanager
def empty_log() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        yield connection


def in_force(connection: sqlite3.Connection, now: int) -> dict[str | None, int]:
    """Return the seq of the order in force for each key, as a server finds them when it starts."""
    return {
        row.key: row.seq
        for row in read_last_of_each_key(connection)
        if isinstance(row.body, Removed | Banned | Muted)
        and (row.body.until is None or from_rfc3339(row.body.until) > now)
    }


def bodies(connection: sqlite3.Connection) -> list[str]:
    return [kind for (kind,) in connection.execute("SELECT kind FROM log ORDER BY seq")]


@dataclass(frozen=True)
class Given:
    """An order of `kind`, stamped on a day (a clock may jump), that lasts so many days (None: for ever)."""

    kind: Kind
    day: int
    lasts: int | None


orders = st.lists(
    st.builds(Given, st.sampled_from(list(LOG_KEYS)), st.integers(0, 20), st.one_of(st.none(), st.integers(0, 20))),
    max_size=12,
)
steps = st.lists(st.tuples(st.sampled_from([delete_old, delete_ended]), st.sampled_from(sorted(ORDER_KINDS))))


@given(orders, st.integers(0, 40), st.integers(0, 20), st.integers(1, 13), steps)
def test_no_step_of_pruning_changes_which_orders_are_in_force(
    orders: list[Given], today: int, kept_days: int, young: int, steps: list[tuple[object, str]]
) -> None:
    now, before = START + today * DAY, rfc3339(START + (today - kept_days) * DAY)
    with empty_log() as connection:
        for number, each in enumerate(orders):
            at = START + each.day * DAY
            body = order(each.kind, None if each.lasts is None else at + each.lasts * DAY)
            write(connection, number, at, body, LOG_KEYS[each.kind])
        expected = in_force(connection, now)
        for delete, kind in steps:  # any of them may be the last one: the process is killed
            assert delete in (delete_old, delete_ended)
            (delete_old if delete is delete_old else delete_ended)(connection, kind, before, young)
            assert in_force(connection, now) == expected
        for kind in sorted(ORDER_KINDS):  # as a whole round of pruning does
            delete_old(connection, kind, before, MAX_SEQ)
            delete_ended(connection, kind, before, MAX_SEQ)
        assert in_force(connection, now) == expected


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RoomLog]:
    log = RoomLog.open(
        tmp_path / "state" / "room.db",
        synchronous="normal",
        volatile_kinds=frozenset(),
        on_error=print,
        clock=lambda: START,
    )
    log.follow(0, lambda _rows, _outcomes: None)
    yield log
    log.close()


def prune(log: RoomLog, day: int) -> None:
    log.call(lambda _: None)  # what was appended is committed
    log.prune(None, rfc3339(START + day * DAY), LINE_KINDS, now=rfc3339(START + 100 * DAY))


def kept(log: RoomLog) -> list[str]:
    return [row.kind for row in log.read(0, 99, 99).rows]


@pytest.mark.parametrize("kind", ["removed", "banned", "muted"])
def test_an_order_goes_when_it_ended_as_long_ago_as_events_are_kept(log: RoomLog, kind: Kind) -> None:
    log.append(Append(b"1" * 16, order(kind, START + 10 * DAY), LOG_KEYS[kind]))
    prune(log, 9)
    assert kept(log) == [kind]
    prune(log, 11)
    assert kept(log) == []


@pytest.mark.parametrize("kind", ["banned", "muted"])
def test_an_order_for_ever_stays(log: RoomLog, kind: Kind) -> None:
    log.append(Append(b"1" * 16, order(kind), LOG_KEYS[kind]))
    prune(log, 90)
    assert kept(log) == [kind]


@pytest.mark.parametrize(("kind", "lifting"), [("banned", "unbanned"), ("muted", "unmuted")])
def test_what_lifted_an_order_goes_with_it(log: RoomLog, kind: Kind, lifting: Kind) -> None:
    log.append(Append(b"1" * 16, order(kind), LOG_KEYS[kind]))
    log.append(Append(b"2" * 16, order(lifting), LOG_KEYS[lifting]))
    log.append(entry(3, "joined", "ana"))
    prune(log, 0)
    assert kept(log) == [kind, lifting, "joined"]
    prune(log, 1)
    assert kept(log) == ["joined"], "but a name keeps its owner"


def test_after_a_key_was_forgotten_nothing_is_the_last_of_it(log: RoomLog) -> None:
    log.append(Append(b"1" * 16, order("banned", START + DAY), KEY))
    prune(log, 2)
    log.append(Append(b"2" * 16, order("banned"), KEY, expect=0))
    log.call(lambda _: None)
    assert [row.seq for row in log.last_of_each_key()] == [2]


@pytest.mark.parametrize("until", ['"tomorrow"', "5", "null", '"2026-02-30T00:00:00.000Z"', '{"a": 1}'])
def test_an_end_that_cannot_be_read_is_none(log: RoomLog, until: str) -> None:
    log.append(Append(b"1" * 16, order("banned", START), KEY))
    replaced = f"""UPDATE log SET body = json_set(body, '$.until', json('{until}'))"""  # noqa: S608 (ours)
    log.call(lambda connection: connection.execute(replaced).fetchall())
    prune(log, 90)
    assert log.call(bodies) == ["banned"]


def test_a_damaged_order_does_not_stop_pruning(log: RoomLog) -> None:
    log.append(Append(b"1" * 16, order("banned", START), KEY))
    log.append(Append(b"2" * 16, order("banned", START), KEY + "2"))
    log.call(lambda connection: connection.execute("UPDATE log SET body = '{' WHERE seq = 1").fetchall())
    prune(log, 90)
    assert log.call(bodies) == ["banned"]


def test_orders_survive_a_backup_and_its_restoration(log: RoomLog, tmp_path: Path) -> None:
    database = tmp_path / "state" / "room.db"
    for number, kind in enumerate(LOG_KEYS):
        log.append(Append(number.to_bytes(16, "big"), order(kind, START + DAY), LOG_KEYS[kind] + kind))
    log.call(lambda _: None)
    before = [(row.seq, row.at, row.body, row.key) for row in log.last_of_each_key()]
    make_backup(database, tmp_path / "copy", replace=False)
    log.append(Append(b"2" * 16, order("unbanned"), LOG_KEYS["banned"] + "banned"))
    log.close()
    restore_backup(tmp_path / "copy", database)
    with closing(open_reader(database)) as connection:
        assert [(row.seq, row.at, row.body, row.key) for row in read_last_of_each_key(connection)] == before
    assert len(before) == len(ORDER_KINDS)
