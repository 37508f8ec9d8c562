from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sockatuh.client.items import OwnText
from sockatuh.client.unsent import Unsent, move_unsent

SERVER = "kitchen:7625"
LINES = [OwnText("soup at one"), OwnText("two\nlines", "budi")]
"""What `running` has said and got no answer to."""
PROGRAM = """
import sys, time
from pathlib import Path
from sockatuh.client.items import OwnText
from sockatuh.client.unsent import Unsent
unsent = Unsent(Path(sys.argv[1]), "kitchen:7625")
lines = OwnText("answered"), OwnText("soup at one"), OwnText("two\\nlines", "budi")
settled = [unsent.note(line) for line in lines][0]
unsent.settle(settled)
print("ready", flush=True)
time.sleep(60)
"""


def running(directory: Path) -> subprocess.Popen[bytes]:
    """Start a client that has two lines without an answer."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(directory)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def test_unanswered_lines_of_a_killed_client_are_reported_once(tmp_path: Path) -> None:
    end(running(tmp_path))
    assert Unsent(tmp_path, SERVER).take_inherited() == LINES
    assert Unsent(tmp_path, SERVER).take_inherited() == []
    assert os.listdir(tmp_path / "unsent") == []


@pytest.mark.skipif(sys.platform == "win32", reason="there a locked file cannot be read")
def test_lines_of_a_running_client_are_not_reported(tmp_path: Path) -> None:
    other = running(tmp_path)
    assert Unsent(tmp_path, SERVER).take_inherited() == []
    end(other)
    assert len(Unsent(tmp_path, SERVER).take_inherited()) == 2


def test_unanswered_lines_are_reported_only_at_their_own_server(tmp_path: Path) -> None:
    end(running(tmp_path))
    assert Unsent(tmp_path, "garden:7625").take_inherited() == []
    assert len(Unsent(tmp_path, SERVER).take_inherited()) == 2


def test_a_client_that_ends_normally_leaves_no_note(tmp_path: Path) -> None:
    unsent = Unsent(tmp_path, SERVER)
    unsent.note(OwnText("soup at one"))
    unsent.close()
    assert os.listdir(tmp_path / "unsent") == []
    assert Unsent(tmp_path, SERVER).take_inherited() == []


def test_a_silent_client_writes_no_note(tmp_path: Path) -> None:
    unsent = Unsent(tmp_path, SERVER)
    assert unsent.take_inherited() == []
    unsent.close()
    assert os.listdir(tmp_path) == []


def test_answered_lines_take_no_space(tmp_path: Path) -> None:
    unsent = Unsent(tmp_path, SERVER)
    for number in range(1000):
        unsent.settle(unsent.note(OwnText(f"line {number}")))
    [file] = (tmp_path / "unsent").iterdir()
    assert file.stat().st_size == 0
    unsent.note(OwnText("the last"))
    assert b"the last" in file.read_bytes()
    assert file.read_bytes().startswith(b"[")
    unsent.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_the_note_is_private(tmp_path: Path) -> None:
    unsent = Unsent(tmp_path / "client", SERVER)
    unsent.note(OwnText("soup at one"))
    [file] = (tmp_path / "client" / "unsent").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    unsent.close()


@pytest.mark.parametrize(
    "damage", [b"\xff", b"[]\n", b'["kitchen:7625"]\n', b"[" * 10_000, b'["kitchen:7625", {}]\n', b"7"]
)
def test_damaged_notes_are_ignored(tmp_path: Path, damage: bytes) -> None:
    end(running(tmp_path))
    [file] = (tmp_path / "unsent").iterdir()
    with file.open("ab") as notes:
        notes.write(damage)
    assert len(Unsent(tmp_path, SERVER).take_inherited()) == 2


def test_an_unwritable_directory_raises_nothing() -> None:
    unsent = Unsent(Path(os.devnull), SERVER)
    unsent.settle(unsent.note(OwnText("soup at one")))
    assert unsent.take_inherited() == []
    unsent.close()


def test_the_note_of_a_long_pipe_is_bounded(tmp_path: Path) -> None:
    unsent = Unsent(tmp_path, SERVER)
    waiting = [unsent.note(OwnText("first"))]
    for number in range(3_000):
        waiting.append(unsent.note(OwnText(f"{number} " + "x" * 3_000)))
        if len(waiting) > 20:
            unsent.settle(waiting.pop(1))
        if number % 100 == 0:
            assert sum(path.stat().st_size for path in (tmp_path / "unsent").iterdir()) < 1_200_000
    [file] = (tmp_path / "unsent").iterdir()
    copy = tmp_path / "unsent" / "killed.unsent"
    copy.write_bytes(file.read_bytes())
    inherited = Unsent(tmp_path, SERVER).take_inherited()
    assert len(inherited) == len(waiting)
    assert inherited[0] == OwnText("first")
    unsent.close()
    assert not list((tmp_path / "unsent").iterdir())


def test_what_was_sent_to_a_server_moves_with_it(tmp_path: Path) -> None:
    end(running(tmp_path))
    move_unsent(tmp_path, SERVER, "10.0.0.31:7625")
    assert Unsent(tmp_path, SERVER).take_inherited() == []
    assert Unsent(tmp_path, "10.0.0.31:7625").take_inherited() == LINES
    move_unsent(None, SERVER, "10.0.0.31:7625")
