from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import COCKTAIL, faults_of_text, lies_in

from sockatuh import errors
from sockatuh.cli.errors import explain, guard
from sockatuh.protocol.constants import ORDER_CODES
from sockatuh.wording.en.admin import REFUSALS

OLD, NEW = bytes(32), bytes([1]) * 32
DOCS = Path(__file__).parent.parent.parent / "docs"


ERRORS = [
    (errors.NoServer("box:7625", 5.0), 3, ["box:7625", "no answer"]),
    (errors.NotStored("box:7625", 10.0), 3, ["box:7625", "10 s", "may still store it", "systemctl status"]),
    (errors.TooFast(10.0, 3.0), 3, ["within 10 s", "--timeout"]),
    (errors.NotPrepared(60.0), 3, ["60 s", "--timeout"]),
    (errors.Refused("password_wrong", 40.2), 4, ["That is not the room's password.", "Wait 41 s"]),
    (errors.Refused("password_wrong", 40.2, "the eight"), 4, ["Its words: the eight; compare", "Wait 41 s"]),
    (errors.Refused("password_changed"), 4, ["has a new password"]),
    (errors.Refused("unknown_server", detail="the eight"), 4, ["--trust strict", "the eight"]),
    (errors.Refused("no_such_name", detail="bud"), 4, ["nobody here is called bud\n"]),
    (errors.Refused("no_such_name", detail="bud", suggestion="budi"), 4, ["called bud; nearest: budi\n"]),
    (errors.Refused("no_such_name", detail="no name", suggestion="a b"), 4, ['called "no name"; nearest: "a b"\n']),
    (errors.Refused("no_such_name"), 4, ["Nobody in the room is called that"]),
    (errors.Refused("reads_in_clear", detail="oldpi"), 4, ["oldpi reads in clear; say it in the room\n"]),
    (errors.Refused("from_the_future"), 4, ["from_the_future"]),
    (errors.NameTaken("name_taken", detail="Ana"), 5, ["Ana", "--name"]),
    (errors.NameTaken("name_owned"), 5, ["another key", "free the name: `sockatuh release NAME`"]),
    (errors.NameTaken("name_reserved"), 5, ["The room's admin has reserved that name", "--name"]),
    (errors.Removed("kicked", 300.0, "flooding"), 4, ["from the room (flooding). You can come back in 5 min.\n"]),
    (errors.Removed("banned", 0.0, "flooding"), 4, ["You are banned from this room for ever (flooding).\n"]),
    (errors.Refused("muted", 0.0, "flooding"), 4, ["You are muted in this room (flooding).\n"]),
    (errors.IdentityChanged("box:7625", OLD, NEW), 6, ["STOP", "SHA256:", "identity forget box:7625"]),
    (errors.ServerUnproven("box", OLD, "welcome"), 6, ["box let you in without knowing", "Nothing was given away."]),
    (errors.ServerUnproven("box", OLD, "offer"), 6, ["box does not ask for", "Nothing was given away."]),
    (errors.ServerUnproven("box", OLD, "proofs"), 6, ["three proofs", "Its words: craft foot", "compare"]),
    (errors.ClientOutdated("box"), 7, ["wants a newer sockatuh", "Update"]),
    (errors.VersionMismatch(1, 2), 7, ["version 2", "Update this program"]),
    (errors.ConfigurationError([errors.Problem("port", "flag --port", "should be 1")]), 8, ["flag --port"]),
    (errors.AddressUnusable("::", 7625, "another program uses this port"), 1, ["7625", "--port"]),
    (errors.DatabaseTooNew("room.db", 3, 1), 1, ["room.db", "schema 3"]),
    (errors.DatabaseUnusable("room.db", "disk is full"), 1, ["disk is full", "sockatuh check"]),
    (errors.DatabaseUnusable("room.db", "disk is full", "make room: df -h"), 1, ["disk is full. Make room: df -h"]),
    (errors.KeyFileError("server.key", "others can read it"), 1, ["server.key", "others can read it"]),
    (PermissionError(13, "Permission denied", "/etc/sockatuh"), 1, ["/etc/sockatuh", "Permission denied"]),
    (RuntimeError("odd"), 1, ["bug", "RuntimeError: odd"]),
]


