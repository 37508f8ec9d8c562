"""A room that gets a new password while its server is away: people are asked for it where they are, scripts end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server, hash_of, json_lines, until
from kit.terminal import Terminal

from sockatuh.wording import admin as wording

NEW_PASSWORD = "rain-ladle"
ASKED = "The room has a new password."
QUESTION = "Room password:"


def come_in(client: Client, *options: str) -> Terminal:
    terminal = client.terminal("chat", "-n", "0", *options)
    terminal.wait_for("You are")
    return terminal


def change_password(server: Server, hashed: str = "") -> None:
    """Change the password of the room; the server notices when it is started again, or told to read its settings."""
    hashed = hashed or hash_of(NEW_PASSWORD)
    text = server.config.read_text()
    server.config.write_text(re.sub(r"^password_hash = .*$", lambda _: f"password_hash = '{hashed}'", text, flags=re.M))


@pytest.mark.parametrize(
    "knows", [pytest.param(True, id="by password", marks=pytest.mark.slow), pytest.param(False, id="by ticket")]
)
def test_the_full_screen_asks_for_the_password_and_keeps_pending_lines(
    own_server: Server, person: Person, knows: bool
) -> None:
    joko, kiki = person("joko", own_server), person("kiki", own_server)
    if not knows:
        assert joko.call("send", "hello").returncode == 0
        del joko.environ["SOCKATUH_PASSWORD"]
    terminal = come_in(joko)
    terminal.wait_for("you are here", ">")
    own_server.stop(signal.SIGKILL)
    terminal.enter("kept for later")
    terminal.wait_for("kept for later …")
    change_password(own_server)
    own_server.start()
    terminal.wait_for(ASKED)
    terminal.answer(QUESTION, "wrong")
    terminal.wait_for("That is not the room's password.")
    terminal.answer(QUESTION, NEW_PASSWORD)
    terminal.wait_until(lambda: re.search(r"joko  kept for later$", terminal.text, re.M) is not None, "the line")
    terminal.enter("and more")
    terminal.wait_until(lambda: re.search(r"joko  and more$", terminal.text, re.M) is not None, "the next line")
    assert NEW_PASSWORD not in terminal.text
    assert kiki.call("send", "hello").returncode == 4
    terminal.enter("/quit")
    assert terminal.end() == 0


@pytest.mark.slow
def test_with_plain_lines_the_next_line_is_it_and_is_not_shown(own_server: Server, person: Person) -> None:
    terminal = come_in(person("joko", own_server), "--plain")
    own_server.stop(signal.SIGKILL)
    terminal.enter("kept for later")
    change_password(own_server)
    own_server.start()
    terminal.wait_for(ASKED)
    terminal.answer(QUESTION, NEW_PASSWORD)
    terminal.wait_for("back in contact")
    terminal.enter("and more")
    terminal.enter("/quit")
    assert terminal.end() == 0
    assert NEW_PASSWORD not in terminal.text
    reader = person("kiki", own_server, SOCKATUH_PASSWORD=NEW_PASSWORD)
    with reader.start("tail", "-n", "9", "--json") as tail:
        lines = json_lines(tail)
        assert [until(lines, "message")["text"] for _ in range(2)] == ["kept for later", "and more"]
        tail.terminate()


@pytest.mark.slow
def test_ctrl_c_at_the_password_question_returns_unstored_lines(own_server: Server, person: Person) -> None:
    terminal = come_in(person("joko", own_server))
    terminal.wait_for("you are here", ">")
    own_server.stop(signal.SIGKILL)
    terminal.enter("kept for later")
    terminal.wait_for("kept for later …")
    change_password(own_server)
    own_server.start()
    terminal.wait_for_question(QUESTION)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.lines[-1] == "      kept for later"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["tail", "--json"], id="tail"),
        pytest.param(["chat", "--json"], id="chat", marks=pytest.mark.slow),
        pytest.param(["chat"], id="pipe", marks=pytest.mark.slow),
    ],
)
def test_a_program_with_a_ticket_rereads_its_password_file(
    own_server: Server, person: Person, tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    client = person("joko", own_server, SOCKATUH_PASSWORD_FILE=str(file))
    del client.environ["SOCKATUH_PASSWORD"]
    assert client.call("send", "hello").returncode == 0, "this brings the ticket"
    with client.start(*command, *(["-n", "9"] if command[0] == "tail" else [])) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        lines = iter(reader.stdout)
        reader.stdin.write("before\n")
        reader.stdin.flush()
        next(line for line in lines if ("hello" if command[0] == "tail" else "before") in line)
        change_password(own_server)
        file.write_text(f"{NEW_PASSWORD}\n")
        own_server.stop(signal.SIGKILL)
        own_server.start()
        writer = person("kiki", own_server, SOCKATUH_PASSWORD=NEW_PASSWORD)
        assert writer.call("send", "still there?").returncode == 0
        next(line for line in lines if "still there?" in line)
        reader.terminate()
        assert reader.wait() == 0


@pytest.mark.slow
def test_a_ticket_that_is_refused_costs_a_program_with_a_password_nothing(own_server: Server, person: Person) -> None:
    """As when the server's ticket keys are lost: neither the file nor the password has changed."""
    client = person("joko", own_server)
    assert client.call("send", "hello").returncode == 0
    with client.start("tail", "--json", "-n", "9") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        own_server.stop(signal.SIGKILL)
        (own_server.config.parent / "ticket.keys").unlink()
        own_server.start()
        until(lines, "notice", "back")
        reader.terminate()
        assert reader.wait() == 0


@pytest.mark.slow
def test_a_program_whose_file_still_holds_the_old_password_ends_and_says_so(
    own_server: Server, person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    client = person("joko", own_server, SOCKATUH_PASSWORD_FILE=str(file))
    with client.start("tail", "--json") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        change_password(own_server)
        own_server.stop(signal.SIGKILL)
        own_server.start()
        assert until(lines, "error", "password_changed")["message"] == wording.REFUSALS["password_changed"]
        assert reader.wait() == 4
        assert reader.stderr is not None
        assert "--password-file" not in reader.stderr.read()


@pytest.mark.slow
def test_a_program_ends_by_returning_unstored_lines(own_server: Server, person: Person) -> None:
    with person("joko", own_server).start("chat", "--json") as chat:
        lines = json_lines(chat)
        until(lines, "notice", "caught_up")
        own_server.stop(signal.SIGKILL)
        assert chat.stdin is not None
        chat.stdin.write("kept for later\n")
        chat.stdin.flush()
        change_password(own_server)
        own_server.start()
        assert until(lines, "error", "not_stored")["texts"] == ["kept for later"]
        assert chat.wait() == 4
