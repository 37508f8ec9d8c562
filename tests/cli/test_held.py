"""What people and programs see while the server can store nothing: another program holds its database."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator

import pytest
from cli.people import PASSWORD, Person, Server, json_lines, until

from sockatuh.wording.en.client import HELD


@contextlib.contextmanager
def locked(server: Server) -> Iterator[sqlite3.Connection]:
    """Lock the server's database as another program might; `rollback` lets it go."""
    with contextlib.closing(sqlite3.connect(server.config.parent / "room.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.mark.slow
def test_a_line_is_marked_on_the_screen_until_it_is_stored(own_server: Server, person: Person) -> None:
    terminal = person("ana", own_server).terminal("chat", "-n", "0")
    terminal.wait_for("— you are here —", ">")
    with locked(own_server) as other:
        terminal.enter("soup at one")
        terminal.wait_for("soup at one … not stored yet")
        terminal.enter("and bread")
        terminal.wait_for("and bread … not stored yet")
        other.rollback()
        terminal.wait_for("ana  soup at one", "ana  and bread")
    terminal.wait_for_prompt()
    terminal.wait_until(lambda: "not stored yet" not in terminal.text, "line without a mark")


@pytest.mark.slow
def test_a_newcomer_is_told_of_the_delay_and_then_joins(own_server: Server, person: Person) -> None:
    with locked(own_server) as other:
        terminal = person("budi", own_server, SOCKATUH_PASSWORD="").terminal("chat", "-n", "0")
        terminal.answer("Room password:", PASSWORD)
        terminal.wait_for("cannot store anything at the moment")
        assert "Berhasil" not in terminal.text
        other.rollback()
        terminal.wait_for("Berhasil bergabung!", "You are budi", ">")


@pytest.mark.slow
def test_send_reports_the_delay_and_respects_its_timeout(own_server: Server, person: Person) -> None:
    cici = person("cici", own_server)
    assert cici.run("send", "before").returncode == 0
    with locked(own_server) as other:
        late = cici.run("send", "--timeout", "3", "one")
        assert late.returncode == 3
        assert HELD in late.stderr
        assert re.search("could not store anything for [123] s", late.stderr)  # what joining has left of the 3
        with cici.start("send", "two") as waiting:
            assert waiting.stderr is not None
            assert waiting.stderr.readline().strip() == HELD
            other.rollback()
            assert waiting.wait(10) == 0


@pytest.mark.slow
def test_a_pipe_reports_the_delay_once_and_ends_when_all_is_stored(own_server: Server, person: Person) -> None:
    with person("dora", own_server).start("chat") as pipe:
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        assert pipe.stderr is not None
        pipe.stdin.write("before\n")
        pipe.stdin.flush()
        assert "dora  before" in pipe.stdout.readline()
        with locked(own_server) as other:
            pipe.stdin.write("one\ntwo\n")
            pipe.stdin.close()
            line = pipe.stderr.readline()
            assert re.search(r"not stored yet: .* [12] lines? waiting there", line)
            other.rollback()
            assert [line.split("  ")[1] for line in pipe.stdout] == ["one\n", "two\n"]
        assert pipe.stderr.read() == ""
    assert pipe.wait(10) == 0


@pytest.mark.slow
def test_a_bot_is_notified_in_json(own_server: Server, person: Person) -> None:
    with person("edi", own_server).start("chat", "--json") as bot:
        assert bot.stdin is not None
        lines = json_lines(bot)
        until(lines, "notice", "caught_up")
        with locked(own_server) as other:
            bot.stdin.write("one\n")
            bot.stdin.flush()
            notice = until(lines, "notice", "not_stored_yet")
            assert notice["count"] == 1
            other.rollback()
            assert until(lines, "stored")["line"] == 1
        bot.stdin.close()
        assert [line["type"] for line in lines if line["type"] != "message"] == []
    assert bot.wait(10) == 0
