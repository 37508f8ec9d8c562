from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

import pytest
from cli.people import Person, Server

from sockatuh.cli import backup, service_files, which_room
from sockatuh.cli.app import run
from sockatuh.room.entries import Message
from sockatuh.room.log import Append
from sockatuh.store.backup_stamp import Stamp, read_stamp
from sockatuh.store.database import open_writer
from sockatuh.store.files import load_or_create_key, lock_directory
from sockatuh.store.log_table import append_all
from sockatuh.store.migrations import STEPS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a room of one line in `state`, and nothing in the environment."""
    for name in list(os.environ):
        if name.startswith("SOCKATUH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    with closing(open_writer(tmp_path / "state/room.db", "full")) as connection:
        line = Append(bytes(16), Message("ana", "", "soup", action=False))
        append_all(connection, [line], 1_769_853_120_000, frozenset())


def said(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command; it says everything on stderr."""
    assert run(arguments) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err


def test_a_backup_says_what_it_holds_and_how_the_room_comes_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = said(capfd, "backup", "room.backup")
    assert output.startswith("Wrote room.backup: 1 entry up to number 1 of 2026-01-31 ")
    assert "the server's keys are not in it" in output, "there were none"
    assert "sockatuh restore room.backup" in output
    assert (tmp_path / "room.backup").exists()


def test_an_existing_file_is_replaced_only_with_force(capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "backup", "file")
    assert "--force" in said(capfd, "backup", "file", code=1)
    assert "Wrote" in said(capfd, "backup", "file", "--force")


