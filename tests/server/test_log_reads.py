"""Reading for those who ask, when what they ask for is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.entries import Message, encode_body
from sockatuh.server.log_reads import READ_LIMIT, READINGS_AT_ONCE, Reading, Readings, read_recent, read_stretch
from sockatuh.store.roomlog import Append, RoomLog

ENTRIES = 2 * READ_LIMIT


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RoomLog]:
    log = RoomLog.open(
        tmp_path / "room.db", synchronous="normal", volatile_kinds=frozenset(), deliver=lambda _: None, on_error=print
    )
    with closing(log):
        for number in range(ENTRIES):
            body = encode_body(Message("ana", "", f"line {number}", action=False))
            log.append(Append(number.to_bytes(16, "big"), "message", body))
        log.call(lambda _: None)
        yield log


def spoil(log: RoomLog, column: str, value: str, seq: int) -> None:
    query = f"UPDATE log SET {column} = ? WHERE seq = ?"  # noqa: S608 - a column named in this file
    log.call(lambda connection: connection.execute(query, (value, seq)).fetchall())


def test_a_whole_stretch_is_read_as_far_as_one_answer_goes(log: RoomLog) -> None:
    found = read_stretch(log, Reading(7, 0, ENTRIES))
    assert [row.seq for row in found.rows] == list(range(1, READ_LIMIT + 1))
    assert found.reading == Reading(7, 0, READ_LIMIT)
    assert found.damage is None
    assert read_stretch(log, Reading(7, READ_LIMIT + 1, ENTRIES)).reading.through == ENTRIES


def test_a_row_that_says_nothing_is_left_out_and_the_stretch_stays_as_long(log: RoomLog) -> None:
    spoil(log, "body", "{half", 5)
    found = read_stretch(log, Reading(7, 0, ENTRIES))
    assert [row.seq for row in found.rows] == [seq for seq in range(1, READ_LIMIT + 1) if seq != 5]
    assert found.reading.through == READ_LIMIT
    assert "cannot be read" in str(found.damage)


def test_what_cannot_be_read_at_all_is_gone_for_whoever_asks_and_the_rest_is_not(log: RoomLog) -> None:
    spoil(log, "at", "noon", 5)
    found = read_stretch(log, Reading(7, 0, ENTRIES))
    assert [row.seq for row in found.rows] == [seq for seq in range(1, READ_LIMIT + 1) if seq != 5]
    assert found.reading.through == READ_LIMIT
    assert "damaged" in str(found.damage)


def test_what_can_be_read_another_time_is_no_damage(log: RoomLog) -> None:
    log.close()
    with pytest.raises(DatabaseUnusable, match="closed"):
        read_stretch(log, Reading(7, 0, ENTRIES))
    with pytest.raises(DatabaseUnusable, match="closed"):
        read_recent(log, 10)


def test_a_room_begins_with_what_can_be_read_of_its_newest_lines(log: RoomLog) -> None:
    spoil(log, "body", "{half", ENTRIES - 1)
    rows, damage = read_recent(log, 3)
    assert [row.seq for row in rows] == [ENTRIES - 2, ENTRIES]
    assert damage is not None
    spoil(log, "at", "noon", ENTRIES)
    rows, damage = read_recent(log, 3)
    assert [row.seq for row in rows] == [ENTRIES - 2]
    assert "noon" in str(damage)


def test_each_session_has_one_stretch_read_and_only_so_many_are_under_way() -> None:
    readings = Readings()
    for session in range(2 * READINGS_AT_ONCE):
        readings.add(Reading(session, 0, 9))
        readings.add(Reading(session, 5, 9))
    under_way = [readings.take() for _ in range(READINGS_AT_ONCE)]
    assert under_way == [Reading(session, 0, 9) for session in range(READINGS_AT_ONCE)]
    assert readings.take() is None
    readings.add(Reading(3, 5, 9))
    for session in (3, 4):
        readings.finish(Reading(session, 0, 9))
    readings.add(Reading(3, 6, 9))
    assert [readings.take(), readings.take(), readings.take()] == [
        Reading(READINGS_AT_ONCE, 0, 9),
        Reading(READINGS_AT_ONCE + 1, 0, 9),
        None,
    ]
