"""The command `status`: what it prints where, and what `--check` exits with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.box.reports import FULL, INVITE, REPORT
from cli.people import Client
from kit.control_double import ControlDouble, answering, items
from msgspec.structs import replace

from sockatuh.cli.box import status
from sockatuh.cli.box.caller import Caller
from sockatuh.room.orders import OrderDenied
from sockatuh.server.control_lines import encode_item, encode_reply

UNWELL = items([replace(REPORT, storing=False, troubles=(FULL,))])


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Client]:
    client = Client(tmp_path / "admin", SOCKATUH_CONTROL=str(tmp_path / "control"), TZ="UTC")
    yield client
    client.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlDouble]:
    with answering(tmp_path / "control", items([REPORT])) as double:
        yield double


def test_a_status_is_printed_plain_into_a_pipe(admin: Client, server: ControlDouble) -> None:
    done = admin.call("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kitchen: 3 members (at most 200), 1 of them out of contact; 1 guest\n")
    assert f"invite     {INVITE}\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert [each["do"] for each in server.asked] == ["status"]


def test_json_is_what_the_socket_says(admin: Client, server: ControlDouble) -> None:
    done = admin.call("status", "--json")
    assert (done.returncode, done.stdout.encode()) == (0, server.answer)


def test_on_a_terminal_what_is_wrong_is_red(admin: Client, server: ControlDouble) -> None:
    server.answer = UNWELL
    terminal = admin.terminal("status")
    assert terminal.end() == 0
    assert "\x1b[1;31m!!  Lines are not stored" in terminal.written


@pytest.mark.slow
def test_without_colours_it_is_bold(admin: Client, server: ControlDouble) -> None:
    server.answer = UNWELL
    admin.environ["NO_COLOR"] = "1"
    terminal = admin.terminal("status")
    assert terminal.end() == 0
    assert "\x1b[1m!!  Lines are not stored" in terminal.written
    assert "\x1b[1;31m" not in terminal.written


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_dumb_terminal_gets_no_sequence(admin: Client) -> None:
    admin.environ["TERM"] = "dumb"
    terminal = admin.terminal("status")
    assert terminal.end() == 0
    assert "kitchen: 3 members" in terminal.written
    assert "\x1b" not in terminal.written


def test_without_a_server_it_is_exit_3(admin: Client) -> None:
    done = admin.call("status", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["code"] == "no_server"


# For HEALTHCHECK and monit.


@pytest.mark.usefixtures("server")
def test_a_check_of_a_room_that_is_well_is_one_line_and_exit_0(admin: Client) -> None:
    done = admin.call("status", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ok: kitchen stores lines; loop 0.4 s, writer 0.2 s\n"
    told = json.loads(admin.call("status", "--check", "--json").stdout)
    assert told == {"v": 1, "type": "health", "ok": True, "reason": None, "loop": 0.4, "writer": 0.2}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (UNWELL, "not ok: Lines are not stored: /var/lib/sockatuh/room.db: the disk is full\n"),
        (items([replace(REPORT, writer=5.0)]), "not ok: The part of the server that writes to the disk does not"),
        (items([]), "not ok: The server answered, but not what it was asked for.\n"),
        (encode_item(REPORT), "not ok: The server at "),  # it ends before its last line
        (b"", "not ok: The server at "),
        (b"220 mail ESMTP\n", "not ok: What answers at "),
        (
            encode_reply(OrderDenied(code="busy")),
            "not ok: The server is answering as many commands as it can. ",
        ),
    ],
)
def test_whatever_is_wrong_is_one_line_and_exit_1(
    admin: Client, server: ControlDouble, answer: bytes, said: str
) -> None:
    server.answer = answer
    done = admin.call("status", "--check")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(said)
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("what", ["missing", "file", "off", "closed"])
def test_a_socket_that_cannot_be_opened_is_exit_1_too(admin: Client, tmp_path: Path, what: str) -> None:
    path = tmp_path / "control"
    if what == "file":
        path.write_text("")
    elif what == "off":
        admin.environ["SOCKATUH_CONTROL"] = "off"
    elif what == "closed":
        if os.geteuid() == 0:
            pytest.skip("root may open everything")
        with answering(path, b""):
            path.chmod(0)
    done = admin.call("status", "--check")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (1, "", 1)
    assert done.stdout.startswith("not ok: ")


def test_settings_that_cannot_be_used_are_exit_1_too(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("prot = 1")
    done = admin.call("status", "--check", "--config", str(tmp_path / "wrong.toml"))
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (1, "", 1)


def test_while_the_door_for_browsers_is_open_json_has_its_addresses(
    server: ControlDouble, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "find_pages", lambda: ("https://192.168.1.20:7680/",))
    monkeypatch.setattr(Caller, "runs_service", lambda _: True)
    status.status(socket=str(server.path), as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["type"] for each in told] == ["status", "web", "done"]
    assert told[1]["urls"] == ["https://192.168.1.20:7680/"]
    monkeypatch.setattr(Caller, "runs_service", lambda _: False)  # another room than the service's
    status.status(socket=str(server.path), as_json=True)
    assert [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()] == ["status", "done"]