@pytest.mark.parametrize("name", ["room.db", "room.db-wal", "server.key"])
def test_the_room_is_not_overwritten_by_its_backup(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (tmp_path / "state/room.db").read_bytes()
    assert "belongs to the room" in said(capfd, "backup", f"state/{name}", "--force", code=2)
    assert (tmp_path / "state/room.db").read_bytes() == before


def test_a_missing_room_is_reported_with_the_path_searched(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state/room.db").unlink()
    assert str(tmp_path / "state/room.db") in said(capfd, "backup", "file", code=1)


def test_a_missing_directory_is_reported_in_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    output = said(capfd, "backup", "nowhere/file", code=1)
    assert "nowhere" in output
    assert "bug" not in output


def test_a_restore_says_what_came_back_and_where_the_rest_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "backup", "file")
    output = said(capfd, "restore", "file")
    assert f"Restored {tmp_path}/state/room.db: 1 entry up to number 1" in output
    [kept] = [path for path in (tmp_path / "state").iterdir() if ".before-" in path.name]
    assert str(kept) in output
    assert output.endswith("Start the room: sockatuh serve\n")


def test_without_a_configured_room_nothing_is_restored(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capfd, "backup", "file")
    for name in ("SOCKATUH_STATE_DIR", "SOCKATUH_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(which_room, "BOOTED", tmp_path / "nowhere")
    output = said(capfd, "restore", "file", code=1)
    assert "Nothing was done" in output
    assert not (tmp_path / "home").exists()


def test_on_a_new_machine_the_room_is_restored_for_its_service(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capfd, "backup", "file")
    for name in ("SOCKATUH_STATE_DIR", "SOCKATUH_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    for module in (which_room, backup):
        monkeypatch.setattr(service_files, "ROOT", tmp_path / "root")
        monkeypatch.setattr(module, "is_root", lambda: True)
        monkeypatch.setattr(module, "is_booted", lambda: True)
    monkeypatch.setattr(which_room, "find_installed", lambda: None)
    output = said(capfd, "restore", "file")
    assert (tmp_path / "root/var/lib/sockatuh/room.db").exists()
    assert not (tmp_path / "home").exists()
    assert re.search(r"Start the room: sudo \S.* install-service$", output.strip())


def test_while_a_server_runs_it_says_how_to_stop_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "backup", "file")
    with lock_directory(tmp_path / "state"):
        output = said(capfd, "restore", "file", code=1)
    assert "already" in output
    assert "sudo systemctl stop sockatuh" in output


def test_replacing_an_unreadable_room_reports_what_is_lost(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "backup", "file")
    (tmp_path / "state/room.db").write_bytes(b"a letter to my aunt" * 1000)
    output = said(capfd, "restore", "file")
    assert "could not be read: file is not a database" in output
    assert "within 25 s" in output
    assert "Restored" in output


@pytest.mark.parametrize("data", [None, b"", b"a letter to my aunt" * 1000])
def test_a_file_that_is_no_backup_is_refused(
    tmp_path: Path, data: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    if data is not None:
        (tmp_path / "letter").write_bytes(data)
    before = (tmp_path / "state/room.db").read_bytes()
    output = said(capfd, "restore", "letter", code=1)
    assert "letter cannot be restored" in output
    assert "Nothing was changed" in output
    assert (tmp_path / "state/room.db").read_bytes() == before


def test_a_backup_of_a_newer_program_is_refused_with_the_way_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said(capfd, "backup", "file")
    with closing(open_writer(tmp_path / "state/room.db", "full")) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    assert "newer SockAtuh" in said(capfd, "backup", "other", code=1)
    (tmp_path / "state/room.db").rename(tmp_path / "newer")
    assert "Update this one" in said(capfd, "restore", "newer", code=1)


@pytest.mark.slow
def test_a_room_is_copied_while_it_runs_and_comes_back_as_the_same_server(
    own_server: Server, person: Person, tmp_path: Path
) -> None:
    ana = person("ana", own_server, SOCKATUH_NAME="ana")
    assert ana.run("send", "before").returncode == 0
    config = ["--config", str(own_server.config)]
    admin = person("admin")
    made = admin.run("backup", str(tmp_path / "file"), *config)
    assert (made.returncode, made.stdout) == (0, ""), made.stderr
    assert "and the server's keys" in made.stderr
    assert ana.run("send", "after").returncode == 0
    refused = admin.run("restore", str(tmp_path / "file"), *config)
    assert refused.returncode == 1
    assert "systemctl stop" in refused.stderr
    own_server.stop()
    assert admin.run("restore", str(tmp_path / "file"), *config).returncode == 0
    output = admin.run("history", *config).stdout
    assert "before" in output
    assert "after" not in output
    own_server.start()
    assert ana.run("send", "again").returncode == 0, "it is the server she has met"


# A series of backups in a directory.


def test_in_a_directory_a_backup_gets_a_name_with_the_date(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "backups").mkdir()
    said(capfd, "backup", "backups")
    (file,) = (tmp_path / "backups").iterdir()
    assert re.fullmatch(r"sockatuh-\d{4}-\d\d-\d\d-\d{6}\.backup", file.name), "the room has no key yet"
    assert file.stat().st_mode & 0o777 == 0o600
    load_or_create_key(tmp_path / "state/server.key")
    said(capfd, "backup", "backups", "--keep", "1")
    assert sum(re.fullmatch(r"sockatuh(-[a-z]+){2}-2\S+", each.name) is not None for each in file.parent.iterdir()) == 1
    assert file.exists(), "it is not this room's"


def test_the_room_learns_when_it_was_copied_and_when_the_next_is_due(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "backups").mkdir()
    said(capfd, "backup", "backups", "--keep", "2", "--every", "1d")
    stamp = read_stamp(tmp_path / "state")
    assert (stamp.file, stamp.failed, stamp.every) == (str(next((tmp_path / "backups").iterdir())), None, 86_400.0)
    said(capfd, "backup", "by hand")
    assert read_stamp(tmp_path / "state").file == str(tmp_path / "by hand")
    assert read_stamp(tmp_path / "state").every == 86_400.0


def test_the_oldest_are_deleted_and_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "backups").mkdir()
    for year in (2020, 2021, 2022):
        (tmp_path / f"backups/sockatuh-{year}-01-01-000000.backup").touch()
    output = said(capfd, "backup", "backups", "--keep", "2")
    assert output.endswith(
        "Deleted backups/sockatuh-2020-01-01-000000.backup.\nDeleted backups/sockatuh-2021-01-01-000000.backup.\n"
    )
    assert len([*(tmp_path / "backups").iterdir()]) == 2


def test_a_series_into_a_directory_that_is_not_there_fails_and_the_room_learns_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said(capfd, "backup", "unmounted", "--keep", "2", "--every", "1d", code=1)
    assert not (tmp_path / "unmounted").exists()
    stamp = read_stamp(tmp_path / "state")
    assert (stamp.at, stamp.failed is not None, stamp.every) == (None, True, 86_400.0)
    assert stamp.reason.endswith("No such file or directory")
    assert "unmounted" in stamp.reason


def test_a_failure_by_hand_is_no_trouble_of_the_room(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "backup", "nowhere/file", code=1)
    assert read_stamp(tmp_path / "state") == Stamp()


@pytest.mark.parametrize("span", ["0", "forever", "soon", "-1d", ""])
def test_an_interval_that_is_none_is_a_usage_error(capfd: pytest.CaptureFixture[str], span: str) -> None:
    assert "--every" in said(capfd, "backup", ".", "--every", span, code=2)


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_count_that_makes_no_sense_is_a_usage_error(capfd: pytest.CaptureFixture[str], count: str) -> None:
    said(capfd, "backup", ".", "--keep", count, code=2)


def test_the_stamp_itself_is_not_overwritten_by_a_backup(capfd: pytest.CaptureFixture[str]) -> None:
    assert "belongs to the room" in said(capfd, "backup", "state/backup.json", "--force", code=2)
