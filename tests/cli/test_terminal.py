from __future__ import annotations

import os
import select
import unicodedata

import pytest
from cli.people import Person, Server
from hostile import TEXTS, faults_of_text
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.terminal import STAND_IN, discard_typed_ahead, show_removed


def test_hostile_input_is_shown_only_as_written_out_controls() -> None:
    for name, text in TEXTS.items():
        shown = show_removed(text)
        assert faults_of_text("".join(char for char in shown if unicodedata.category(char) != "Cc")) == [], name


@given(st.text(st.characters(exclude_categories=[])))
def test_each_character_has_its_place(text: str) -> None:
    assert all(new in (old, STAND_IN) for old, new in zip(text, show_removed(text), strict=True))


def test_ordinary_input_is_shown_unchanged() -> None:
    text = "Gr\u00fc\u00dfe, \u4f60\u597d \U0001f469\u200d\U0001f469\u200d\U0001f467"
    assert show_removed(text) == text
    assert show_removed("a\u202eb") == f"a{STAND_IN}b"


def test_what_was_typed_before_a_screen_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        os.write(ours, b"much too early\r")
        assert select.select([stdin], [], [], 5)[0]
        discard_typed_ahead()
        assert not select.select([stdin], [], [], 0)[0]
        os.write(ours, b"just in time\r")
        assert stdin.readline() == "just in time\n"
    os.close(ours)


def test_pasted_text_has_no_effect_before_it_is_sent(server: Server, person: Person) -> None:
    terminal = person("pia", server).terminal("chat", "-n", "0")
    terminal.wait_for("\u2014 you are here \u2014", ">")
    terminal.type("\x1b[200~a\u202eb\u200b\x1b]0;PWNED\x07c\x1b[201~")
    terminal.wait_for(f"> a{STAND_IN}b{STAND_IN * 11}c")
    assert terminal.screen.title == ""
    terminal.enter("")
    terminal.wait_for("pia  abc")


@pytest.mark.slow
def test_the_terminal_never_echoes_input_while_lines_are_printed(server: Server, person: Person) -> None:
    terminal = person("qori", server).terminal("chat", "-n", "0")
    terminal.wait_for("\u2014 you are here \u2014", ">")
    with person("rini", server).start("chat") as other:
        assert other.stdin is not None
        for number in range(60):
            other.stdin.write(f"line {number}\n")
            other.stdin.flush()
            for _ in range(20):
                terminal.read(0.001)
                assert not terminal.echoes
        other.stdin.close()
        terminal.wait_for("line 59")
