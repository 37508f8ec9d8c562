"""The commands in this process, with a control socket that answers what a test chooses."""

from __future__ import annotations

import getpass
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from cli.box.replies import replies
from kit.control_double import ControlDouble, answering, items

from sockatuh.cli.app import run
from sockatuh.room import orders
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.server.control_lines import Item, encode_reply

ME: Final = getpass.getuser()
DONE: Final = {kind: encode_reply(told.reply) for kind, told in replies().items()}


@pytest.fixture(name="place", autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("SOCKATUH_", "SUDO_")) and name != "SOCKATUH_LANG":
            monkeypatch.delenv(name)
    monkeypatch.setenv("SOCKATUH_CONTROL", str(tmp_path / "control"))
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "control"


def asked(double: ControlDouble) -> dict[str, Any]:
    """Return what was asked last, without what says nothing."""
    fields = {key: value for key, value in double.asked[-1].items() if value not in ("", False, None)}
    assert (fields.pop("v"), fields.pop("as", ME)) == (1, ME)
    return fields


ORDERS: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("kick budi", "kick", {"do": "kick", "name": "budi", "for": 60.0}),
    ("kick @budi --for 5m --reason x --yes", "kick", {"name": "budi", "for": 300.0, "reason": "x", "yes": True}),
    ("ban budi", "ban of a key", {"do": "ban", "target": "budi", "for": 86_400.0}),
    ("ban 10.0.0.0/24 --strangers --for 90s", "ban of strangers", {"strangers": True, "for": 90.0}),
    ("ban key:k7Qm3xYz --dry-run", "ban of a key", {"target": "key:k7Qm3xYz", "dry_run": True}),
    ("unban 813", "unban", {"do": "unban", "target": "813"}),
    ("mute budi", "mute", {"do": "mute", "name": "budi", "for": 600.0}),
    ("unmute budi", "unmute", {"do": "unmute", "name": "budi"}),
    ("release budi --reason laptop", "release", {"do": "release", "name": "budi", "reason": "laptop"}),
    ("announce lunch at one", "announce", {"do": "announce", "text": "lunch at one"}),
    ("strike 790", "strike", {"do": "strike", "seq": 790}),
    ("strike --last budi", "strike", {"do": "strike", "last": "budi"}),
]


