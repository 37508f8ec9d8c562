from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server, json_lines, until
from kit.terminal import Terminal

HERE = "— you are here —"


def come_in(client: Client, *options: str) -> Terminal:
    """Start a chat without history and wait for its prompt."""
    terminal = client.terminal("chat", "-n", "0", *options)
    terminal.wait_for(HERE, ">")
    return terminal


@pytest.mark.slow
def test_the_first_time_asks_until_it_is_right_and_the_second_time_asks_nothing(
    own_server: Server, person: Person
) -> None:
    server = own_server  # a room without other lines
    ana, budi = person("ana", server), person("budi")
    with ana.start("tail", "--json") as reader:
        until(json_lines(reader), "notice", "caught_up")
        ana.call("send", "soup at one")
        terminal = budi.terminal("chat", server.address)
        terminal.answer("]:", "ana")
        terminal.wait_for("ana, or a name that looks like it")
        terminal.answer("[ana2]:", "a:b")
        terminal.wait_for("does not accept that name")
        terminal.answer("]:", "budi")
        terminal.answer("Room password:", "wrong")
        terminal.wait_for("That did not work: it is not the room's password, or this is not your room's")
        terminal.wait_until(lambda: server.words in " ".join(terminal.lines), "words to compare with the room's screen")
        terminal.answer("Room password:", PASSWORD)
        terminal.wait_for("Username valid!", "Berhasil bergabung!", "kitchen at", "You are budi", HERE, ">")
        reader.terminate()
    assert terminal.text.count("Username valid!") == 1
    assert PASSWORD not in terminal.text
    earlier = terminal.lines[-4:-2]
    assert earlier[0].endswith("earlier line —")
    assert earlier[1].endswith("ana  soup at one")
    terminal.enter("/quit")
    assert terminal.end() == 0
    again = budi.terminal("chat", "-n", "1")
    again.wait_for("You are budi", "soup at one", HERE, ">")
    assert "?" not in again.text
    assert "password" not in again.text


def test_a_first_join_is_name_password_in(own_server: Server, person: Person) -> None:
    terminal = person("citra").terminal("chat", own_server.address)
    terminal.answer("]:", "citra")
    terminal.answer("Room password:", PASSWORD)
    terminal.wait_for("You are citra", HERE, ">")
    name, *rest = terminal.lines
    assert name.startswith("Your name [")
    assert rest[:3] == ["Username valid!", "Room password:", "Berhasil bergabung!"]
    assert rest[3].startswith("kitchen at ")


@pytest.mark.parametrize(("keys", "code"), [("\x03", 130), ("\x04", 1)])
def test_a_server_that_has_proved_nothing_is_not_remembered(
    server: Server, person: Person, keys: str, code: int
) -> None:
    client = person("citra")
    for question in ("]:", "Room password:"):
        terminal = client.terminal("chat", server.address)
        if question != "]:":
            terminal.answer("]:", "citra")
        terminal.wait_for_question(question)
        terminal.type(keys)
        assert terminal.end() == code
    assert not Path(client.directory, "known_servers").exists()


def test_a_half_typed_line_survives_an_arriving_one(server: Server, person: Person) -> None:
    dewi, eka = person("dewi", server), person("eka", server)
    terminal = come_in(dewi)
    terminal.type("half ty")
    terminal.wait_for("> half ty")
    eka.call("send", "hello dewi")
    terminal.wait_for("eka  hello dewi")
    terminal.wait_until(lambda: terminal.lines[-1] == "> half ty", "half-typed line below the one that came")
    terminal.enter("ped")
    terminal.wait_for("dewi  half typed")
    terminal.wait_for_prompt()
    said = next(row for row, line in enumerate(terminal.screen.display) if "hello dewi" in line)
    assert terminal.screen.buffer[said][terminal.screen.display[said].index("hello")].bold
    assert terminal.screen.buffer[said][terminal.screen.display[said].index("eka")].fg != "default"


