"""The settings of the door for browsers are read where the room's are, by a process that ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockatuh.cli.web_settings import _print_door, read_door
from sockatuh.errors import ConfigurationError
from sockatuh.settings.web_door import WebDoor


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_without_any_setting_they_are_the_defaults() -> None:
    assert read_door(None).door == WebDoor()


def test_no_file_in_the_working_directory_is_taken_for_a_module(tmp_path: Path) -> None:
    (tmp_path / "dataclasses.py").write_text("raise SystemExit('not ours')\n")
    assert read_door(None).door == WebDoor()


def test_a_file_and_the_environment_set_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "room.toml"
    file.write_text("[web]\nlisten = '192.168.1.20:80'\nencryption = 'off'\nnames = ['Chat.Example.org']\n")
    monkeypatch.setenv("SOCKATUH_WEB__BROWSERS", "7")
    door = WebDoor(listen="192.168.1.20:80", encryption="off", names=("chat.example.org",), browsers=7)
    assert read_door(file).door == door


def test_where_the_room_writes_its_bans_is_known_also_from_the_unit_of_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "room.toml"
    file.write_text(f"port = 7000\nstate_dir = '{tmp_path}/kitchen'\n")
    _print_door(str(tmp_path), str(file))
    told = json.loads(capsys.readouterr().out)
    assert (told["port"], told["barred"]) == (7000, str(tmp_path / "kitchen/barred"))
    file.write_text("room = 'kitchen'\n")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sockatuh-web")
    _print_door(str(tmp_path), str(file))
    assert json.loads(capsys.readouterr().out)["barred"] == "/run/sockatuh/barred"


def test_everything_that_is_wrong_is_told(tmp_path: Path) -> None:
    file = tmp_path / "room.toml"
    file.write_text("[web]\nlisten = 'here'\nbrowsers = 0\nkey = 'web.key'\nnames = 3\nencryption = 'yes'\nport = 1\n")
    with pytest.raises(ConfigurationError) as wrong:
        read_door(file)
    keys = {problem.key for problem in wrong.value.problems}
    assert keys == {"web.listen", "web.browsers", "web.key", "web.names", "web.encryption", "web.port"}
    file.write_text("[web]\nencryption = 'certificate'\n")
    with pytest.raises(ConfigurationError) as wrong:
        read_door(file)
    assert [problem.key for problem in wrong.value.problems] == ["web.certificate"]
