"""Reads of the log for clients, including damaged ranges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store.lines import entry

from sockatuh.errors import DatabaseDamaged, DatabaseUnusable
from sockatuh.server.log_reads import READ_LIMIT, READS_AT_ONCE, ReadQueue, ReadRequest, read_for
from sockatuh.store.roomlog import RoomLog

ENTRIES = 2 * READ_LIMIT


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RoomLog]:
    log = RoomLog.open(tmp_path / "room.db", synchronous="normal", volatile_kinds=frozenset(), on_error=print)
    with closing(log):
        for number in range(ENTRIES):
            log.append(entry(number))
        log.call(lambda _: None)
        yield log


def spoil(log: RoomLog, column: str, value: str, *seqs: int) -> None:
    query = f"UPDATE log SET {column} = ? WHERE seq = ?"  # noqa: S608 - a column named in this file
    log.call(lambda connection: connection.executemany(query, [(value, seq) for seq in seqs]).fetchall())


def test_an_intact_range_is_read_up_to_one_answers_size(log: RoomLog) -> None:
    found = read_for(log, ReadRequest(7, 0, ENTRIES))
    assert [row.seq for row in found.rows] == list(range(1, READ_LIMIT + 1))
    assert (found.through, found.damage) == (READ_LIMIT, None)
    assert read_for(log, ReadRequest(7, READ_LIMIT + 1, ENTRIES)).through == ENTRIES


@pytest.mark.parametrize(("column", "value"), [("body", "{half"), ("kind", "unheard of"), ("at", "noon")])
def test_damage_is_reported_as_a_gap_spanning_the_damaged_entries(log: RoomLog, column: str, value: str) -> None:
    spoil(log, column, value, 5, 9)
    found = read_for(log, ReadRequest(7, 0, ENTRIES))
    assert [row.seq for row in found.rows] == [*range(1, 5), *range(10, READ_LIMIT + 1)]
    assert found.through == READ_LIMIT, "what follows is asked for as if nothing were damaged"
    assert isinstance(found.damage, DatabaseDamaged)
    assert "sockatuh restore" in found.damage.remedy


def test_a_transient_read_error_is_not_damage(log: RoomLog) -> None:
    log.close()
    with pytest.raises(DatabaseUnusable, match="closed"):
        read_for(log, ReadRequest(7, 0, ENTRIES))
    with pytest.raises(DatabaseUnusable, match="closed"):
        log.recent(10)


def test_a_room_starts_with_the_readable_newest_lines(log: RoomLog) -> None:
    spoil(log, "body", "{half", ENTRIES - 1)
    found = log.recent(3)
    assert [row.seq for row in found.rows] == [ENTRIES - 2, ENTRIES]
    assert isinstance(found.damage, DatabaseDamaged)
    spoil(log, "at", "noon", ENTRIES)
    assert [row.seq for row in log.recent(3).rows] == [ENTRIES - 2]


def test_reads_are_limited_to_one_a_session_and_a_total() -> None:
    queue = ReadQueue()
    for session in range(2 * READS_AT_ONCE):
        queue.add(ReadRequest(session, 0, 9))
        queue.add(ReadRequest(session, 5, 9))
    under_way = [queue.take() for _ in range(READS_AT_ONCE)]
    assert under_way == [ReadRequest(session, 0, 9) for session in range(READS_AT_ONCE)]
    assert queue.take() is None
    queue.add(ReadRequest(3, 5, 9))
    for session in (3, 4):
        queue.finish(ReadRequest(session, 0, 9))
    queue.add(ReadRequest(3, 6, 9))
    assert [queue.take(), queue.take(), queue.take()] == [
        ReadRequest(READS_AT_ONCE, 0, 9),
        ReadRequest(READS_AT_ONCE + 1, 0, 9),
        None,
    ]
