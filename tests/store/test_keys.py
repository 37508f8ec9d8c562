from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sockatuh.errors import KeyFileError
from sockatuh.store.keys import ServerKeys, load_ticket_keys

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_server_is_the_same_after_a_restart(tmp_path: Path) -> None:
    keys = ServerKeys.load(tmp_path / "state")
    assert ServerKeys.load(tmp_path / "state") == keys
    assert len(keys.private_key) == len(keys.reset_key) == 32
    assert keys.private_key != keys.reset_key


def test_another_directory_is_another_server(tmp_path: Path) -> None:
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
    [(key_id, key)] = load_ticket_keys(tmp_path / "state", START)
    assert (len(key_id), len(key)) == (4, 32)
    assert load_ticket_keys(tmp_path / "state", START + DAY - timedelta(seconds=1)) == [(key_id, key)]


def test_after_a_day_a_new_ticket_key_comes_first(tmp_path: Path) -> None:
    first = load_ticket_keys(tmp_path, START)
    both = load_ticket_keys(tmp_path, START + DAY)
    assert both[1:] == first
    assert both[0] != first[0]


def test_a_ticket_key_is_forgotten_seven_days_after_it_was_replaced(tmp_path: Path) -> None:
    [first] = load_ticket_keys(tmp_path, START)
    for day in range(1, 8):
        assert first in load_ticket_keys(tmp_path, START + day * DAY), "a ticket of its last hour is 7 days old at most"
    assert first not in load_ticket_keys(tmp_path, START + 8 * DAY)


def test_after_a_long_sleep_only_the_last_ticket_key_is_left_and_a_new_one(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path, START)
    last, _ = load_ticket_keys(tmp_path, START + DAY)
    new, *rest = load_ticket_keys(tmp_path, START + 400 * DAY)
    assert rest == [last]
    assert last not in load_ticket_keys(tmp_path, START + 407 * DAY)
    assert new in load_ticket_keys(tmp_path, START + 407 * DAY)


def test_a_clock_that_starts_in_1970_forgets_no_ticket_key(tmp_path: Path) -> None:
    [before] = load_ticket_keys(tmp_path, START)
    at_boot = load_ticket_keys(tmp_path, datetime(1970, 1, 1, tzinfo=UTC))
    assert at_boot[1:] == [before]
    assert before in load_ticket_keys(tmp_path, START + timedelta(minutes=1))


@pytest.mark.parametrize("boot", [datetime(1970, 1, 1, tzinfo=UTC), START - 20 * DAY])
def test_a_ticket_given_while_the_clock_was_behind_is_good_when_it_is_right(tmp_path: Path, boot: datetime) -> None:
    known = [load_ticket_keys(tmp_path, START + day * DAY)[0] for day in range(6)]
    given = load_ticket_keys(tmp_path, boot)[0]
    for minutes in (1, 60, 120):
        keys = load_ticket_keys(tmp_path, START + 5 * DAY + timedelta(minutes=minutes))
        assert {given, *known} <= {*keys}
    for day in range(6, 11):
        keys = load_ticket_keys(tmp_path, START + day * DAY)
    assert given in keys
    assert len(keys) <= 9
    for day in range(11, 14):
        keys = load_ticket_keys(tmp_path, START + day * DAY)
    assert given not in keys


def test_a_clock_that_jumps_about_does_not_pile_up_ticket_keys(tmp_path: Path) -> None:
    for day in range(40):
        keys = load_ticket_keys(tmp_path, START - 2 * day * DAY)
        assert len(keys) <= 32
    assert load_ticket_keys(tmp_path, START - 2 * day * DAY) == keys


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff\n",
        b"\n",
        b"2026-03-01T12:00:00+00:00 01020304\n",
        b"2026-03-01T12:00:00+00:00 0102 " + b"A" * 43 + b"=\n",
        b"2026-03-01T12:00:00 01020304 " + b"A" * 43 + b"=\n",
        b"yesterday 01020304 " + b"A" * 43 + b"=\n",
        b"2026-03-01T12:00:00+00:00 01020304 AAAA\n",
    ],
)
def test_damaged_ticket_keys_are_refused(tmp_path: Path, damaged: bytes) -> None:
    load_ticket_keys(tmp_path, START)
    (tmp_path / "ticket.keys").write_bytes(damaged)
    with pytest.raises(KeyFileError, match="password once more"):
        load_ticket_keys(tmp_path, START)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_ticket_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    load_ticket_keys(tmp_path, START)
    (tmp_path / "ticket.keys").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_ticket_keys(tmp_path, START)
