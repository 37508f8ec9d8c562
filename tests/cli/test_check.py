"""What `check` says: of settings, of a room that runs, and of the service of this machine."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from cli.people import Server
from machine import free_port

from sockatuh.cli import check as module
from sockatuh.cli import service_files, which_room
from sockatuh.cli.app import run
from sockatuh.store.database import open_writer

HASH = "$2b$12$" + "e" * 53


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty directory with nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SOCKATUH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def configured(directory: Path, **values: object) -> str:
    path = directory / "room.toml"
    values = {"password_hash": HASH, "port": free_port(), "host": "127.0.0.1"} | values
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), "utf-8")
    return str(path)


def test_check_shows_every_value_its_origin_and_no_secret(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, room="kitchen")
    assert run(["check", "--config", config, "--show-origin"]) == 0
    said = capfd.readouterr().out
    assert f"room = kitchen  (file {config})" in said
    assert f"password_hash = ***  (file {config})" in said
    assert "message_retention = 30d  (default)" in said
    assert HASH not in said


def test_check_speaks_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path)
    assert run(["check", "--config", config, "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert (answer["v"], answer["type"], answer["running"]) == (1, "check", False)
    assert answer["settings"]["max_members"] == {"value": 1000, "origin": "default"}
    assert answer["settings"]["password_hash"] == {"value": "***", "origin": f"file {config}"}


def test_check_starts_nothing_and_writes_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path, state_dir="room")
    assert run(["check", "--config", config]) == 0
    assert not (tmp_path / "room").exists()


def test_check_tells_every_problem_and_exits_with_8(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, port=70_000, classic="yes")
    monkeypatch.setenv("SOCKATUH_PROT", "1")
    assert run(["check", "--config", config, "--json"]) == 8
    said = capfd.readouterr()
    error = json.loads(said.out.splitlines()[-1])
    assert (error["type"], error["code"]) == ("error", "bad_configuration")
    assert {problem["key"] for problem in error["problems"]} == {"port", "classic", "SOCKATUH_PROT"}
    assert f"port (file {config})" in said.err


def test_check_finds_a_port_that_is_taken_and_a_key_that_others_can_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room/server.key").touch(0o644)
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = configured(tmp_path, port=taken.getsockname()[1], state_dir="room")
        assert run(["check", "--config", config]) == 8
    said = capfd.readouterr().err
    assert "another program uses this port" in said
    assert "chmod 600" in said


def test_check_refuses_a_database_of_a_newer_program(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    connection = open_writer(tmp_path / "room/room.db", "normal")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert run(["check", "--config", configured(tmp_path, state_dir="room")]) == 8
    assert "schema 99" in capfd.readouterr().err


def test_effective_settings_are_shown_even_with_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = configured(tmp_path, port=taken.getsockname()[1], max_members=7)
        assert run(["check", "--config", config]) == 8
    assert "max_members = 7\n" in capfd.readouterr().out
    (tmp_path / "state").mkdir()
    config = configured(tmp_path, max_members=8, history_on_join="x")
    assert run(["check", "--config", config, "--show-origin"]) == 8
    said = capfd.readouterr()
    assert f"max_members = 8  (file {config})" in said.out
    assert HASH not in said.out + said.err
    assert "sockatuh check" not in said.err, "it does not recommend itself"


def test_a_running_rooms_own_port_is_no_error(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOCKATUH_PORT", str(server.port))
    assert run(["check", "--config", str(server.config)]) == 0
    assert capfd.readouterr().err.startswith("In order; the room is running: ")
    assert run(["check", "--config", str(server.config), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["running"] is True


def test_a_room_running_at_another_address_than_configured_is_reported(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "ANSWERS_WITHIN", 0.05)
    port = free_port()
    monkeypatch.setenv("SOCKATUH_PORT", str(port))
    assert run(["check", "--config", str(server.config)]) == 8
    assert f"does not answer at port {port}" in capfd.readouterr().err


def test_the_settings_alone_can_be_tried_and_then_only_faults_are_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        assert run(["check", "--settings", "--config", configured(tmp_path, port=taken.getsockname()[1])]) == 0
    assert capfd.readouterr() == ("", "")
    assert run(["check", "--settings", "--config", configured(tmp_path, prot=1)]) == 8
    said = capfd.readouterr()
    assert said.out == ""
    assert "did you mean port?" in said.err


# The service of this machine.


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a service, and root at it; it says in `show-UNIT` what systemd would say of a unit."""
    root, tool = tmp_path / "root", tmp_path / "bin/systemctl"
    (root / "etc/sockatuh").mkdir(parents=True)
    (root / "var/lib/sockatuh").mkdir(parents=True)
    (root / "etc/sockatuh/sockatuh.toml").write_text("room = 'cellar'\nmax_members = 7\n")
    (root / "etc/sockatuh/password_hash").write_text(f"{HASH}\n")
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\ncat {root}/show-"$3"\n')
    tool.chmod(0o755)
    (root / "show-sockatuh.service").write_text(
        "LoadState=loaded\nFragmentPath=/etc/systemd/system/sockatuh.service\nActiveState=inactive\nMainPID=0\n"
        'Environment=SOCKATUH_LOG_LEVEL=debug "SOCKATUH_ROOM=the cellar" OTHER=1\n'
    )
    (root / "show-sockatuh.socket").write_text("ActiveState=inactive\nListen=[::]:9000 (Datagram)\n")
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setattr(service_files, "ROOT", root)
    monkeypatch.setattr(which_room, "BOOTED", tmp_path)
    monkeypatch.setattr(which_room, "is_root", lambda: True)
    monkeypatch.setattr(module, "is_root", lambda: True)
    return root


