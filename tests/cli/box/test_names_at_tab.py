from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from kit.control_double import answering, items
from machine import unmeasured

from sockatuh.cli import NAMES_AT_TAB, control, which_room
from sockatuh.cli.box import names_at_tab
from sockatuh.cli.box.names_at_tab import print_names
from sockatuh.cli.command_tree import NAMES
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.server.control_lines import Item

HEAVY: Final = ("typer", "msgspec", "pydantic", "asyncio", "sockatuh.cli.app")


def session(name: str) -> SessionItem:
    return SessionItem(
        name=name, key="k7Qm3xYz", role="member", address="10.0.0.7:5", dialect="secure", version="0.1.0",
        since="2026-11-29T09:00:00.000Z", silent=1.0, behind=0,
    )  # fmt: skip


def order(kind: str, what: str, name: str = "", key: str = "") -> OrderItem:
    return OrderItem(
        id=812, order=kind, what=what, name=name, key=key, until=None, since="2026-11-29T09:00:00.000Z", by=0,
        as_="tom", reason="", strangers=False, hits=0, hit=None,
    )  # fmt: skip


ORDERS: Final = items([
    order("ban", "key:k7Qm3xYz", "budi", "k7Qm3xYz"),
    order("ban", "key:aaaaaaaa", "", "aaaaaaaa"),
    order("kick", "rudi@10.0.0.9", "rudi"),
    order("ban", "10.0.0.0/24"),
    order("mute", "key:bbbbbbbb", "siti", "bbbbbbbb"),
])  # fmt: skip


@pytest.fixture(name="place", autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("SOCKATUH_") and name != "SOCKATUH_LANG":
            monkeypatch.delenv(name)
    monkeypatch.setattr(names_at_tab, "RUNTIME", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "control"


def offered(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    print_names(words)
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def test_people_who_are_here_are_offered_once_each_and_by_what_they_begin_with(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", str(place))
    with answering(place, items([session("budi"), session("Budi2"), session("budi"), session("ana")])) as double:
        assert offered(capsys, "here", "") == ["Budi2", "ana", "budi"]
        assert offered(capsys, "here", "BU") == ["Budi2", "budi"]
        assert offered(capsys, "here") == ["Budi2", "ana", "budi"]
    assert double.asked[0] == {"v": 1, "do": "sessions"}


def test_remembered_names_and_whoever_orders_are_about_are_offered(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", str(place))
    both: list[Item] = [
        session("rudi"),
        NameItem(name="ana", key="k7Qm3xYz", used="2026-11-29T09:00:00.000Z", here=False),
    ]
    with answering(place, items(both)) as double:
        assert offered(capsys, "known", "") == ["ana", "rudi"]
        assert [line["do"] for line in double.asked] == ["sessions", "names"]
    place.unlink()
    with answering(place, ORDERS):
        assert offered(capsys, "kept-out", "") == ["10.0.0.0/24", "budi", "key:aaaaaaaa", "rudi@10.0.0.9"]
        assert offered(capsys, "muted", "") == ["siti"]


def test_what_cannot_be_typed_is_not_offered(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", str(place))
    with answering(place, items(list(map(session, ("a\nb", "\x1b[2J", "--yes", "", "ana\u202e", "安娜"))))):
        assert offered(capsys, "here", "") == ["安娜"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"\n", b"{", b"[]\n", b'{"type":"session"}\n{"type":"done"}\n', b'{"v":1,"type":"error","code":"busy"}\n'],
)
def test_an_answer_without_names_is_no_names(
    answer: bytes, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", str(place))
    with answering(place, answer):
        assert offered(capsys, "here", "") == []


@pytest.mark.parametrize("given", ["off", "/nowhere/control", "nowhere", ""])
def test_without_a_server_nothing_is_said(
    given: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", given)
    assert offered(capsys, "here", "") == []
    assert offered(capsys, "unknown", "") == offered(capsys) == []


def test_the_service_is_asked_first_and_else_the_room_of_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(tmp_path / "runtime", items([session("ana")])):
        assert offered(capsys, "here", "") == ["ana"]
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path))
    with answering(tmp_path / "control", items([session("budi")])):
        assert offered(capsys, "here", "") == ["budi"]


def test_every_kind_of_names_that_a_command_takes_is_known() -> None:
    assert {*names_at_tab._KINDS} == {*NAMES.values()}


def test_the_socket_is_looked_for_where_commands_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert f"/{control.RUNTIME}" == names_at_tab.RUNTIME
    assert (control.VARIABLE, which_room.NAMES_A_ROOM) == (names_at_tab.VARIABLE, names_at_tab.NAMES_A_ROOM)


def test_the_program_offers_names_without_loading_the_command_line(place: Path) -> None:
    program = (
        "import sys; from sockatuh.cli import main; sys.argv[1:] = sys.argv[2:]; main()\n"
        f"print(json.dumps([each for each in {HEAVY!r} if each in sys.modules]))"
    ).replace("import sys", "import json, sys", 1)
    environ = unmeasured(os.environ) | {"SOCKATUH_CONTROL": str(place)}
    with answering(place, items([session("budi")])):
        words = [sys.executable, "-c", program, "-", NAMES_AT_TAB, "here", "b"]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    names, loaded = done.stdout.splitlines()
    assert (names, json.loads(loaded), done.stderr) == ("budi", [], "")
