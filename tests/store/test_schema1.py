"""This version opens what the first version wrote."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from store.first_schema import LAST, LINES, SESSIONS, WRITTEN, lay_out
from store.lines import entry

from sockatuh.store.backup import make_backup
from sockatuh.store.database import open_writer
from sockatuh.store.history import HistoryReader
from sockatuh.store.keys import ServerKeys, load_ticket_keys
from sockatuh.store.log_table import append_if, read_last_of_each_key, read_span
from sockatuh.store.migrations import STEPS, refuse_newer
from sockatuh.store.restore import restore_backup


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "state")


def read(database: Path) -> tuple[list[str], list[tuple[str, str | None]]]:
    reader = HistoryReader(database)
    lines = [f"{line.name}: {line.text}" for line in reader.messages(None, None, 100)]
    return lines, [(line.name, line.reason) for line in reader.joins(None, None, 100)]


def test_its_history_is_readable_before_and_after_migration(database: Path) -> None:
    for _ in range(2):
        assert read(database) == (list(LINES), list(SESSIONS))
        open_writer(database, "full").close()
    actions = [line.text for line in HistoryReader(database).messages(None, None, 100) if line.action]
    assert actions == ["waves"]


def test_it_continues_as_the_same_log(database: Path) -> None:
    with closing(open_writer(database, "full")) as connection:
        span = read_span(connection)
        assert (span.first, span.last) == (1, LAST)
        assert span.log_id.hex() == "d36a5e3aefb62fa6675ab164b48101e9"
        assert refuse_newer(connection, database) == len(STEPS)
        last = {row.key: (row.seq, row.kind) for row in read_last_of_each_key(connection)}
        assert last == {
            "ana": (1, "joined"),
            "budi santoso": (8, "left"),
            "robot": (9, "claimed"),
            "tante": (11, "joined"),
        }
        joined = append_if(connection, entry(0, "joined", "robot", 9), 0, frozenset())
        assert isinstance(joined, list)
        assert [row.seq for row in joined] == [LAST + 1]


def test_its_keys_are_read(database: Path) -> None:
    keys = ServerKeys.load(database.parent)
    assert {len(keys.private_key), len(keys.reset_key)} == {32}
    for name in ("server.key", "reset.key"):
        assert (database.parent / name).read_bytes() == (WRITTEN / name).read_bytes()
    (key_id, key), _ = load_ticket_keys(database.parent)
    assert key_id.hex() in (WRITTEN / "ticket.keys").read_text(), "it goes on sealing"
    assert len(key) == 32


def test_it_can_be_backed_up_and_restored(database: Path, tmp_path: Path) -> None:
    assert make_backup(database, tmp_path / "file", replace=False).last == LAST
    restore_backup(tmp_path / "file", database)
    assert read(database) == (list(LINES), list(SESSIONS))


def test_a_hand_made_copy_of_its_database_can_be_restored(database: Path, tmp_path: Path) -> None:
    restore_backup(database, tmp_path / "other" / "room.db")
    assert read(tmp_path / "other" / "room.db") == (list(LINES), list(SESSIONS))
