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


def sealing(directory: Path, lived: float = 0.0) -> tuple[bytes, bytes]:
    """Return the key that seals tickets."""
    return load_ticket_keys(directory, lived)[0]


def test_a_ticket_key_serves_for_a_day(tmp_path: Path) -> None:
    keys = load_ticket_keys(tmp_path / "state")
    assert [(len(key_id), len(key)) for key_id, key in keys] == [(4, 32), (4, 32)]
    assert load_ticket_keys(tmp_path / "state", DAY - 1) == keys


def test_after_a_day_the_ticket_key_that_was_made_ready_seals(tmp_path: Path) -> None:
    first, ready = load_ticket_keys(tmp_path)
    assert load_ticket_keys(tmp_path, DAY)[:2] == [ready, first]


def test_a_copy_that_is_not_a_day_old_has_every_key_that_has_sealed_since(tmp_path: Path) -> None:
    hours = [load_ticket_keys(tmp_path, 3_600.0) for _ in range(100)]
    for hour, copy in enumerate(hours):
        assert all(later[0] in copy for later in hours[hour : hour + 24])
    assert hours[24][0] != hours[0][0]


def test_a_ticket_key_is_forgotten_seven_days_after_it_was_replaced(tmp_path: Path) -> None:
    first = sealing(tmp_path)
    assert sealing(tmp_path, DAY) != first
    for _ in range(6):
        assert first in load_ticket_keys(tmp_path, DAY), "a ticket of its last hour is 7 days old at most"
    assert first not in load_ticket_keys(tmp_path, DAY)


def test_the_running_time_of_many_short_runs_adds_up(tmp_path: Path) -> None:
    first = sealing(tmp_path)
    counts = []
    for _ in range(9 * 24):
        load_ticket_keys(tmp_path)
        counts.append(len(keys := load_ticket_keys(tmp_path, 3_600.0)))
    assert first not in keys
    assert counts[22:24] == [2, 3]
    assert max(counts) == 9


def test_a_start_never_ages_a_ticket_key_whatever_the_clock_says(tmp_path: Path) -> None:
    """The wall clock is not asked: a box may start in 1970, then in 2040, and its members come back by ticket."""
    known = load_ticket_keys(tmp_path)
    for _ in range(100):
        assert load_ticket_keys(tmp_path) == known


def test_a_key_used_through_a_long_run_without_checks_is_kept(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path)
    used, *_ = load_ticket_keys(tmp_path, DAY)
    assert used in load_ticket_keys(tmp_path, 400 * DAY)
    assert sealing(tmp_path) != used


@pytest.mark.parametrize("made", ["2026-03-01T12:00:00+00:00", "80000", "999999"])
def test_a_single_key_of_an_earlier_version_goes_on_sealing_until_another_is_ready(tmp_path: Path, made: str) -> None:
    load_ticket_keys(tmp_path)
    (tmp_path / "ticket.keys").write_bytes(made.encode() + b" 01020304 " + b"A" * 43 + b"=\n")
    old = (bytes((1, 2, 3, 4)), bytes(32))
    first, ready = load_ticket_keys(tmp_path)
    assert first == old
    assert load_ticket_keys(tmp_path, DAY)[:2] == [ready, old]


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
