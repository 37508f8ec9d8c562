from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.cli.slash import LeaveRoom, ListMembers, Request, SayText, ShowHelp, ShowText, UnknownCommand, parse


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("hello", SayText("hello")),
        (" /me waves", SayText(" /me waves")),
        ("/me waves\nat all", SayText("waves\nat all", action=True)),
        ("/me", SayText("", action=True)),
        ("//who", SayText("/who")),
        ("/who", ListMembers()),
        ("/who  is here", ListMembers()),
        ("/help", ShowHelp()),
        ("/show 4321", ShowText("4321")),
        ("/show", ShowText("")),
        ("/quit", LeaveRoom()),
        ("/Quit", UnknownCommand("Quit")),
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
