"""A chat in which nothing happens leaves the machine alone."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from cli.people import Person, Server

SECONDS = 10.0
MOST_WAKINGS = 6
"""A PING and its answer, an acknowledgement: a client that looked every second would come to ten and more."""


def wakings_of(process: int) -> int:
    """Return how often the threads of a process have waited for something so far."""
    threads = Path(f"/proc/{process}/task").iterdir()
    found = (re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (each / "status").read_text(), re.M) for each in threads)
    return sum(int(each[1]) for each in found if each)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_idle_chat_wakes_for_its_pings_only(server: Server, person: Person) -> None:
    terminals = {
        screen: person(f"idle-{screen}", server, SOCKATUH_SCREEN=screen).terminal("chat")
        for screen in ("full", "inline", "plain")
    }
    for terminal in terminals.values():
        terminal.wait_for("you are here")
    for terminal in terminals.values():
        terminal.read(1.0)  # the others' joins, and what follows them
    processes = {screen: terminal._program.pid for screen, terminal in terminals.items()}
    before = {screen: wakings_of(process) for screen, process in processes.items()}
    time.sleep(SECONDS)
    woken = {screen: wakings_of(process) - before[screen] for screen, process in processes.items()}
    assert {screen: number for screen, number in woken.items() if number > MOST_WAKINGS} == {}
