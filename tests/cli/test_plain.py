from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from cli.people import Person, Server, json_lines, until
from kit.terminal import PATIENCE

HURRIED = "import sockatuh.cli.talk as talk\nfrom sockatuh.cli import main\ntalk.STORED_WITHIN = 0.3\nmain()"


def without_times(text: str) -> list[str]:
    return [line[6:] for line in text.splitlines()]


def test_a_pipe_sends_its_lines_and_ends_when_all_are_stored(server: Server, person: Person) -> None:
    ana = person("ana", server)
    done = ana.run("chat", stdin=b"one\n\n/who is no command here\nthe last has no newline")
    assert (done.returncode, done.stderr) == (0, "")
    assert without_times(done.stdout) == [
        "ana  one",
        "ana  /who is no command here",
        "ana  the last has no newline",
    ]


def test_a_pipe_sees_no_history_unless_it_asks_for_it(server: Server, person: Person) -> None:
    budi = person("budi", server)
    budi.call("send", "before")
    assert "before" not in budi.run("chat").stdout
    assert without_times(budi.run("chat", "-n", "1").stdout)[0] == "budi  before"


def test_many_lines_come_whole_and_in_order(server: Server, person: Person) -> None:
    lines = [f"line {number}" for number in range(70)]
    done = person("citra", server).run("chat", stdin="\n".join(lines).encode())
    assert done.returncode == 0
    assert without_times(done.stdout) == [f"citra  {line}" for line in lines]


def test_invalid_lines_are_reported_and_the_others_sent(server: Server, person: Person) -> None:
    done = person("dewi", server).run("chat", stdin=b"one\n" + b"x" * 20_000 + b"\n\xff\xfe\nlast\n")
    assert done.returncode == 4
    assert without_times(done.stdout) == ["dewi  one", "dewi  last"]
    assert "20,000 bytes" in done.stderr
    assert "UTF-8" in done.stderr
    assert "2 lines were refused." in done.stderr


def test_the_first_line_of_stdin_may_be_the_password(server: Server, person: Person) -> None:
    eka = person("eka", server)
    password = eka.environ.pop("SOCKATUH_PASSWORD")
    for _ in range(2):  # with a ticket, too, it is no line to say
        done = eka.run("chat", "--password-file", "-", stdin=f"{password}\nhello\n".encode())
        assert done.returncode == 0
        assert without_times(done.stdout)[-1] == "eka  hello"
        assert password not in done.stdout


@pytest.mark.slow
def test_lines_that_no_server_stored_are_given_back(own_server: Server, person: Person) -> None:
    fajar = person("fajar", own_server)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HURRIED, "chat", "--json"], stdin=pipe, stdout=pipe, stderr=pipe, env=fajar.environ
    ) as chat:
        assert chat.stdout is not None
        while b"caught_up" not in chat.stdout.readline():
            pass
        own_server.stop(signal.SIGKILL)
        said, printed = chat.communicate(b"one\ntwo\n", PATIENCE)
    own_server.start()
    assert chat.returncode == 3
    assert printed.decode().splitlines() == ["2 lines were not stored:", "      one", "      two"]
    error = json.loads(said.splitlines()[-1])
    assert (error["type"], error["code"], error["texts"]) == ("error", "not_stored", ["one", "two"])


def test_json_input_is_sent_and_events_are_printed_as_json(server: Server, person: Person) -> None:
    gita = person("gita", server)
    lines = ['{"text": "caf\\u00e9\\nau lait", "action": true, "more": 1}', "bare text", '{"text": 1}', "{broken", "  "]
    done = gita.run("chat", "--json", stdin="\n".join(lines).encode())
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 4
    assert [line["code"] for line in printed if line["type"] in ("notice", "error")] == [
        "admitted", "caught_up", "bad_line", "bad_line", "refused",
    ]  # fmt: skip
    said = [line for line in printed if line["type"] == "message"]
    assert [(line["text"], line["action"], line["own"]) for line in said] == [
        ("café\nau lait", True, True),
        ("bare text", False, True),
    ]
    stored = [line for line in printed if line["type"] == "stored"]
    assert [(line["line"], line["seq"]) for line in stored] == [(1, said[0]["seq"]), (2, said[1]["seq"])]
    assert done.stdout.isascii()


def test_a_bot_that_is_stopped_leaves_first(server: Server, person: Person) -> None:
    hadi, indah = person("hadi", server), person("indah", server)
    with hadi.start("tail", "--json") as watcher:
        lines = json_lines(watcher)
        until(lines, "notice", "caught_up")
        with indah.start("chat", "--json") as bot:
            assert until(lines, "joined")["name"] == "indah"
            bot.send_signal(signal.SIGTERM)
        assert until(lines, "left")["reason"] == "left"
        watcher.terminate()
    assert bot.returncode == 0


def test_a_bot_takes_a_line_back(server: Server, person: Person) -> None:
    with person("rio", server).start("chat", "--json") as bot:
        lines = json_lines(bot)
        assert bot.stdin is not None
        bot.stdin.write('{"text": "4711"}\n')
        bot.stdin.flush()
        seq = until(lines, "stored")["seq"]
        bot.stdin.write(f'{{"strike": {seq}}}\n{{"strike": {2**60}}}\n{{"strike": 0}}\n')
        bot.stdin.close()
        assert until(lines, "struck")["line"] == seq
        errors = [line for line in lines if line["type"] == "error"]
    assert [(error["code"], error.get("strike"), error.get("input_line")) for error in errors] == [
        ("no_such_line", 2**60, 3),
        ("bad_line", None, 4),
        ("refused", None, None),
    ]
    assert bot.returncode == 4


@pytest.mark.slow
def test_plain_mode_works_on_a_terminal(own_server: Server, person: Person) -> None:
    joko, kiki = person("joko"), person("kiki", own_server)
    terminal = joko.terminal("chat", "--plain", "-n", "0", own_server.address)
    terminal.answer("]:", "joko")
    terminal.answer("Room password:", kiki.environ["SOCKATUH_PASSWORD"])
    terminal.wait_for("Username valid!", "Berhasil bergabung!", "kitchen at", "— you are here —")
    terminal.enter("hello")
    terminal.enter("/who")
    terminal.wait_for("1 here: joko")
    terminal.enter("/help")
    terminal.enter("/shrug")
    terminal.wait_for("/me TEXT", "there is no command /shrug")
    kiki.call("send", "hi joko")
    terminal.wait_for("kiki  hi joko")
    assert "joko  hello" not in terminal.text
    assert "\x1b[" not in terminal.text
    terminal.type("\x04")
    assert terminal.end() == 0


def test_a_dumb_terminal_gets_plain_lines_and_ctrl_c_leaves(server: Server, person: Person) -> None:
    lina = person("lina", server, TERM="dumb")
    terminal = lina.terminal("chat", "-n", "0")
    terminal.wait_for("— you are here —")
    terminal.type("\x03")
    assert terminal.end() == 130
