"""The settings, read in a process of its own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.running import Room, hash_password

from sockatuh.cli import reading
from sockatuh.cli.reading import Reading
from sockatuh.errors import ConfigurationError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path, hash_password())


def test_the_options_are_those_that_are_set(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKATUH_MAX_MEMBERS", "7")
    flags = {"config": room.configure(**{"classic": "on", "limits.recent_entries": 99}), "host": None, "port": 4711}
    for terminal in (False, True):
        options = Reading(flags, room.directory, terminal=terminal).result()
        assert (options.port, options.max_members, options.classic, options.limits.recent_entries) == (
            4711,
            7,
            True,
            99,
        )
        assert options.log_texts is terminal


def test_what_is_wrong_is_raised_here(room: Room) -> None:
    flags = {"config": room.configure(hots="x"), "host": None, "port": 0.5}
    with pytest.raises(ConfigurationError) as caught:
        Reading(flags, room.directory, terminal=False).result()
    assert sorted(problem.key for problem in caught.value.problems) == ["hots", "port"]


def test_nothing_that_lies_in_the_working_directory_is_imported(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(room.directory)
    for name in ("pydantic", "pickle"):
        (room.directory / f"{name}.py").write_text("raise SystemExit(9)", "utf-8")
    flags = {"config": room.configure(), "host": None, "port": None}
    assert Reading(flags, room.directory, terminal=False).result().password_hash


@pytest.mark.parametrize("asked", [True, False])
def test_when_the_one_who_asked_is_gone_nothing_is_said(room: Room, asked: bool) -> None:
    question = pickle.dumps((sys.path, {"config": room.configure(), "host": None, "port": None}, room.directory, False))
    command = [sys.executable, "-P", "-c", reading._PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(question if asked else question[:20])
        process.stdin.close()
        assert process.stderr.read() == b""


def test_a_process_that_ends_without_an_answer_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PROGRAM", "raise SystemExit(9)")
    with pytest.raises(OSError, match="ended with 9"):
        Reading({}, room.directory, terminal=False).result()