def test_without_colours_nothing_is_styled(server: Server, person: Person) -> None:
    for name, environ, options in (("fajar", {"NO_COLOR": "1"}, ()), ("gita", {}, ("--color", "never"))):
        terminal = come_in(person(name, server, **environ), *options)
        terminal.enter(f"hello {name}")
        terminal.wait_for(f"{name}  hello {name}")
        cells = [cell for row in terminal.screen.buffer.values() for cell in row.values()]
        assert not any(cell.fg != "default" or cell.bg != "default" for cell in cells)


def test_a_mention_stands_out_without_colours_too(server: Server, person: Person) -> None:
    terminal = come_in(person("gilang", server, NO_COLOR="1"))
    person("hesti", server).call("send", "gilang: soup?")
    terminal.wait_for("hesti  gilang: soup?")
    bold = [cell.data for row in terminal.screen.buffer.values() for cell in row.values() if cell.bold]
    assert "gilang: soup?" in "".join(bold)
    assert terminal.written.count("\a") == 1, "it rings for what is new, once"


def test_every_typed_command_works(server: Server, person: Person) -> None:
    terminal = come_in(person("hadi", server))
    terminal.enter("/who")
    terminal.wait_for("here: ", "hadi")
    terminal.enter("/help")
    terminal.wait_for("/me TEXT")
    terminal.enter("/me waves")
    terminal.wait_for("* hadi waves")
    terminal.enter("//who")
    terminal.wait_for("hadi  /who")
    terminal.enter("/shrug it")
    terminal.wait_for("there is no command /shrug")
    terminal.wait_for_prompt()
    terminal.enter("hello")
    terminal.wait_for("hadi  hello")
    terminal.type("\x1b[A\x1b[A")
    terminal.wait_for("> /shrug it")
    terminal.type("\x03")
    terminal.wait_for_prompt()
    terminal.type("\x1b[200~one\ntwo\n\tthree\x1b[201~")
    terminal.enter("")
    terminal.wait_for("hadi  one", "\n            two", "\n                three")
    terminal.enter("   ")
    terminal.type("\x03")
    assert terminal.end() == 130


def test_a_text_that_is_too_long_can_be_had_back(server: Server, person: Person) -> None:
    terminal = come_in(person("indah", server))
    terminal.type(f"\x1b[200~{'x' * 16_385}\x1b[201~")
    terminal.enter("\x1b[D")
    terminal.wait_for("not sent: 16,385 bytes; at most 16,384. Send it in parts; the Up key")
    terminal.wait_for_prompt()
    terminal.type("\x1b[A")
    terminal.wait_for("xxx")
    terminal.type("\x03")
    terminal.wait_for_prompt()
    terminal.type("\x04")
    assert terminal.end() == 0


@pytest.mark.slow
def test_a_killed_server_costs_no_line_and_everybody_is_back_by_themselves(own_server: Server, person: Person) -> None:
    joko, kiki = person("joko", own_server), person("kiki", own_server)
    first, second = come_in(joko), come_in(kiki)
    first.enter("before")
    second.wait_for("joko  before")
    own_server.stop(signal.SIGKILL)
    first.enter("one")
    first.enter("two")
    first.wait_for("one …", "two …", "no contact since", "2 lines kept")
    own_server.start()
    for terminal in (first, second):
        terminal.wait_for("joko  one", "joko  two")
        terminal.wait_for_prompt()
        assert [terminal.text.count(f"joko  {text}") for text in ("before", "one", "two")] == [1, 1, 1]
    own_server.stop()
    first.wait_for("the server is restarting")
    first.enter("three")
    first.wait_for("three …")
    first.enter("/quit")
    first.wait_for("leaving when 1 line is stored")
    first.type("\x03")
    assert first.end() == 130
    assert first.lines[-2:] == ["1 line was not stored:", "      three"]
    own_server.start()


def test_missed_lines_are_shown_between_marks(own_server: Server, person: Person) -> None:
    lina, mira = person("lina", own_server), person("mira", own_server)
    mira.call("send", "before")
    terminal = come_in(lina)
    own_server.stop(signal.SIGKILL)
    own_server.start()
    mira.call("send", "meanwhile")
    terminal.wait_for("mira  meanwhile")
    terminal.wait_for_prompt()
    if "while you were out of contact" in terminal.text:  # otherwise it might be back before mira said it
        assert terminal.lines[-4] == "— 1 line while you were out of contact —"
        assert terminal.lines[-2] == HERE
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 0


