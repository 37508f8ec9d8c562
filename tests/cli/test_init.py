from __future__ import annotations

import json
import os
import re
import tomllib
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest
from cli.people import Person
from kit import programs
from kit.terminal import Terminal
from machine import free_port

from sockatuh.cli import new_room
from sockatuh.cli.app import COMMANDS, run

HASH = "$2b$12$" + "e" * 53


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty directory with nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_room, "BCRYPT_COST", 10)
    for name in list(os.environ):
        if name.startswith("SOCKATUH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def configured(directory: Path, **values: object) -> str:
    path = directory / "room.toml"
    values = {"password_hash": HASH, "port": free_port(), "host": "127.0.0.1"} | values
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), "utf-8")
    return str(path)


def test_every_command_can_be_found_and_says_what_it_does(capfd: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert " ".join(COMMANDS[name][2].replace("\b", "").split()) in " ".join(capfd.readouterr().out.split())


def test_help_lists_every_command_and_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capfd.readouterr().out
    assert all(name in said for name in COMMANDS)
    assert all(re.search(rf"\b{code}  +\S", said) for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 130))


def test_a_command_that_does_not_exist_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["chek"]) == 2
    assert "'check'" in capfd.readouterr().err


def test_init_writes_a_configuration_and_a_key_and_shows_the_password_it_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--dir", "room", "--room", 'The "kitchen"', "--non-interactive"]) == 0
    said = capfd.readouterr().out
    config, key = tmp_path / "room/sockatuh.toml", tmp_path / "room/server.key"
    password = re.search(r"Password, shown once: ((?:[a-z]+-){3}[a-z]+)\n", said)
    assert password, said
    written = tomllib.loads(config.read_text("utf-8"))
    assert written["room"] == 'The "kitchen"'
    assert bcrypt.checkpw(password[1].encode(), written["password_hash"].encode())
    assert password[1] not in config.read_text("utf-8")
    assert (config.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o640, 0o600)
    assert "sockatuh serve --config room/sockatuh.toml" in said


def test_the_configuration_from_init_passes_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--dir", "room", "--room", "kitchen", "--non-interactive"]) == 0
    with (tmp_path / "room/sockatuh.toml").open("a", encoding="utf-8") as file:
        file.write("port = 0\n")
    assert run(["check", "--config", "room/sockatuh.toml"]) == 0
    assert 'room "kitchen"' in capfd.readouterr().err


def test_init_never_overwrites(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["init", "--dir", "room", "--non-interactive"])
    before = {path: path.read_bytes() for path in (tmp_path / "room").iterdir()}
    assert run(["init", "--dir", "room", "--non-interactive"]) == 1
    assert "left as it is" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "room").iterdir()} == before


def test_init_takes_the_first_line_of_a_password_file_and_does_not_show_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("käse brot\nsecond line\n", "utf-8")
    assert run(["init", "--dir", "room", "--password-file", "password"]) == 0
    assert "käse" not in capfd.readouterr().out
    written = tomllib.loads((tmp_path / "room/sockatuh.toml").read_text("utf-8"))
    assert bcrypt.checkpw("käse brot".encode(), written["password_hash"].encode())


def test_init_refuses_a_name_no_room_can_have_and_writes_nothing(tmp_path: Path) -> None:
    assert run(["init", "--dir", "room", "--room", "two\nlines"]) == 2
    assert run(["init", "--dir", "room", "--room", "é" * 33]) == 2
    assert not (tmp_path / "room").exists()


def test_init_says_plainly_what_it_cannot_write(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run(["init", "--dir", "file/room", "--non-interactive"]) == 1
    assert "file/room" in capfd.readouterr().err


def test_init_asks_on_a_terminal(tmp_path: Path) -> None:
    with closing(Terminal(["init", "--dir", "room"], os.environ)) as terminal:
        terminal.answer("]:", "kitchen")
        terminal.answer("empty: generate one):", "tulip-harbor")
        terminal.answer("Again:", "tulip-harbor")
        assert terminal.end() == 0
    assert "Wrote room/sockatuh.toml (0640) and room/server.key (0600)" in terminal.text
    written = tomllib.loads((tmp_path / "room/sockatuh.toml").read_text("utf-8"))
    assert written["room"] == "kitchen"
    assert bcrypt.checkpw(b"tulip-harbor", written["password_hash"].encode())


def test_ctrl_c_at_a_question_exits_with_130() -> None:
    with closing(Terminal(["hash-password"], os.environ)) as terminal:
        terminal.wait_for("Room password:")
        terminal.type("\x03")
        assert terminal.end() == 130


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param(b"", 2, id="nothing"),
        pytest.param(b"\n", 2, id="empty"),
        pytest.param(b"x" * 8, 0, id="8 bytes"),
        pytest.param(b"x" * 7, 2, id="7 bytes"),
        pytest.param("e\u0301".encode() * 3 + b"x\n", 2, id="7 bytes in the normal form"),
        pytest.param(b"x" * 72, 0, id="72 bytes"),
        pytest.param(b"x" * 73, 2, id="73 bytes"),
        pytest.param(("é" * 37).encode(), 2, id="37 letters of two bytes"),
        pytest.param(b"\xff\n", 2, id="no UTF-8"),
    ],
)
def test_hash_password_takes_8_to_72_bytes_of_utf_8(typed: bytes, code: int, person: Person) -> None:
    done = person("ana").call("hash-password", stdin=typed)
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["hash-password"], ["init", "--dir", "room", "--password-file", "-"]])
def test_a_short_password_is_refused_with_the_way_to_have_it(
    command: list[str], tmp_path: Path, person: Person
) -> None:
    refused, accepted = (person("ana").call(*command, *weak, stdin=b"tulip\n") for weak in ([], ["--weak"]))
    assert refused.returncode == 2
    assert "5 bytes" in refused.stderr
    assert "--weak" in refused.stderr
    assert not refused.stdout
    assert accepted.returncode == 0
    assert (tmp_path / "room").exists() == (command[0] == "init")


@pytest.mark.slow
def test_hash_password_prints_only_a_hash_of_cost_12_of_the_normal_form() -> None:
    done = programs.run(["hash-password"], os.environ, "cafe\u0301 noir\n".encode())
    assert re.fullmatch(r"\$2b\$12\$[./A-Za-z0-9]{53}\n", done.stdout)
    assert done.stderr == ""
    assert bcrypt.checkpw("caf\u00e9 noir".encode(), done.stdout.strip().encode())


def test_version_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert re.fullmatch(r"sockatuh \d+\.\d+\.\d+ \(protocol 1\)\n", capfd.readouterr().out)
