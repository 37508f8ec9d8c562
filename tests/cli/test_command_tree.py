from __future__ import annotations

import re

import pytest

from sockatuh.cli.app import COMMANDS, run
from sockatuh.cli.command_tree import Command, Takes, read_tree


@pytest.fixture(scope="module")
def program() -> Command:
    return read_tree()


def test_the_tree_has_the_commands_of_the_list_in_its_order(program: Command) -> None:
    assert [each.name for each in program.commands] == list(COMMANDS)
    assert {name for option in program.options for name in option.names} == {"-h", "--help", "--version"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_parameters_of_its_help_page_and_no_others(
    name: str, program: Command, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([name, "--help"]) == 0
    page = capfd.readouterr().out
    command = next(each for each in program.commands if each.name == name)
    assert page.startswith(f"Usage: sockatuh {name} {command.usage}\n")
    flat = " ".join(page.split())
    assert [each.term for each in command.parameters if f"{each.term} {each.sentence}" not in flat] == []
    shown = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", page, re.MULTILINE)
    assert shown == [option.names[-1] for option in command.options]


def test_values_are_known_by_their_kind(program: Command) -> None:
    kinds = {
        f"{command.name} {each.names[-1] if each.names else each.metavar}": (each.takes, each.choices)
        for command in program.commands
        for each in command.parameters
    }
    assert kinds["chat --trust"] == (Takes.CHOICE, ("ask", "accept-new", "strict"))
    assert kinds["identity show|forget|export|import"] == (Takes.CHOICE, ("show", "forget", "export", "import"))
    assert kinds["identity SERVER|FILE"] == (Takes.FILE, ())
    assert kinds["help COMMAND"] == (Takes.CHOICE, tuple(COMMANDS))
    assert kinds["backup FILE"] == kinds["check --config"] == kinds["chat --password-file"] == (Takes.FILE, ())
    assert kinds["init --dir"] == (Takes.DIRECTORY, ())
    assert kinds["chat SERVER"] == kinds["chat --lines"] == (Takes.TEXT, ())
    assert kinds["chat --plain"] == (Takes.NOTHING, ())
    assert {kinds[each][0] for each in kinds if each.endswith(("-file", "--config", " FILE"))} == {Takes.FILE}
