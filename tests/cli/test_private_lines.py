"""Private lines and renames at the edges of a program: options, pipes, JSON, and what a killed client leaves behind."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from cli.people import Client, Person, Server, json_lines, until

from sockatuh.client.items import OwnText
from sockatuh.client.unsent import Unsent
from sockatuh.store.history import HistoryReader

KEY = "the key is under the mat"


def said_in(server: Server) -> list[str]:
    """Return every text that was said to everybody."""
    lines = HistoryReader(server.config.parent / "room.db").messages(None, None, None, private=True)
    return [line.text for line in lines if not line.to]


@pytest.fixture(name="reader")
def _reader(server: Server, person: Person) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield what somebody called rosa reads as JSON."""
    with person("rosa", server).start("tail", "--json") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        yield lines
        reader.send_signal(signal.SIGTERM)


def test_send_to_a_name_is_read_by_that_name_only(
    server: Server, person: Person, reader: Iterator[dict[str, Any]]
) -> None:
    sari = person("sari", server)
    with person("toto", server).start("tail", "--json") as other:
        others = json_lines(other)
        until(others, "notice", "caught_up")
        sent = sari.call("send", "--to", "Rosa", "--json", KEY)
        assert (sent.returncode, sent.stderr) == (0, "")
        seq = json.loads(sent.stdout)["seq"]
        assert sari.call("send", "soup at one").returncode == 0
        private = until(reader, "private")
        assert private.pop("at").endswith("Z")
        assert private == {
            "v": 1, "type": "private", "seq": seq, "from": "sari", "to": "rosa", "text": KEY, "own": False,
        }  # fmt: skip
        seen = next(others)
        assert (seen["type"], seen["text"]) == ("message", "soup at one"), "and of the private line nothing"
        other.send_signal(signal.SIGTERM)
    assert KEY not in said_in(server)


@pytest.mark.usefixtures("reader")
def test_send_to_nobody_is_refused_with_the_nearest_name(server: Server, person: Person) -> None:
    done = person("umar", server).call("send", "--to", "rossa", KEY, "--json")
    assert (done.returncode, done.stderr) == (4, "nobody here is called rossa; nearest: rosa\n")
    error = json.loads(done.stdout)
    assert (error["code"], error["to"], error["nearest"]) == ("no_such_name", "rossa", "rosa")
    done = person("umar", server).call("send", "--to", "xxxxxxxx", KEY)
    assert (done.returncode, done.stderr) == (4, "nobody here is called xxxxxxxx\n")
    assert KEY not in said_in(server)


def test_a_private_line_in_plain_rows_is_to_you(server: Server, person: Person) -> None:
    with person("vera", server).start("tail") as reader:
        wati = person("wati", server)
        while wati.call("send", "--to", "vera", KEY).returncode:  # until the reader is there
            pass
        assert reader.stdout is not None
        assert reader.stdout.readline()[6:] == f"» wati → you  {KEY}\n"
        reader.send_signal(signal.SIGTERM)


def objects(client: Client, *lines: object) -> list[dict[str, Any]]:
    """Give lines to `chat --json`, and return what it printed."""
    stdin = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    return [json.loads(line) for line in client.call("chat", "--json", stdin=stdin).stdout.splitlines()]


def test_a_program_says_private_lines_and_hears_of_those_that_nobody_gets(server: Server, person: Person) -> None:
    yuni = person("yuni", server)
    found = objects(
        yuni,
        {"text": "one", "to": "yuni"},
        {"text": "for nobody", "to": "nobody"},
        {"text": "to nothing", "to": ""},
        {"text": "4"},
    )
    private = next(each for each in found if each["type"] == "private")
    assert (private["from"], private["to"], private["text"], private["own"]) == ("yuni", "yuni", "one", True)
    errors = {each["code"]: each for each in found if each["type"] == "error"}
    assert {*errors} == {"no_such_name", "bad_line", "refused"}
    assert (errors["no_such_name"]["line"], errors["no_such_name"]["to"]) == (2, "nobody")
    assert errors["bad_line"]["input_line"] == 3
    assert {"for nobody", "to nothing"}.isdisjoint(said_in(server))
    assert "4" in said_in(server)


def leave_behind(client: Client, server: Server) -> None:
    """Leave the notes of a client that was killed before its lines were acknowledged."""
    notes = Unsent(client.directory, server.address)
    notes.note(OwnText("for everybody"))
    notes.note(OwnText(KEY, "rosa"))
    notes.leave()


@pytest.mark.slow
def test_a_private_line_of_a_killed_program_is_told_apart_from_what_was_for_everybody(
    server: Server, person: Person
) -> None:
    zaki = person("zaki", server)
    leave_behind(zaki, server)
    notice = next(each for each in objects(zaki) if each.get("code") == "never_acknowledged")
    assert (notice["texts"], notice["private"]) == (["for everybody"], [{"to": "rosa", "text": KEY}])
    leave_behind(zaki, server)
    done = zaki.call("chat", stdin=b"hello\n")
    assert f"      /msg rosa {KEY}\n" in done.stderr
    assert "      for everybody\n" in done.stderr
    assert {KEY, "for everybody"}.isdisjoint(said_in(server)), "and neither is sent"


def test_no_script_changes_the_name_that_a_person_is_remembered_by(server: Server, person: Person) -> None:
    client = person("adi", server)
    names = client.directory / "names"
    names.write_text(f"{server.address} adisti\n")
    before = names.read_bytes()
    assert client.call("send", "--to", "adi", KEY).returncode in (0, 4)
    objects(client, {"text": "one"})
    client.call("who")
    assert names.read_bytes() == before
