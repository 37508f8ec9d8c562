"""When the log gets a new id: exactly when it may have been set back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.store.database import open_writer
from sockatuh.store.log_identity import (
    BOOT,
    COPIED,
    KEPT_FILES,
    check_log_id,
    close_in_order,
    find_boot_id,
    find_mark,
    read_lineage,
)
from sockatuh.store.migrations import migrate

YESTERDAY, TODAY, NAMELESS = "boot one", "boot two", ""


@pytest.fixture(name="log")
def _log() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path("room.db"))
        yield connection


def log_id(connection: sqlite3.Connection) -> bytes:
    found: bytes = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchone()[0]
    return found


@pytest.mark.parametrize(
    ("opened", "again", "renewed"),
    [
        (TODAY, TODAY, False),
        (YESTERDAY, TODAY, True),
        (NAMELESS, TODAY, True),
        (TODAY, NAMELESS, True),
        (NAMELESS, NAMELESS, True),
    ],
)
@pytest.mark.parametrize("durable_again", [True, False])
def test_an_unsynced_log_gets_a_new_id_after_a_reboot(
    log: sqlite3.Connection, opened: str, again: str, renewed: bool, durable_again: bool
) -> None:
    check_log_id(log, opened, durable=False)
    before = log_id(log)
    check_log_id(log, again, durable=durable_again)
    assert (log_id(log) != before) is renewed
    assert read_lineage(log).former == ({before: 0} if renewed else {})
    assert find_mark(log, BOOT) == (None if durable_again else again)
    before = log_id(log)
    check_log_id(log, again or TODAY, durable=True)
    assert (log_id(log) != before) is (not durable_again and not again), "told once is enough"


def test_a_fully_synced_log_always_keeps_its_id(log: sqlite3.Connection) -> None:
    before = log_id(log)
    for boot in (YESTERDAY, TODAY, NAMELESS):
        check_log_id(log, boot, durable=True)
        assert (log_id(log), find_mark(log, BOOT)) == (before, None)


def test_a_cleanly_closed_log_keeps_its_id(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "room.db", "normal")
    assert find_mark(connection, BOOT) == find_boot_id()
    before = log_id(connection)
    close_in_order(connection)
    with closing(sqlite3.connect(tmp_path / "room.db", isolation_level=None)) as again:
        assert find_mark(again, BOOT) is None
        check_log_id(again, "another boot", durable=False)
        assert log_id(again) == before


def test_a_log_that_cannot_be_closed_cleanly_is_still_closed(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "room.db", "normal")
    connection.execute("PRAGMA query_only = ON")
    close_in_order(connection)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    with closing(sqlite3.connect(tmp_path / "room.db")) as again:
        assert find_mark(again, BOOT) == find_boot_id(), "the next start shall know"


def test_a_copied_database_is_a_new_log_without_the_old_keys(log: sqlite3.Connection) -> None:
    before = log_id(log)
    log.execute("INSERT INTO meta VALUES (?, '2026-01-31T09:52:00.000Z')", (COPIED,))
    log.execute(f"CREATE TABLE {KEPT_FILES} (name, content)")
    check_log_id(log, TODAY, durable=True)
    renewed = log_id(log)
    assert renewed != before
    assert find_mark(log, COPIED) is None
    assert not log.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (KEPT_FILES,)).fetchall()
    check_log_id(log, TODAY, durable=True)
    assert log_id(log) == renewed


def test_a_failure_leaves_the_log_unchanged(log: sqlite3.Connection) -> None:
    check_log_id(log, YESTERDAY, durable=False)
    before = log_id(log)
    log.execute("CREATE TRIGGER no BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        check_log_id(log, TODAY, durable=True)
    assert (log_id(log), find_mark(log, BOOT)) == (before, YESTERDAY)
    assert not log.in_transaction


def test_the_mark_is_synced_before_any_unsynced_write(tmp_path: Path) -> None:
    """What a power failure leaves at the least is what was synced: with the mark the whole write-ahead log was."""
    statements: list[str] = []

    class Noted(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            statements.append(sql)
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, **options, factory=Noted))
        open_writer(tmp_path / "room.db", "normal").close()
    marked = next(place for place, each in enumerate(statements) if "INSERT OR REPLACE INTO meta" in each)
    committed = statements.index("COMMIT", marked)
    assert statements.index("PRAGMA synchronous = FULL") < marked
    assert statements.index("PRAGMA synchronous = NORMAL") > committed
