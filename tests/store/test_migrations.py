from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store.lines import entry

from sockatuh.errors import DatabaseTooNew
from sockatuh.store import migrations
from sockatuh.store.log_table import append_all
from sockatuh.store.migrations import STEPS, migrate, refuse_newer

PATH = Path("room.db")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_an_empty_database_gets_the_whole_schema(connection: sqlite3.Connection) -> None:
    migrate(connection, PATH)
    assert tables(connection) == {"log", "sessions", "meta", "former_logs", "replaced_sessions", "sqlite_sequence"}
    assert refuse_newer(connection, PATH) == len(STEPS)


def test_each_log_has_a_random_id_that_stays(connection: sqlite3.Connection) -> None:
    query = "SELECT value FROM meta WHERE name = 'log_id'"
    migrate(connection, PATH)
    first = connection.execute(query).fetchone()[0]
    migrate(connection, PATH)
    assert connection.execute(query).fetchall() == [(first,)]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        migrate(other, PATH)
        assert other.execute(query).fetchone()[0] != first
    assert len(first) == 16


def test_a_newer_database_is_refused_and_not_touched(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(DatabaseTooNew, match=rf"schema {len(STEPS) + 1}, .* up to {len(STEPS)}"):
        migrate(connection, PATH)
    assert tables(connection) == set()
    assert not connection.in_transaction


@pytest.mark.parametrize("known", [2, 3], ids=["private lines and renames", "the admin's orders"])
def test_a_program_that_does_not_know_a_kind_of_entry_refuses_the_database_in_words(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    migrate(connection, PATH)
    monkeypatch.setattr(migrations, "STEPS", STEPS[:known])
    with pytest.raises(DatabaseTooNew, match=rf"room.db has schema {len(STEPS)}, this SockAtuh knows up to {known}"):
        migrate(connection, PATH)


@pytest.mark.parametrize("found", range(1, len(STEPS)))
def test_a_database_of_a_schema_before_is_raised_with_all_that_is_in_it(
    connection: sqlite3.Connection, found: int
) -> None:
    for step in STEPS[:found]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {found}")
    append_all(connection, [entry(1), entry(2, "joined", "ana")], 1, frozenset())
    before = connection.execute("SELECT * FROM log").fetchall()
    migrate(connection, PATH)
    assert refuse_newer(connection, PATH) == len(STEPS)
    assert connection.execute("SELECT * FROM log").fetchall() == before


def test_a_step_that_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE meta (something_else)")
    with pytest.raises(sqlite3.OperationalError, match="meta already exists"):
        migrate(connection, PATH)
    assert tables(connection) == {"meta"}
    assert refuse_newer(connection, PATH) == 0
    assert not connection.in_transaction
