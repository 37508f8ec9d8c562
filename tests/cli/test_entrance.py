"""Coming in at a terminal: owned names, hidden passwords, and every way out."""

from __future__ import annotations

import signal
import sys
import time

import pexpect
import pytest
from cli.people import PASSWORD, Client, Person, Server
from kit.terminal import Terminal

from sockatuh.client.sign_in import variants

QUESTION = "Room password:"


def knock(client: Client, name: str) -> Terminal:
    """Start a chat with the server known, but neither name nor password."""
    for variable in ("SOCKATUH_NAME", "SOCKATUH_PASSWORD"):
        del client.environ[variable]
    terminal = client.terminal("chat", "-n", "0")
    terminal.answer("]:", name)
    return terminal


@pytest.mark.parametrize(
    ("name", "like_it"),
    [("budi", ["budi2", "budi3", "budi4"]), ("budi9", ["budi10", "budi11", "budi12"]), ("7", ["72", "73", "74"])],
)
def test_variants_of_an_unavailable_name(name: str, like_it: list[str]) -> None:
    assert variants(name) == like_it


def test_a_free_variant_is_offered_and_enter_takes_it(server: Server, person: Person) -> None:
    assert person("lia", server).call("send", "mine").returncode == 0
    assert person("lia2", server).call("send", "mine").returncode == 0
    terminal = knock(person("mia", server), "lia")
    terminal.wait_for("lia, or a name that looks like it")
    terminal.answer("[lia3]:", "")
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("You are lia3")
    assert "key" not in terminal.text, "whose it is was not for the one who has not given the password"


def test_the_same_name_again_goes_on_to_the_password_and_then_the_room_says_whose_it_is(
    own_server: Server, person: Person
) -> None:
    owner = person("noor", own_server)
    assert owner.call("send", "mine").returncode == 0
    terminal = knock(person("omar", own_server), "noor")
    terminal.answer("[noor2]:", "noor")
    terminal.answer(QUESTION, "wrong password")
    terminal.wait_for("not the room's password")
    assert "belongs" not in terminal.text
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("That name belongs to another key (key ", "used last", "identity import", "to free")
    terminal.answer("[noor2]:", "")
    terminal.wait_for("You are noor2")
    assert terminal.text.count(QUESTION) == 2, "the right password is not asked for again"


def test_the_owner_of_a_name_is_revealed_only_with_the_password(own_server: Server, person: Person) -> None:
    assert person("putu", own_server).call("send", "mine").returncode == 0
    sent = person("rian", own_server).call("send", "hello", "--name", "putu")
    assert sent.returncode == 5
    assert "used last" in sent.stderr
    guesser = person("sasa", own_server, SOCKATUH_PASSWORD="guess")
    for name in ("putu", "free"):
        done = guesser.call("send", "hello", "--name", name)
        assert (done.returncode, "not the room's password" in done.stderr) == (4, True)


def test_an_empty_password_after_a_wrong_one_returns_to_the_name(own_server: Server, person: Person) -> None:
    terminal = knock(person("tia", own_server), "tia")
    for asked in range(1, 7):
        terminal.wait_until(lambda asked=asked: terminal.text.count(QUESTION) == asked, QUESTION)  # type: ignore[misc]
        terminal.enter("" if asked < 6 else "wrong password")
    terminal.wait_for("not the room's password")
    terminal.answer(QUESTION, "")
    terminal.answer("Your name [tia]:", "umi")
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("You are umi")
    assert "Too many tries" not in terminal.text


def test_input_is_hidden_and_discarded_between_name_and_admission(own_server: Server, person: Person) -> None:
    terminal = knock(person("vino", own_server), "vino")
    terminal.wait_for("Username valid!")
    assert not terminal.echoes
    terminal.wait_for(QUESTION)
    terminal.type("wrong password\r" + PASSWORD)  # what comes after the first line is typed ahead
    terminal.wait_for("not the room's password")
    assert not terminal.echoes
    terminal.wait_until(lambda: terminal.text.count(QUESTION) == 2, "second question")
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("You are vino")
    assert PASSWORD not in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_every_way_out_at_a_question_ends_it_at_once_and_gives_the_echo_back(
    server: Server, person: Person, number: signal.Signals
) -> None:
    terminal = knock(person("wira", server), "wira")
    terminal.wait_for(QUESTION)
    assert not terminal.echoes
    terminal.signal(number)
    began_at = time.monotonic()
    code = terminal.end()
    assert time.monotonic() - began_at < 10.0
    assert code == {signal.SIGINT: 130, signal.SIGQUIT: -signal.SIGQUIT}.get(number, 0)
    assert terminal.echoed_at_the_end
    assert "Traceback" not in terminal.text


STOPPABLE = """
import os, signal, sys
child = os.fork()
if not child:  # a job of its own, as a shell starts one
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
while not os.WIFEXITED(os.waitpid(child, os.WUNTRACED)[1]):
    print("stopped", flush=True)
    input()
    os.kill(child, signal.SIGCONT)
"""


def test_a_stopped_program_leaves_a_terminal_that_shows_what_is_typed() -> None:
    asks = "from sockatuh.cli.terminal_echo import unseen\nwith unseen():\n print('ready', flush=True)\n input()"
    shell = pexpect.spawn(sys.executable, ["-c", STOPPABLE, sys.executable, "-c", asks], encoding="utf-8", timeout=10)
    shell.expect_exact("ready")
    shell.send("typed ahead\x1a")
    shell.expect_exact("stopped")
    assert shell.ptyproc.getecho()
    shell.close(force=True)


def test_a_line_with_the_password_is_asked_back(server: Server, person: Person) -> None:
    terminal = knock(person("zul", server), "zul")
    terminal.answer(QUESTION, PASSWORD)
    terminal.wait_for("you are here", ">")
    terminal.enter(f" {PASSWORD.upper()} ")
    terminal.wait_for("contains the room's password")
    terminal.enter("hello")
    terminal.wait_for("was not sent", "zul  hello")
    terminal.type(f"\x1b[200~so\n{PASSWORD}\x1b[201~\r")
    terminal.wait_until(lambda: terminal.text.count("everybody would read it") == 2, "question")
    terminal.enter("y")
    terminal.wait_until(lambda: PASSWORD in terminal.lines[-2], "the line")
    terminal.enter("/quit")
    assert terminal.end() == 0
    written = [path.read_bytes() for path in person("zul2").directory.parent.rglob("zul/*") if path.is_file()]
    assert not any(PASSWORD.encode() in each for each in written)


def test_a_script_refuses_to_send_the_password(server: Server, person: Person) -> None:
    client = person("abdi", server)
    done = client.call("send", PASSWORD)
    assert (done.returncode, "room's password" in done.stderr) == (4, True)
    assert client.call("send", f"it is not {PASSWORD}!").returncode == 0
    done = client.run("chat", "--json", stdin=f"one\n{PASSWORD}\ntwo\n".encode())
    assert done.returncode == 4
    assert '"code": "text_is_password"' in done.stdout
    assert done.stdout.count('"type": "stored"') == 2
    assert client.run("chat", stdin=f"{PASSWORD}\n".encode()).returncode == 4


def test_an_unknown_password_cannot_be_recognised_in_a_line(server: Server, person: Person) -> None:
    client = person("bayu", server)
    assert client.call("send", "one").returncode == 0
    del client.environ["SOCKATUH_PASSWORD"]
    assert client.call("send", PASSWORD).returncode == 0
