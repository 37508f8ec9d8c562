from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sockatuh.errors import KeyFileError
from sockatuh.store.keys import ServerKeys, load_ticket_keys

DAY = 86_400.0


def test_the_server_is_the_same_after_a_restart(tmp_path: Path) -> None:
    keys = ServerKeys.load(tmp_path / "state")
    assert ServerKeys.load(tmp_path / "state") == keys
    assert len(keys.private_key) == len(keys.reset_key) == 32
    assert keys.private_key != keys.reset_key


def test_each_directory_has_its_own_server_key(tmp_path: Path) -> None:
    assert ServerKeys.load(tmp_path / "a") != ServerKeys.load(tmp_path / "b")


def test_keys_do_not_show_when_printed(tmp_path: Path) -> None:
    assert repr(ServerKeys.load(tmp_path)) == "ServerKeys()"


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
@pytest.mark.parametrize("name", ["server.key", "reset.key"])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    ServerKeys.load(tmp_path)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    (tmp_path / name).chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        ServerKeys.load(tmp_path)


def test_a_ticket_key_serves_for_a_day(tmp_path: Path) -> None:
    [(key_id, key)] = load_ticket_keys(tmp_path / "state")
    assert (len(key_id), len(key)) == (4, 32)
    assert load_ticket_keys(tmp_path / "state", DAY - 1) == [(key_id, key)]


def test_after_a_day_a_new_ticket_key_comes_first(tmp_path: Path) -> None:
    first = load_ticket_keys(tmp_path)
    both = load_ticket_keys(tmp_path, DAY)
    assert both[1:] == first
    assert both[0] != first[0]


def test_a_ticket_key_is_forgotten_seven_days_after_it_was_replaced(tmp_path: Path) -> None:
    [first] = load_ticket_keys(tmp_path)
    for _ in range(7):
        assert first in load_ticket_keys(tmp_path, DAY), "a ticket of its last hour is 7 days old at most"
    assert first not in load_ticket_keys(tmp_path, DAY)


def test_the_running_time_of_many_short_runs_adds_up(tmp_path: Path) -> None:
    [first] = load_ticket_keys(tmp_path)
    counts = []
    for _ in range(9 * 24):
        load_ticket_keys(tmp_path)
        counts.append(len(keys := load_ticket_keys(tmp_path, 3_600.0)))
    assert first not in keys
    assert counts[22:24] == [1, 2]
    assert max(counts) == 8


def test_a_start_never_ages_a_ticket_key_whatever_the_clock_says(tmp_path: Path) -> None:
    """The wall clock is not asked: a box may start in 1970, then in 2040, and its members come back by ticket."""
    known = load_ticket_keys(tmp_path)
    for _ in range(100):
        assert load_ticket_keys(tmp_path) == known


def test_a_key_used_through_a_long_run_without_checks_is_kept(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path)
    used, _ = load_ticket_keys(tmp_path, DAY)
    new, *rest = load_ticket_keys(tmp_path, 400 * DAY)
    assert rest == [used]
    assert new != used


def test_keys_in_the_first_file_format_start_aging_now(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path)
    line = b"2026-03-01T12:00:00+00:00 01020304 " + b"A" * 43 + b"=\n"
    (tmp_path / "ticket.keys").write_bytes(line)
    old = (bytes((1, 2, 3, 4)), bytes(32))
    assert load_ticket_keys(tmp_path) == [old]
    assert load_ticket_keys(tmp_path, DAY)[1:] == [old]


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff\n",
        b"\n",
        b"7 01020304\n",
        b"7 0102 " + b"A" * 43 + b"=\n",
        b"-7 01020304 " + b"A" * 43 + b"=\n",
        b"nan 01020304 " + b"A" * 43 + b"=\n",
        b"inf 01020304 " + b"A" * 43 + b"=\n",
        b"TODAY 01020304 " + b"A" * 43 + b"=\n",
        b"yesterday 01020304 " + b"A" * 43 + b"=\n",
        b"7 01020304 AAAA\n",
    ],
)
def test_damaged_ticket_keys_are_refused(tmp_path: Path, damaged: bytes) -> None:
    load_ticket_keys(tmp_path)
    (tmp_path / "ticket.keys").write_bytes(damaged)
    with pytest.raises(KeyFileError, match="password once more"):
        load_ticket_keys(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_ticket_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path)
    (tmp_path / "ticket.keys").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_ticket_keys(tmp_path)


def test_a_start_writes_nothing_when_no_key_is_due(tmp_path: Path) -> None:
    kept = load_ticket_keys(tmp_path)
    [file] = tmp_path.iterdir()
    before = file.stat()
    assert load_ticket_keys(tmp_path, 0.000_1) == kept
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