@pytest.mark.parametrize(("words", "reply", "fields"), ORDERS, ids=[words for words, _, _ in ORDERS])
def test_a_command_gives_one_order_and_says_what_was_done(
    words: str, reply: str, fields: dict[str, Any], place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with answering(place, DONE[reply]) as double:
        assert run(words.split(" ")) == 0
    assert len(double.asked) == 1
    assert fields.items() <= asked(double).items()
    said = capfd.readouterr()
    assert (said.err, said.out != "") == ("", True)


def test_forever_is_an_order_without_an_end(place: Path) -> None:
    with answering(place, DONE["ban of a key that is alone"]) as double:
        assert run(["ban", "budi", "--for", " forever "]) == 0
    assert double.asked[0]["for"] is None


def test_whoever_used_sudo_is_named_and_so_is_sudo_in_the_commands_that_follow(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUDO_USER", "tom")
    with answering(place, DONE["kick"]) as double:
        assert run(["kick", "budi"]) == 0
    assert double.asked[0]["as"] == "tom"
    assert "To end it: sudo sockatuh unban 812\n" in capfd.readouterr().out


USAGE: Final = {
    "kick budi --for 0": "a client comes back within a second by itself",
    "kick budi --for forever": "sockatuh ban NAME --for forever",
    "kick budi --for soon": "such as 90s, 10m or 1d, not 'soon'.",
    "kick budi --for 5": "not '5'",
    "kick budi --for 40000d": "at most 100 years. A kick ends by itself. To keep somebody out for ever: sockatuh ban",
    "ban budi --for 40000d": "at most 100 years; longer is forever.",
    "kick @": "The name is empty.",
    "ban budi --for 0": "would be over at once",
    "ban budi --for soon": "or forever, not 'soon'.",
    "ban budi --strangers": "--strangers is about an address",
    "ban key:k7Qm": "at least the first 8 characters",
    f"ban budi --reason {'x' * 201}": "at most 200 characters",
    "mute budi --for 0": "would be over at once",
    "unban key:1": "at least the first 8 characters",
    "strike": "Strike which line?",
    "strike 5 --last budi": "one of the two",
    "strike 0": "0 is not in the range",
    "strike soup": "soup",
    "names --unused soon": "such as 90d, not 'soon'.",
    "names --unused forever": "such as 90d",
}


@pytest.mark.parametrize("words", USAGE)
def test_what_is_typed_wrong_is_not_ordered(words: str, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(place, DONE["kick"]) as double:
        assert run(words.split(" ")) == 2
    assert double.asked == []
    said = capfd.readouterr()
    assert said.out == ""
    assert USAGE[words] in " ".join(said.err.split())


def test_the_help_of_mute_names_all_that_can_be_muted(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["mute", "--help"]) == 0
    assert capfd.readouterr().out.count("name:NAME") == 2


def test_bytes_that_are_no_text_and_control_characters_reach_no_server(place: Path) -> None:
    with answering(place, DONE["kick"]) as double:
        assert run(["kick", "bu\udcffdi\x1b[2J", "--reason", "so\nup\udcff\u202e"]) == 0
    assert (double.asked[0]["name"], double.asked[0]["reason"]) == ("bu\ufffddi", "so ⏎ up\ufffd")


def test_an_announcement_is_read_from_stdin(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(place, DONE["announce"]) as double:
        for data, text in ((b"lunch\nat one\n", "lunch\nat one"), (b"siang", "siang")):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            assert run(["announce", "-"] if text == "siang" else ["announce"]) == 0
            assert asked(double)["text"] == text


CANNOT_BE_ANNOUNCED: Final = {b"": 4, b"\x1b[2J \n": 4, b"x" * 20_000: 4, b"\xff": 2, b"a\0b": 2}


@pytest.mark.parametrize(("data", "code"), CANNOT_BE_ANNOUNCED.items(), ids=["empty", "unseen", "long", "bytes", "NUL"])
def test_what_cannot_be_announced_is_not_ordered(
    data: bytes, code: int, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with answering(place, DONE["announce"]) as double:
        assert run(["announce"]) == code
    assert double.asked == []
    assert capfd.readouterr().err


def test_what_would_be_done_is_said_and_that_nothing_was(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(place, encode_reply(replies()["kick"].reply, dry_run=True)):
        assert run(["kick", "budi", "--dry-run"]) == 0
    said = capfd.readouterr().out
    assert "budi (key k7Qm3xYz) would be removed: 3 sessions" in said
    assert "Nothing was done (--dry-run).\n" in said
    assert "unban" not in said


def test_a_refusal_is_a_sentence_and_for_programs_the_servers_line(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    denied = orders.OrderDenied(code="half_the_room", name="安娜", count=23, members=31)
    with answering(place, encode_reply(denied)):
        assert run(["ban", "10.0.0.0/24"]) == 4
        assert capfd.readouterr() == ("", "That is 23 of 31 members; --yes if you mean it.\n")
        assert run(["ban", "10.0.0.0/24", "--json"]) == 4
    said = capfd.readouterr()
    line = json.loads(said.out)
    assert (line["type"], line["code"], line["name"], line["count"]) == ("error", "half_the_room", "安娜", 23)
    assert said.out.isascii()
    assert said.err == "That is 23 of 31 members; --yes if you mean it.\n"


@pytest.mark.parametrize(("code", "exit_code"), [("not_stored", 3), ("stopping", 3), ("internal", 1), ("present", 4)])
def test_a_refusal_has_its_exit_code(code: str, exit_code: int, place: Path) -> None:
    with answering(place, encode_reply(orders.OrderDenied(code=code))):
        assert run(["release", "budi"]) == exit_code


@pytest.mark.parametrize("words", ["kick budi", "bans", "names", "sessions"])
def test_without_a_server_the_exit_code_says_so(words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(words.split(" ")) == 3
    assert "No server runs here" in capfd.readouterr().err


ITEMS: Final[dict[str, Item]] = {
    "bans": OrderItem(
        id=812, order="ban", what="10.0.0.0/24", name="", key="", until=None, since="2026-11-29T09:00:00.000Z", by=0,
        as_="tom", reason="安娜\u202e", strangers=True, hits=3, hit="2026-11-29T09:30:00.000Z",
    ),
    "names": NameItem(name="安娜", key="k7Qm3xYz", used="2026-11-29T09:00:00.000Z", here=True),
    "sessions": SessionItem(
        name="安娜", key="", role="script", address="10.0.0.7:5", dialect="classic", version="",
        since="2026-11-29T09:00:00.000Z", silent=61.2, behind=7,
    ),
}  # fmt: skip
SHOWN: Final = {
    "bans": ["812", "ban", "10.0.0.0/24", "--strangers", "forever", "tom", "3", "安娜"],
    "names": ["安娜", "k7Qm3xYz", "yes"],
    "sessions": ["安娜", "-", "10.0.0.7:5", "classic", "61s", "7", "script"],
}


@pytest.mark.parametrize("verb", ITEMS)
def test_a_list_is_a_table_and_for_programs_the_servers_lines(
    verb: str, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = items([ITEMS[verb]])
    with answering(place, answer):
        assert run([verb]) == 0
        head, row = capfd.readouterr().out.splitlines()
        assert run([verb, "--json"]) == 0
    words = row.split()
    assert [word for word in SHOWN[verb] if word not in words] == []
    assert head.split()[0] in ("ID", "NAME")
    out = capfd.readouterr().out
    assert out.isascii()
    assert [json.loads(line) for line in out.splitlines()] == [json.loads(line) for line in answer.splitlines()]


@pytest.mark.parametrize("verb", ITEMS)
def test_an_empty_list_says_so(verb: str, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(place, items([])):
        assert run([verb]) == 0
        assert capfd.readouterr().out.startswith(("No ", "Nobody ", "The room remembers no"))
        assert run([verb, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"v": 1, "type": "done"}


def test_sessions_of_nobody_are_a_refusal(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(place, items([])) as double:
        assert run(["sessions", "budi"]) == 4
        assert asked(double) == {"do": "sessions", "name": "budi"}
    assert capfd.readouterr().err == "Nobody here is called budi.\n"


def test_names_that_were_not_used_for_a_while_are_asked_for_in_seconds(place: Path) -> None:
    with answering(place, items([])) as double:
        assert run(["names", "--unused", "90d"]) == 0
    assert asked(double) == {"do": "names", "unused": 90 * 86_400.0}
