from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.cli.commands.table import COMMANDS, help_rows
from sockatuh.cli.slash import Request, SayText, TypedCommand, UnknownCommand, parse
from sockatuh.wording.en import commands as en
from sockatuh.wording.id import commands as id_

INDENT = 6


def command(name: str, rest: str = "") -> TypedCommand:
    return TypedCommand(COMMANDS[name], rest)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("hello", SayText("hello")),
        (" /me waves", SayText(" /me waves")),
        ("/me waves\nat all", command("me", "waves\nat all")),
        ("/me", command("me")),
        ("//who", SayText("/who")),
        ("/who", command("who")),
        ("/who  is here", command("who", "is here")),
        ("/help", command("help")),
        ("/show 4321", command("show", "4321")),
        ("/quit", command("quit")),
        ("/r yes ", command("r", "yes ")),
        ("/Quit", UnknownCommand("Quit")),
        ("/kick", UnknownCommand("kick")),
        ("/", UnknownCommand("")),
        ("/\x1b[2J x", UnknownCommand("")),
        ("/etc/passwd is a file", SayText("/etc/passwd is a file")),
        ("/me/", SayText("/me/")),
        ("//etc/passwd", SayText("/etc/passwd")),
    ],
)
def test_a_typed_line_is_parsed_as_one_command(line: str, request_: Request) -> None:
    assert parse(line) == request_


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_a_double_slash_sends_a_text_starting_with_one(text: str) -> None:
    assert parse(f"//{text}") == SayText(f"/{text}")


def test_help_has_a_row_for_each_command_in_the_order_of_the_table() -> None:
    assert [row.split()[0] for row in help_rows()] == [*(f"/{name}" for name in COMMANDS), "//TEXT"]


@pytest.mark.parametrize("wording", [en, id_], ids=["en", "id"])
def test_a_row_of_help_fits_80_columns_in_every_language(wording: ModuleType) -> None:
    assert list(wording.COMMANDS) == list(COMMANDS)
    before = max(len(f"/{name} {arguments}") for name, (arguments, _) in wording.COMMANDS.items())
    assert [what for _, what in wording.COMMANDS.values() if INDENT + before + 2 + len(what) > 80] == []


def test_the_page_about_the_chat_names_each_command() -> None:
    page = Path(__file__).parents[2].joinpath("docs/CHAT.md").read_text("utf-8").replace("\\|", "|")
    rows = [f"`/{name} {arguments}".rstrip() + "`" for name, (arguments, _) in en.COMMANDS.items()]
    assert [row for row in rows if row not in page] == []
