"""The full screen as a process in a terminal: how it starts, and how it leaves the terminal whatever ends it."""

from __future__ import annotations

import signal
import sys

import pytest
from cli.people import Client, Person, Server
from kit.terminal import Terminal

FULL = {"SOCKATUH_SCREEN": "full"}
FAILS = (
    sys.executable,
    "-c",
    "import sockatuh.cli.fullscreen.screen as screen\n"
    "from sockatuh.cli import main\n"
    "header = screen.header\n"
    "def fail(contact, columns):\n"
    "    if contact.here and columns == 81: raise RuntimeError('a fault')\n"
    "    return header(contact, columns)\n"
    "screen.header = fail\n"
    "main()",
)
"""A program that fails when the terminal has 81 columns."""


def come_in(client: Client, *options: str, columns: int = 80, rows: int = 24) -> Terminal:
    client.environ |= FULL
    terminal = client.terminal("chat", "-n", "0", *options, columns=columns, rows=rows)
    terminal.wait_for("kitchen · ", "— you are here —", " here · ", " ms")
    return terminal


def is_as_before(terminal: Terminal) -> None:
    assert not terminal.screen.is_alternate
    assert terminal.screen.private_modes & {1, 9, 1000, 1002, 1003, 1004, 1006, 2004} == set()
    assert 7 in terminal.screen.private_modes
    assert not terminal.screen.cursor.hidden
    assert terminal.settings == terminal.settings_at_the_start
    assert not any(f"\x1b[?{mode}h" in terminal.written for mode in (9, 1000, 1002, 1003, 1006, 1015))


def test_a_chat_takes_the_full_screen_and_gives_the_terminal_back(server: Server, person: Person) -> None:
    ana = person("ana", server)
    terminal = come_in(ana)
    assert terminal.screen.is_alternate
    terminal.type("soup at one\r")
    terminal.wait_until(lambda: "ana  soup at one" in terminal.text and "…" not in terminal.text, "stored line")
    terminal.resize(60, 12)
    terminal.wait_until(lambda: len(terminal.screen.display[0].rstrip()) == 59, "header at the new width")
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 0
    is_as_before(terminal)
    assert terminal.lines[-3] == "kitchen, as you left it:"
    assert terminal.lines[-1].endswith("ana  soup at one")


def test_a_dumb_terminal_is_never_given_a_screen(server: Server, person: Person) -> None:
    terminal = person("budi", server, **FULL | {"TERM": "dumb"}).terminal("chat", "-n", "0")
    terminal.wait_for("— you are here —")
    terminal.type("/quit\r")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.written


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "number", "code"),
    [("\x03", None, 130), ("\x04", None, 0), ("", signal.SIGTERM, 0), ("", signal.SIGHUP, 0), ("", signal.SIGINT, 130)],
)
def test_whatever_ends_it_the_terminal_is_as_before(
    own_server: Server, person: Person, keys: str, number: signal.Signals | None, code: int
) -> None:
    terminal = come_in(person("citra", own_server))
    terminal.type("soup at one\r")
    terminal.wait_until(lambda: "citra  soup at one" in terminal.text and "…" not in terminal.text, "stored line")
    if number is None:
        terminal.type(keys)
    else:
        terminal.signal(number)
    assert terminal.end() == code
    is_as_before(terminal)
    assert "kitchen, as you left it:" in terminal.text
    assert terminal.lines[-1].endswith("citra  soup at one")


@pytest.mark.slow
def test_a_fault_of_the_program_gives_the_terminal_back_too(own_server: Server, person: Person) -> None:
    dewi = person("dewi", own_server)
    dewi._command = FAILS
    terminal = come_in(dewi)
    terminal.resize(81, 24)
    assert terminal.end() == 1
    is_as_before(terminal)
    assert "kitchen, as you left it:" in terminal.text


@pytest.mark.slow
def test_a_terminal_that_is_gone_is_no_fault(own_server: Server, person: Person) -> None:
    terminal = come_in(person("eka", own_server))
    assert terminal.hang_up() == 0


@pytest.mark.slow
def test_a_server_that_is_killed_while_somebody_types_costs_no_line(own_server: Server, person: Person) -> None:
    terminal = come_in(person("fajar", own_server))
    own_server.stop(signal.SIGKILL)
    terminal.type("soup at one\r")
    terminal.type("half ty")
    terminal.wait_for("no contact since ", ", 1 line kept", "fajar  soup at one …", "> half ty")
    hint = terminal.lines[-2]
    written = len(terminal.written)
    terminal.read(2.5)  # which the hint does not count
    assert (terminal.lines[-2], len(terminal.written)) == (hint, written)
    own_server.start()
    terminal.wait_until(lambda: "no contact" not in terminal.text and "…" not in terminal.text, "contact")
    assert terminal.text.count("fajar  soup at one") == 1
    assert terminal.lines[-1] == "> half ty"


@pytest.mark.slow
def test_a_line_that_is_not_stored_is_told_below_what_was_left(own_server: Server, person: Person) -> None:
    terminal = come_in(person("gita", own_server))
    own_server.stop(signal.SIGKILL)
    terminal.type("soup at one\r")
    terminal.wait_for("gita  soup at one …")
    terminal.type("\x04")
    terminal.wait_for("leaving when 1 line is stored; Ctrl-C leaves at once")
    terminal.type("\x03")
    assert terminal.end() == 130
    is_as_before(terminal)
    assert terminal.lines[-4] == "kitchen, as you left it:"
    assert terminal.lines[-2:] == ["1 line was not stored:", "      soup at one"]
    own_server.start()
