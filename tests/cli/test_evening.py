"""A whole evening typed into a real terminal: nothing is lost, said twice, shown twice or left behind.

What is asserted of the bytes and the modes is what SockAtuh promises about terminals in docs/CHAT.md.
"""

from __future__ import annotations

import json
import re
import signal
import time
from typing import Final

import pytest
from cli.people import Client, Person, Server
from kit.emulator import ALTERNATE, BRACKETED_PASTE
from kit.terminal import Terminal

MOUSE: Final = re.compile(r"\x1b\[\?(?:9|1000|1001|1002|1003|1005|1006|1015)[;\d]*h")
WIDTHS: Final = (40, 200, 63, 120, 41, 80, 177, 55, 99, 100)
HALF_TYPED: Final = (
    "a line that is half typed while the window changes its size again and again, of more than a hundred columns"
)
OUTAGE: Final = 20.0


def said_by(server: Server, name: str, reader: Client) -> list[str]:
    """Return what somebody has said, from the server's own log."""
    told = reader.call("history", "--config", str(server.config), "--json", "--name", name, "-n", "10000")
    assert told.returncode == 0, told.stderr
    return [entry["text"] for entry in map(json.loads, told.stdout.splitlines()) if entry["type"] == "message"]


def come_in(client: Client, *options: str, columns: int = 100, rows: int = 30) -> Terminal:
    """Start a chat and wait for its input line."""
    terminal = client.terminal("chat", *options, columns=columns, rows=rows)
    terminal.wait_until(lambda: terminal.lines[-1:] == [">"], "empty input")
    return terminal


def assert_left_as_it_was(terminal: Terminal) -> None:
    """Assert that the terminal is as the program found it."""
    assert not terminal.screen.is_alternate
    assert not terminal.screen.cursor.hidden
    assert terminal.settings_at_the_end == terminal.settings_at_the_start
    assert not {ALTERNATE, BRACKETED_PASTE} & terminal.screen.private_modes
    assert MOUSE.search(terminal.written) is None


@pytest.mark.slow
def test_an_evening(own_server: Server, person: Person) -> None:
    tom, ana = person("tom", own_server, SOCKATUH_SCREEN="full"), person("ana", own_server)
    ana.call("send", "soup at one")
    terminal = come_in(tom)
    typed: list[str] = []

    def say(text: str, *, shown: str = "") -> None:
        terminal.enter(text)
        typed.append(text)
        terminal.wait_for(shown or f"tom  {text}")

    say("is there bread?")
    ana.call("send", "tom: plenty")
    terminal.wait_for("ana  tom: plenty")
    say("ana: thank you")
    terminal.enter("/me puts the kettle on")
    typed.append("puts the kettle on")
    terminal.wait_for("* tom puts the kettle on")
    terminal.type("\x1b[200~one\ntwo\n\tthree\x1b[201~")
    terminal.wait_for("> one")
    terminal.enter("")
    typed.append("one\ntwo\n\tthree")
    terminal.wait_for("tom  one")
    _search(terminal)
    _resize_while_typing(terminal)
    terminal.enter("")
    typed.append(HALF_TYPED)
    terminal.wait_until(lambda: terminal.lines[-1:] == [">"], "empty input")
    terminal.wait_for("tom  a line that is half typed")
    _lose_the_server(terminal, own_server, typed)
    ana.call("send", "welcome back")
    terminal.wait_for("ana  welcome back")
    say("good night")
    before = said_by(own_server, "tom", ana)
    terminal.enter("/nick tomas")
    terminal.wait_for("you are tomas now")
    terminal.enter("as tomas")
    terminal.wait_for("tomas  as tomas")
    terminal.enter("/quit")
    assert terminal.end() == 0
    assert before == typed
    assert said_by(own_server, "tomas", ana) == ["as tomas"]
    assert_left_as_it_was(terminal)
    assert "kitchen, as you left it:" in terminal.text
    for text in ("good night", "welcome back", "as tomas"):
        assert terminal.text.count(text) == 1, "the last screenful stands on the normal screen"
    assert not any("half typed" in row for row in terminal.screen.scrollback)


def _search(terminal: Terminal) -> None:
    terminal.enter("/search soup")
    terminal.wait_for("1 of 1")
    terminal.type("\x1b")
    terminal.wait_until(lambda: "1 of 1" not in terminal.text and terminal.lines[-1:] == [">"], "end of the search")


def _resize_while_typing(terminal: Terminal) -> None:
    """Type a line, a tenth of it in each of ten widths; it is on the screen once, and nothing scrolls away."""
    scrolled = list(terminal.screen.scrollback)
    step = -(-len(HALF_TYPED) // len(WIDTHS))
    for at, width in enumerate(WIDTHS):
        terminal.resize(width, 30)
        terminal.type(HALF_TYPED[at * step : (at + 1) * step])
        so_far = HALF_TYPED[: (at + 1) * step].replace(" ", "")
        terminal.wait_until(lambda: letters_on(terminal).endswith(f">{so_far}"), f"all of {so_far!r}")  # noqa: B023
        assert letters_on(terminal).count(so_far[:20]) == 1
    assert terminal.screen.scrollback == scrolled


def letters_on(terminal: Terminal) -> str:
    """Return what is on the screen without spaces, so that a text is found however it is wrapped."""
    return re.sub(r"\s+", "", "".join(terminal.screen.display))


def _lose_the_server(terminal: Terminal, server: Server, typed: list[str]) -> None:
    """Kill the server for a while in which lines are typed."""
    server.stop(signal.SIGKILL)
    for number in range(3):
        terminal.enter(f"kept {number}")
        typed.append(f"kept {number}")
    terminal.wait_for("no contact since", "3 lines kept", "kept 2 …")
    quiet_from, until = len(terminal.written), time.monotonic() + OUTAGE
    while time.monotonic() < until:
        terminal.read(until - time.monotonic())
    assert len(terminal.written) - quiet_from < 200, "it repaints although nothing happens"
    server.start()
    terminal.wait_until(lambda: "no contact" not in terminal.text and "…" not in terminal.text, "contact")
    for number in range(3):
        assert terminal.text.count(f"tom  kept {number}") == 1
