from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.cli.slash import Help, Quit, Request, Say, Show, Unknown, Who, parse


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("hello", Say("hello")),
        (" /me waves", Say(" /me waves")),
        ("/me waves\nat all", Say("waves\nat all", action=True)),
        ("/me", Say("", action=True)),
        ("//who", Say("/who")),
        ("/who", Who()),
        ("/who  is here", Who()),
        ("/help", Help()),
        ("/show 4321", Show("4321")),
        ("/show", Show("")),
        ("/quit", Quit()),
        ("/Quit", Unknown("Quit")),
        ("/", Unknown("")),
        ("/\x1b[2J x", Unknown("")),
        ("/etc/passwd is a file", Say("/etc/passwd is a file")),
        ("/me/", Say("/me/")),
        ("//etc/passwd", Say("/etc/passwd")),
    ],
)
def test_a_typed_line_asks_for_one_thing(line: str, request_: Request) -> None:
    assert parse(line) == request_


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_two_slashes_say_any_text_with_one(text: str) -> None:
    assert parse(f"//{text}") == Say(f"/{text}")
