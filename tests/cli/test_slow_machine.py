"""A machine that needs long to prepare the password: it says so, and Ctrl-C does not wait for it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Server

from sockatuh.wording import client as phrases

pytestmark = pytest.mark.slow

NEVER = """
import sys, threading
import bcrypt
def hashpw(password, salt):
    print("hashing", file=sys.stderr, flush=True)
    threading.Event().wait()
bcrypt.hashpw = hashpw
from sockatuh.cli import main
main()
"""
"""The program on a machine on which a hash is never done."""


@pytest.fixture(name="client")
def _client(server: Server, tmp_path: Path) -> Client:
    return Client(tmp_path / "sari", server, command=[sys.executable, "-c", NEVER])


def test_a_person_is_told_and_may_give_up(client: Client) -> None:
    del client.environ["SOCKATUH_PASSWORD"]
    terminal = client.terminal("chat")
    terminal.answer("Room password:", PASSWORD)
    terminal.wait_for(phrases.PREPARING)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.echoed_at_the_end
    client.close()


def test_a_script_that_is_stopped_meanwhile_ends_at_once(client: Client) -> None:
    with client.start("send", "hello") as sending:
        assert sending.stderr is not None
        assert sending.stderr.readline() == "hashing\n"
        sending.send_signal(signal.SIGINT)
        assert sending.wait() == 130
        assert sending.stderr.read() == ""
    client.close()