@pytest.mark.parametrize(("error", "exit_code", "words"), ERRORS)
def test_each_error_has_its_exit_code_and_says_what_and_what_next(
    error: Exception, exit_code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert guard(raising(error), as_json=False) == exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert all(word in said.err for word in words), said.err
    assert "Traceback" not in said.err


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> None:
        raise error

    return command


def test_scripts_get_the_error_as_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(raising(errors.Refused("password_wait", 5)), as_json=True) == 4
    line = json.loads(capsys.readouterr().out)
    assert (line["v"], line["type"], line["code"]) == (1, "error", "password_wait")
    assert "Wait 5 s" in line["message"]


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (errors.Removed("banned", 60.0, "x", 1_700_000_000_000), (60.0, "2023-11-14T22:13:20.000Z", "x")),
        (errors.Removed("banned"), (None, None, None)),
        (errors.Removed("kicked", 60.0, "\x1b[31m", 1_700_000_000_000), (60.0, "2023-11-14T22:13:20.000Z", None)),
    ],
)
def test_scripts_are_told_how_long_an_order_lasts_and_why(
    error: errors.Removed, facts: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert guard(raising(error), as_json=True) == 4
    line = json.loads(capsys.readouterr().out)
    assert (line["code"], line["wait"], line["until"], line["reason"]) == (error.code, *facts)


def test_ctrl_c_is_130_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(raising(KeyboardInterrupt()), as_json=False) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error",
    [
        errors.NameTaken("name_taken", detail=COCKTAIL),
        errors.Refused(COCKTAIL, 1.0, COCKTAIL),
        errors.Refused("password_wrong", detail=COCKTAIL),
        errors.Refused("muted", 60, COCKTAIL),
        errors.Removed("kicked", 60, COCKTAIL),
        errors.Removed("banned", 60, COCKTAIL, 1_700_000_000_000),
        errors.ServerUnproven(COCKTAIL, OLD, "welcome"),
        errors.ServerUnproven(COCKTAIL, OLD, "proofs"),
        errors.ClientOutdated(COCKTAIL),
        errors.NoServer(COCKTAIL, 1.0, COCKTAIL),
        errors.ConfigurationError([errors.Problem(COCKTAIL, COCKTAIL, COCKTAIL)]),
        errors.AddressUnusable(COCKTAIL, 1, "no such host"),
        errors.DatabaseTooNew(COCKTAIL, 2, 1),
        errors.DatabaseUnusable(COCKTAIL, "disk full"),
        errors.KeyFileError(COCKTAIL, "damaged"),
        FileNotFoundError(2, "No such file", COCKTAIL),
        ValueError(COCKTAIL),
    ],
)
def test_nothing_that_came_from_elsewhere_reaches_the_terminal_or_begins_a_line(error: Exception) -> None:
    explained = explain(error)
    for text in (explained.message, explained.code):
        assert faults_of_text(text) == []
        assert lies_in(line.strip() for line in text.splitlines()) == []


def test_the_name_of_somebody_who_has_the_name_is_recognizable_as_one() -> None:
    assert "(Ana)" in explain(errors.NameTaken("name_taken", detail="Ana")).message
    assert '("type it here")' in explain(errors.NameTaken("name_taken", detail="type it here")).message


def codes_of_the_protocol() -> set[str]:
    table = (DOCS / "PROTOCOL.md").read_text("utf-8").partition("### Codes")[2].partition("\n## ")[0]
    return {code for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", cell)}


def test_every_code_of_the_protocol_has_its_sentence() -> None:
    codes = codes_of_the_protocol()
    assert len(codes) > 10
    assert codes <= REFUSALS.keys() | ORDER_CODES


def test_every_code_that_a_command_makes_itself_is_documented_with_its_exit_code() -> None:
    page = (DOCS / "JSON.md").read_text("utf-8")
    table = page.partition("## Errors")[2]
    rows = re.findall(r"^\| (`.*?) \| (\d+)[^|]* \|", table, re.MULTILINE)
    documented = {code: int(exit_code) for cell, exit_code in rows for code in re.findall(r"`(\w+)`", cell)}
    made = [explain(error) for error, _, _ in ERRORS]
    own = {each.code: each.exit_code for each in made if each.code not in codes_of_the_protocol() | {"from_the_future"}}
    assert own.items() <= documented.items()
    assert REFUSALS.keys() - {*re.findall(r"`(\w+)`", page)} - codes_of_the_protocol() == set()