def test_a_name_that_is_the_password_is_explained_and_another_asked_for(person: Person, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", log_level="debug")
    terminal = person("rani").terminal("chat", server.invite, "-n", "0")
    terminal.answer("]:", PASSWORD)
    terminal.answer("Room password:", PASSWORD)
    terminal.wait_for("A name must not be the room's password.")
    terminal.answer("]:", "rani")
    terminal.wait_for("Berhasil bergabung!", "You are rani", HERE, ">")
    terminal.enter("/quit")
    assert terminal.end() == 0
    server.stop()
    assert "rani" in server.logged
    assert PASSWORD not in server.logged


@pytest.mark.slow
def test_too_many_wrong_passwords_have_to_wait(own_server: Server, person: Person) -> None:
    nina = person("nina", own_server)
    del nina.environ["SOCKATUH_PASSWORD"]
    terminal = nina.terminal("chat")
    terminal.wait_for("Username valid!\nRoom password:")
    for count in range(5):
        terminal.wait_until(lambda: terminal.text.count("That did not work: ") == count, "another refusal")  # noqa: B023
        terminal.answer("Room password:", f"wrong{count}")
    terminal.wait_for("this one is checked in 5 s")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "wrong" not in terminal.text


def test_joining_without_encryption_is_announced_to_the_room(tmp_path: Path, person: Person) -> None:
    server = Server(tmp_path / "classic", classic="on")
    terminal = come_in(person("omar", server))
    with socket.socket(type=socket.SOCK_DGRAM) as classic:
        classic.connect(("127.0.0.1", server.port))
        for line in ("Username:budi", f"Password:{PASSWORD}", "halo semua"):
            classic.send(line.encode())
            if line != "halo semua":
                classic.recv(2048)
        terminal.wait_for("budi joined", "unencrypted, for budi", "budi  halo semua")
        terminal.enter("/who")
        terminal.wait_for("2 here: budi (unencrypted), omar")
    server.stop()


@pytest.mark.slow
def test_unanswered_lines_of_a_closed_terminal_are_reported_by_the_next_chat(
    own_server: Server, person: Person
) -> None:
    putu = person("putu", own_server)
    terminal = come_in(putu)
    terminal.enter("before")
    terminal.wait_until(lambda: "putu  before" in terminal.text and "…" not in terminal.text, "stored line")
    own_server.stop(signal.SIGKILL)
    terminal.enter("soup at one")
    terminal.wait_for("soup at one …")
    terminal.signal(signal.SIGKILL)
    terminal.end()
    own_server.start()
    again = putu.terminal("chat", "-n", "0")
    again.wait_for("1 line of last time was never acknowledged; not sent again:", "      soup at one", HERE, ">")
    assert "before" not in again.text
    again.enter("/quit")
    assert again.end() == 0
    once_more = come_in(putu)
    assert "soup at one" not in once_more.text
    once_more.close()


@pytest.mark.slow
def test_a_vanished_terminal_is_reported_at_the_next_start(own_server: Server, person: Person) -> None:
    qori = person("qori", own_server)
    terminal = come_in(qori)
    own_server.stop(signal.SIGKILL)
    terminal.enter("soup at one")
    terminal.wait_for("soup at one …")
    terminal.hang_up()
    own_server.start()
    assert "soup at one" in qori.run("chat").stderr


@pytest.mark.slow
def test_ending_with_an_unstored_line_is_reported_by_message_and_exit_code(own_server: Server, person: Person) -> None:
    terminal = come_in(person("rudi", own_server))
    own_server.stop(signal.SIGKILL)
    terminal.enter("soup at one")
    terminal.wait_for("soup at one …")
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 3
    assert terminal.lines[-2:] == ["1 line was not stored:", "      soup at one"]
    own_server.start()