@pytest.mark.skipif(os.name == "nt", reason="systemd is Linux's")
def test_without_a_name_it_is_the_room_of_the_service_with_all_that_its_units_and_its_credential_say(
    machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("config").mkdir()
    Path("config/sockatuh.toml").write_text("room = 'of a clone'\n")
    assert run(["check", "--show-origin"]) == 0
    said = capfd.readouterr()
    for line in (
        "room = the cellar  (environment SOCKATUH_ROOM)",
        f"max_members = 7  (file {machine}/etc/sockatuh/sockatuh.toml)",
        "log_level = debug  (environment SOCKATUH_LOG_LEVEL)",
        f"password_hash = ***  (credential file {machine}/etc/sockatuh/password_hash)",
        "port = 9000  (sockatuh.socket, whatever is set elsewhere)",
    ):
        assert f"{line}\n" in said.out
    assert f"state_dir = {machine}/var/lib/sockatuh" in said.out
    assert "can be started" in said.err


@pytest.mark.skipif(os.name == "nt", reason="systemd is Linux's")
def test_an_unusable_hash_is_reported_before_the_service_starts(
    machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (machine / "etc/sockatuh/password_hash").write_text("")
    assert run(["check"]) == 8
    assert "etc/sockatuh/password_hash" in capfd.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="systemd is Linux's")
def test_a_room_that_only_its_socket_waits_for_is_in_order(machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (machine / "show-sockatuh.socket").write_text("ActiveState=active\nListen=[::]:9000 (Datagram)\n")
    assert run(["check"]) == 0
    assert "systemd holds its port" in capfd.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="systemd is Linux's")
@pytest.mark.parametrize("command", ["check", "history"])
def test_checking_the_service_without_root_asks_for_root(
    machine: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(which_room, "is_root", lambda: False)
    monkeypatch.setattr(module, "is_root", lambda: False)
    assert run([command]) == 1
    said = capfd.readouterr()
    assert "sudo" in said.err
    assert command != "check" or "max_members = 7\n" in said.out
    assert str(machine) not in said.err


@pytest.mark.skipif(os.name == "nt", reason="systemd is Linux's")
def test_where_systemd_knows_no_such_service_it_is_the_usual_room(
    machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (machine / "show-sockatuh.service").write_text("LoadState=not-found\n")
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("SOCKATUH_PORT", str(free_port()))
    monkeypatch.setenv("SOCKATUH_PASSWORD_HASH", HASH)
    assert run(["check"]) == 0
    assert str(tmp_path / "mine") in capfd.readouterr().err


def test_a_place_where_no_control_socket_can_be_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/control").write_text("mine")
    assert run(["check", "--config", configured(tmp_path)]) == 8
    assert "something else is there" in capfd.readouterr().err
    assert run(["check", "--config", configured(tmp_path, control=str(tmp_path / "nowhere/control"))]) == 8
    assert "control (file " in capfd.readouterr().err
    assert run(["check", "--config", configured(tmp_path, control="off")]) == 0
    assert run(["check", "--config", configured(tmp_path, control=str(tmp_path / "sock"))]) == 0
    assert run(["check", "--config", configured(tmp_path, control="none")]) == 8
    assert (tmp_path / "state/control").read_text() == "mine"


def test_a_state_directory_that_is_yet_to_be_made_has_room_for_the_socket_if_its_path_is_short(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "--config", configured(tmp_path)]) == 0
    assert run(["check", "--config", configured(tmp_path, state_dir=str(tmp_path / ("x" * 100)))]) == 8
    assert "should be at most 107 bytes long" in capfd.readouterr().err
