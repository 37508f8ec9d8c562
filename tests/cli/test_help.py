from __future__ import annotations

import re

import pytest

from sockatuh.cli.app import COMMANDS, run


def printed(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(words) == 0
    said = capfd.readouterr()
    assert said.err == ""
    return said.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_prints_the_page_of_a_command(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert printed(capfd, "help", command) == printed(capfd, command, "--help")


def test_help_alone_prints_the_list_of_commands(capfd: pytest.CaptureFixture[str]) -> None:
    assert printed(capfd, "help") == printed(capfd, "--help")


def test_help_about_a_command_that_does_not_exist_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "chatt"]) == 2
    said = capfd.readouterr()
    assert (said.out, "Did you mean 'chat'?" in said.err) == ("", True)


def test_the_option_and_the_command_print_the_same_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert printed(capfd, "--version") == printed(capfd, "version") == printed(capfd, "--version", "chat")


@pytest.mark.parametrize("command", COMMANDS)
def test_values_have_names_for_people_and_not_those_of_python_types(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    page = printed(capfd, command, "--help")
    assert not re.search(r"<(str|int|float|bool|path|text)>", page, re.IGNORECASE)
    assert not re.search(r"[{}]", page)
    place = r"[A-Z|]+|[a-z|]+|\[(?:[A-Z|]+|[a-z|]+|TEXT\.\.\. \| -)\]"
    assert re.match(rf"Usage: sockatuh {command} \[OPTIONS\](?: (?:{place}))*\n", page)
