"""The log bounded in bytes: counted without reading all of it, the oldest lines first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.lines import body_of, entry

from sockatuh.room.entries import encode_body
from sockatuh.room.log import MAX_SEQ
from sockatuh.store import byte_bound
from sockatuh.store.byte_bound import ROW_COST, count_more, delete_oldest, read_tally, write_tally
from sockatuh.store.log_table import append_all, delete_old
from sockatuh.store.migrations import migrate
from sockatuh.store.roomlog import RoomLog

AT = 1_769_853_120_000
DAY_MS = 86_400_000


def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path(":memory:"))
    return connection


def say(connection: sqlite3.Connection, first: int, sizes: list[int], at: int = AT, kind: str = "message") -> None:
    appends = [entry(number, kind, text="x" * size) for number, size in enumerate(sizes, first)]
    if appends:
        append_all(connection, appends, at, frozenset())


def stored(size: int) -> int:
    """Return what a message with a text of `size` bytes counts for."""
    return len(encode_body(body_of("message", "x" * size))) + ROW_COST


def count(connection: sqlite3.Connection) -> None:
    tally = read_tally(connection)
    while (more := count_more(connection, tally)) != tally:
        tally = more
    write_tally(connection, tally)


def true_bytes(connection: sqlite3.Connection) -> int:
    query = "SELECT coalesce(sum(length(CAST(body AS BLOB)) + ?), 0) FROM log WHERE kind IN ('message', 'private')"
    return int(connection.execute(query, (ROW_COST,)).fetchone()[0])


@given(
    st.lists(
        st.one_of(
            st.lists(st.integers(0, 300), max_size=30),
            st.tuples(st.lists(st.integers(0, 300), max_size=9)),
            st.integers(0, 4_000),
            st.sampled_from(["count", "age", "joins"]),
        ),
        max_size=12,
    )
)
def test_the_byte_count_is_exact_after_any_appends_and_deletes(
    steps: list[list[int] | tuple[list[int]] | int | str],
) -> None:
    with closing(empty()) as connection:
        number = 1
        for day, step in enumerate(steps):
            if isinstance(step, list):
                say(connection, number, step, AT + day * DAY_MS)
                number += len(step)
            elif isinstance(step, tuple):
                say(connection, number, *step, AT + day * DAY_MS, "private")
                number += len(*step)
            elif isinstance(step, int):
                count(connection)
                while delete_oldest(connection, step):
                    pass
                assert read_tally(connection).bytes == true_bytes(connection) <= step
            elif step == "count":
                count(connection)
                assert read_tally(connection).bytes == true_bytes(connection)
            elif step == "age":
                for kind in ("message", "private"):
                    while delete_old(connection, kind, "2026-01-31T10:00:00.000Z", MAX_SEQ):
                        pass
            else:
                say(connection, number, [5] * 3, kind="joined")
                number += 3
        count(connection)
        assert read_tally(connection).bytes == true_bytes(connection)


def test_only_the_oldest_lines_are_deleted() -> None:
    with closing(empty()) as connection:
        say(connection, 1, [10] * 5, kind="joined")
        say(connection, 6, [100] * 10)
        count(connection)
        assert delete_oldest(connection, 3 * stored(100)) == 7
        assert delete_oldest(connection, 3 * stored(100)) == 0
        kept = [seq for (seq,) in connection.execute("SELECT seq FROM log ORDER BY seq")]
        assert kept == [1, 2, 3, 4, 5, 13, 14, 15]


def test_only_entries_since_the_last_count_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_bound, "COUNTED_AT_ONCE", 100)
    with closing(empty()) as connection:
        say(connection, 1, [1] * 105)
        count(connection)
        tally = read_tally(connection)
        assert tally.counted == 105
        say(connection, 1_000, [7])
        more = count_more(connection, tally)
        assert (more.bytes - tally.bytes, more.counted - tally.counted) == (stored(7), 1)


def test_private_lines_and_messages_are_deleted_in_one_order() -> None:
    with closing(empty()) as connection:
        for number in range(1, 11):
            say(connection, number, [100], kind="private" if number % 2 else "message")
        say(connection, 11, [1], kind="joined")
        count(connection)
        assert delete_oldest(connection, read_tally(connection).bytes - 5 * stored(100)) in (5, 6)
        kept = connection.execute("SELECT min(seq), count(*) FROM log WHERE kind <> 'joined'").fetchone()
        assert kept[0] + kept[1] == 11, "the oldest are gone, whichever they were"


def test_deleting_lines_frees_disk_space(tmp_path: Path) -> None:
    log = RoomLog.open(
        tmp_path / "room.db",
        synchronous="normal",
        volatile_kinds=frozenset(),
        on_error=lambda _: None,
    )
    for number in range(1, 401):
        log.append(entry(number, text="x" * 10_000))
    log.call(lambda _: None)
    assert log.appended_bytes == 400 * stored(10_000)
    assert log.bound_bytes(98 * stored(10_000)) == 302
    assert [row.seq for row in log.read(0, 400, 1_000).rows] == list(range(303, 401))
    assert log.bound_bytes(98 * stored(10_000)) == 0
    log.close()
    assert (tmp_path / "room.db").stat().st_size < 1_500_000
