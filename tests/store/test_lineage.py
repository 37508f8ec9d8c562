"""How far a log agrees with its former ids and with the log it replaces."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.lines import entry

from sockatuh.room.log import Lineage
from sockatuh.store.log_identity import MAX_FORMER, inherit, read_head, read_lineage, renew_log_id
from sockatuh.store.log_table import append_all
from sockatuh.store.migrations import STEPS, migrate

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


@pytest.fixture(name="log")
def _log() -> Iterator[sqlite3.Connection]:
    with closing(make_log()) as connection:
        yield connection


def make_log(log_id: bytes = A, entries: int = 0) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path("room.db"))
    connection.execute("UPDATE meta SET value = ? WHERE name = 'log_id'", (log_id,))
    say(connection, entries)
    return connection


def say(connection: sqlite3.Connection, count: int) -> None:
    first = read_head(connection)
    lines = [entry(first + each) for each in range(count)]
    append_all(connection, lines, 0, frozenset())


def test_a_place_in_a_former_log_is_clamped_to_its_end() -> None:
    lineage = Lineage(C, 30, {A: 10, B: 30})
    assert lineage.agreed(C, 99) == 99
    assert [lineage.agreed(A, seq) for seq in (0, 7, 10, 11, 10**9)] == [0, 7, 10, 10, 10]
    assert lineage.agreed(B, 29) == 29
    assert [lineage.agreed(b"?" * 16, seq) for seq in (0, 40)] == [30, 30]


def test_a_new_log_has_no_former_ids(log: sqlite3.Connection) -> None:
    assert read_lineage(log) == Lineage(A, 0, {})


def test_each_former_id_is_kept_with_its_last_seq(
    log: sqlite3.Connection,
) -> None:
    expected = read_lineage(log)
    for log_id, ended in ((B, None), (C, 2)):
        say(log, 3)
        renew_log_id(log, log_id, ended)
        expected = expected.renewed(log_id, read_head(log) if ended is None else ended)
        assert read_lineage(log) == expected
    assert expected == Lineage(C, 2, {A: 3, B: 2})


def test_pruned_and_volatile_entries_count_too(log: sqlite3.Connection) -> None:
    say(log, 5)
    log.execute("DELETE FROM log")
    renew_log_id(log)
    assert read_lineage(log).former == {A: 5}


def test_only_the_newest_former_ids_are_kept(log: sqlite3.Connection) -> None:
    for number in range(MAX_FORMER + 5):
        renew_log_id(log, number.to_bytes(16, "big"))
    former = read_lineage(log).former
    assert len(former) == MAX_FORMER
    assert (MAX_FORMER + 3).to_bytes(16, "big") in former
    assert A not in former


def test_a_log_of_the_first_schema_has_an_id_and_no_former_ids() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in STEPS[0]:
            connection.execute(statement)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'log_id'", (A,))
        assert read_lineage(connection) == Lineage(A, 0, {})


def test_a_backup_shares_all_its_entries_with_its_source(log: sqlite3.Connection) -> None:
    say(log, 10)
    renew_log_id(log, B)
    inherit(log, Lineage(A), 50)
    assert read_lineage(log) == Lineage(B, 10, {A: 10})


def test_the_replaced_logs_newer_ids_are_known_up_to_the_shared_part(log: sqlite3.Connection) -> None:
    """A backup of A at 10 is put back over C, which B and A went before: A to 20, B to 30."""
    say(log, 10)
    renew_log_id(log, b"n" * 16)
    inherit(log, Lineage(C, 30, {A: 20, B: 30}), 99)
    assert read_lineage(log).former == {A: 10, B: 10, C: 10}


def test_two_diverged_logs_share_their_common_ancestor(
    log: sqlite3.Connection,
) -> None:
    """A went to 50 and was backed up; then its backup at 10 was put back as B; now the one at 50 replaces that."""
    say(log, 50)
    renew_log_id(log, b"n" * 16)
    inherit(log, Lineage(B, 10, {A: 10}), 99)
    assert read_lineage(log).former == {A: 50, B: 10}


def test_another_rooms_log_shares_nothing(log: sqlite3.Connection) -> None:
    say(log, 10)
    renew_log_id(log, B)
    inherit(log, Lineage(C, 5, {b"x" * 16: 5}), 20)
    assert read_lineage(log).former == {A: 10}


@given(st.data())
def test_no_restore_overestimates_what_a_reader_has_read(data: st.DataObject) -> None:
    """Logs as lists of unique entries: a place under a former id is never beyond what both lists have in common."""
    numbers = iter(range(10**6))
    current: tuple[list[int], Lineage] = [], Lineage(next(numbers).to_bytes(16, "big"))
    backups = [current]
    states: list[tuple[bytes, list[int]]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        entries, lineage = current
        entries = entries + [next(numbers) for _ in range(data.draw(st.integers(0, 4)))]
        states.append((lineage.log_id, entries))
        current = entries, lineage
        if data.draw(st.booleans()):
            backups.append(current)
        if data.draw(st.booleans()):
            held, origin = data.draw(st.sampled_from(backups))
            with closing(make_log(origin.log_id, len(held))) as copy:
                copy.executemany("INSERT INTO former_logs (log_id, ended) VALUES (?, ?)", origin.former.items())
                renew_log_id(copy, next(numbers).to_bytes(16, "big"))
                inherit(copy, lineage, len(entries))
                current = held, read_lineage(copy)
    now, lineage = current
    for log_id, entries in states:
        for read_to in range(len(entries) + 1):
            agreed = lineage.agreed(log_id, read_to)
            assert now[:agreed] == entries[:agreed], "entries would be passed over that were never read"
