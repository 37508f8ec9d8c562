from __future__ import annotations

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server, json_lines, until

import sockatuh


def seq_of(client: Client, text: str) -> int:
    return int(json.loads(client.call("send", "--json", text).stdout)["seq"])


def test_tail_prints_new_lines(server: Server, person: Person) -> None:
    ana, budi = person("ana", server), person("budi", server)
    ana.call("send", "before")
    with budi.start("tail", "--json") as reader:
        lines = json_lines(reader)
        assert until(lines, "notice")["code"] == "admitted"
        until(lines, "notice", "caught_up")
        seq = seq_of(ana, "soup \u202eat\x1b[31m one")
        message = until(lines, "message")
        reader.send_signal(signal.SIGTERM)
    assert message["at"].endswith("Z")
    del message["at"]
    assert message == {
        "v": 1, "type": "message", "seq": seq, "from": "ana", "text": "soup at one", "action": False, "own": False,
        "official": False,
    }  # fmt: skip
    assert reader.returncode == 0


def test_after_begins_behind_a_place_in_the_log(server: Server, person: Person) -> None:
    citra = person("citra", server)
    first = seq_of(citra, "first")
    second = seq_of(citra, "second")
    with citra.start("tail", "--json", "--after", str(first)) as reader:
        message = until(json_lines(reader), "message")
        reader.terminate()
    assert (message["seq"], message["text"]) == (second, "second")


def test_since_skips_earlier_lines(server: Server, person: Person) -> None:
    indra = person("indra", server)
    seq_of(indra, "long ago")
    with indra.start("tail", "--since", "0", "--json", "-n", "1") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        seq = seq_of(indra, "now")
        message = until(lines, "message")
        reader.terminate()
    assert (message["seq"], message["text"]) == (seq, "now")


def test_as_many_earlier_lines_as_were_asked_for_are_printed(server: Server, person: Person) -> None:
    dewi = person("dewi", server)
    for text in ("one", "two", "three"):
        dewi.call("send", text)
    with dewi.start("tail", "-n", "2") as reader:
        assert reader.stdout is not None
        shown = [reader.stdout.readline() for _ in range(2)]
        reader.terminate()
    assert [line[5:] for line in shown] == [" dewi  two\n", " dewi  three\n"]


def test_a_reader_makes_no_line_and_is_listed_as_what_it_is(server: Server, person: Person) -> None:
    eka, fajar = person("eka", server), person("fajar", server)
    with eka.start("tail", "--json") as watcher:
        lines = json_lines(watcher)
        until(lines, "notice", "caught_up")
        with fajar.start("tail", "--json") as reader:
            until(json_lines(reader), "notice", "caught_up")
            here = [json.loads(line) for line in fajar.call("who", "--json").stdout.splitlines()]
            reader.send_signal(signal.SIGINT)
        assert reader.returncode == 130
        fajar.call("send", "hello")
        said = next(lines)
        watcher.terminate()
    assert {(each["name"], each["as"]) for each in here} >= {("eka", "reader"), ("fajar", "reader")}
    assert (said["type"], said["from"]) == ("message", "fajar"), "nobody was told that a reader came or went"


def test_a_pipe_that_has_had_enough_ends_it_quietly(server: Server, person: Person) -> None:
    gita = person("gita", server)
    with gita.start("tail", "--json") as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        reader.stdout.close()
        gita.call("send", "one more")
        assert reader.stderr.read() == ""
    assert reader.returncode == 0


@pytest.mark.slow
def test_a_killed_server_that_comes_back_is_found_again_and_nothing_is_missed(
    own_server: Server, person: Person
) -> None:
    hadi, indah = person("hadi", own_server), person("indah", own_server)
    with hadi.start("tail", "--json") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        own_server.stop(signal.SIGKILL)
        own_server.start()
        seq = seq_of(indah, "while nobody listened")
        message = until(lines, "message")
        reader.terminate()
    assert (message["seq"], message["text"]) == (seq, "while nobody listened")


@pytest.mark.slow
def test_permanent_errors_end_it(own_server: Server, person: Person) -> None:
    joko = person("joko", own_server)
    with joko.start("tail", "--json") as reader:
        lines = json_lines(reader)
        until(lines, "notice", "caught_up")
        own_server.stop()
        assert until(lines, "notice")["reason"] == "restarting"
        (own_server.config.parent / "server.key").unlink()
        own_server.start()
        error = until(lines, "error")
        assert reader.stderr is not None
        assert "identity forget" in reader.stderr.read()
    assert error["code"] == "identity_changed"
    assert reader.returncode == 6


@pytest.mark.parametrize(
    "options",
    [
        ("--after", "1", "-n", "1"),
        ("--after", "1", "--since", "1h"),
        ("--after", "x"),
        ("--since", "noon"),
        ("-n", "-1"),
    ],
)
def test_wrong_usage_is_reported(person: Person, options: tuple[str, ...]) -> None:
    assert person("kiki").call("tail", *options).returncode == 2


def test_joins_that_are_not_shown_leave_no_gap(tmp_path: Path, person: Person) -> None:
    server = Server(tmp_path / "server", join_lines_up_to=2)

    async def talk() -> list[int]:
        async with AsyncExitStack() as stack:

            async def join(name: str) -> sockatuh.Room:
                return await stack.enter_async_context(
                    sockatuh.connect(server.invite, name=name, password=PASSWORD, patience=20)
                )

            ana, _ = await join("ana"), await join("budi")
            before = await ana.say("before")
            for number in range(5):
                await join(f"guest{number}")
            return [before, await ana.say("after")]

    try:
        with person("eka", server).start("tail", "--json") as reader:
            lines = json_lines(reader)
            until(lines, "notice", "caught_up")
            before, after = asyncio.run(talk())
            shown = [next(lines) for _ in range(4)]
            reader.terminate()
    finally:
        server.stop()
    assert after == before + 6, "five joins are between the two lines"
    printed = [(line["type"], line["seq"], line.get("name") or line.get("text")) for line in shown]
    assert printed == [
        ("joined", before - 2, "ana"),
        ("joined", before - 1, "budi"),
        ("message", before, "before"),
        ("message", after, "after"),
    ]
