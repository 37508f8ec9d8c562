"""A room gets another password while people and programs are in it: nobody tries the former one."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from cli.people import PASSWORD, Person, Server, json_lines, until
from cli.test_password_prompt import ASKED, NEW_PASSWORD, QUESTION, change_password, come_in

from sockatuh.wording import admin as wording

pytestmark = pytest.mark.slow


@pytest.fixture(name="talkative")
def _talkative(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own that logs what it refuses."""
    server = Server(tmp_path / "server", log_level="info")
    yield server
    server.stop(signal.SIGKILL)


def restart(server: Server, by: signal.Signals = signal.SIGKILL) -> None:
    server.stop(by)
    server.start()


def refused_in(server: Server) -> list[str]:
    """Return the names that a server has refused because of a password, in order."""
    restart(server, signal.SIGTERM)
    logged = [json.loads(line) for line in server.logged.splitlines() if line.startswith("{")]
    return [line["name"] for line in logged if line["event"] == "password_refused"]


def test_another_hash_of_the_same_password_asks_once_and_the_same_password_gets_in(
    talkative: Server, person: Person
) -> None:
    joko = person("joko", talkative)
    terminal = come_in(joko)
    terminal.wait_for("you are here", ">")
    change_password(talkative, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode())
    restart(talkative)
    terminal.wait_for(ASKED)
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("back in contact")
    terminal.enter("in again")
    terminal.wait_until(lambda: terminal.lines[-1:] == [">"] and "in again" in terminal.text, "the line")
    terminal.enter("/quit")
    assert terminal.end() == 0
    assert terminal.text.count(QUESTION) == 1
    assert refused_in(talkative) == []


def test_after_a_reload_members_stay_and_are_asked_when_they_come_back(talkative: Server, person: Person) -> None:
    joko, kiki = person("joko", talkative), person("kiki", talkative, SOCKATUH_PASSWORD=NEW_PASSWORD)
    terminal = come_in(joko)
    terminal.wait_for("you are here", ">")
    made = kiki.run("hash-password", stdin=NEW_PASSWORD.encode())
    assert made.returncode == 0
    change_password(talkative, made.stdout.strip())
    talkative.process.send_signal(signal.SIGHUP)
    assert talkative.process.stderr is not None
    next(line for line in talkative.process.stderr if "configuration_reloaded" in line)
    assert kiki.call("send", "new here").returncode == 0
    terminal.wait_for("kiki  new here")
    assert ASKED not in terminal.text
    terminal.enter("still here")
    terminal.wait_until(lambda: "still here" in terminal.text and "…" not in terminal.text, "the line")
    restart(talkative)
    terminal.wait_for(ASKED)
    terminal.answer(QUESTION, NEW_PASSWORD)
    terminal.wait_for("back in contact")
    terminal.enter("/quit")
    assert terminal.end() == 0


@pytest.mark.parametrize("by_ticket", [False, True])
def test_nobody_tries_the_former_password(talkative: Server, person: Person, tmp_path: Path, by_ticket: bool) -> None:
    kept, changed = tmp_path / "kept", tmp_path / "changed"
    for file in (kept, changed):
        file.write_text(PASSWORD)
    joko = person("joko", talkative)
    lina = person("lina", talkative, SOCKATUH_PASSWORD_FILE=str(kept))
    mira = person("mira", talkative, SOCKATUH_PASSWORD_FILE=str(changed))
    if by_ticket:
        for client in (joko, lina, mira):
            assert client.call("send", "hello").returncode == 0
        del joko.environ["SOCKATUH_PASSWORD"]
    terminal = come_in(joko)
    terminal.wait_for("you are here", ">")
    with lina.start("tail", "--json") as unaware, mira.start("tail", "--json") as aware:
        for lines in (unaware_lines := json_lines(unaware)), (aware_lines := json_lines(aware)):
            until(lines, "notice", "caught_up")
        change_password(talkative)
        changed.write_text(NEW_PASSWORD)
        restart(talkative)
        terminal.wait_for(ASKED)
        terminal.answer(QUESTION, NEW_PASSWORD)
        until(aware_lines, "notice", "back")
        error = until(unaware_lines, "error")
        assert unaware.wait() == 4
        aware.terminate()
    terminal.enter("in again")
    terminal.wait_until(lambda: terminal.lines[-1:] == [">"] and "in again" in terminal.text, "the line")
    terminal.enter("/quit")
    assert terminal.end() == 0
    assert (error["code"], error["message"]) == ("password_changed", wording.REFUSALS["password_changed"])
    assert refused_in(talkative) == []
    assert PASSWORD not in talkative.logged
