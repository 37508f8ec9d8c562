"""`ping`, on real servers of the loopback, and its line in every case."""

from __future__ import annotations

import json
import socket

import pytest
from cli.people import Person, Server

from sockatuh.cli.ping import answer, is_known
from sockatuh.client.ping import Pong
from sockatuh.client.profile import Pin, Profile
from sockatuh.client.server_address import ServerAddress
from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.identity import words

KEY, OTHER_KEY = bytes(range(32)), b"b" * 32
SPELT = " ".join(words(KEY))
SERVER = ServerAddress("192.168.1.20")
PIN = Pin(KEY, "2026-11-02T10:00:00Z", "kitchen")
PONG = Pong(KEY, "192.168.1.20:7625", "kitchen", 0.00042)


def test_a_server_that_answers_is_exit_0_and_nobody_joins(server: Server, person: Person) -> None:
    ana = person("ana", server)
    ana.call("send", "hello")
    before = ana.call("who", "--json").stdout
    done = person("eva").call("ping", server.invite)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"kitchen at {server.address} answered in ")
    assert done.stdout.endswith(f", key as the invite says: {server.words}\n")
    told = json.loads(ana.call("ping", "--json").stdout)
    assert told.keys() == {
        "v", "type", "server", "address", "room", "ms", "version", "known", "first_seen", "fingerprint", "words",
    }  # fmt: skip
    assert (told["type"], told["room"], told["version"]) == ("pong", "kitchen", VERSION)
    assert (told["known"], told["first_seen"] is not None) == (True, True)
    assert told["words"] == server.words.split()
    assert ana.call("who", "--json").stdout == before


@pytest.mark.slow
def test_another_key_is_exit_6(server: Server, person: Person) -> None:
    eva = person("eva")
    Profile(eva.directory).pin(server.address, OTHER_KEY, "kitchen")
    done = eva.call("ping", server.address, "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (6, "identity_changed")


def test_no_server_there_is_exit_3_and_says_what_stood_in_the_way(person: Person) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    done = person("eva").call("ping", f"127.0.0.1:{port}", "--timeout", "0.1", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (3, "no_server")
    assert "no answer within" in done.stderr


def test_a_name_without_an_address_is_exit_3(person: Person) -> None:
    done = person("eva").call("ping", "nobody.invalid.", "--timeout", "1")
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("seconds", ["0", "61", "nan", "soon"])
def test_a_timeout_that_makes_no_sense_is_a_usage_error(person: Person, seconds: str) -> None:
    assert person("eva").call("ping", "127.0.0.1", "--timeout", seconds).returncode == 2


def test_what_is_known_about_the_key_is_told() -> None:
    head = f"kitchen at 192.168.1.20 answered in 0.4 ms, version {VERSION} of the protocol, key "
    assert answer(SERVER, PIN, PONG) == f"{head}known since 2026-11-02: {SPELT}"
    assert answer(SERVER, None, PONG) == f"{head}new: {SPELT}"
    assert answer(ServerAddress("192.168.1.20", key=KEY), None, PONG) == f"{head}as the invite says: {SPELT}"
    assert is_known(SERVER, PIN, KEY)
    assert not is_known(SERVER, None, KEY)


def test_a_room_with_a_hostile_name_stays_on_its_line() -> None:
    told = answer(SERVER, None, Pong(KEY, "192.168.1.20:7625", "a\x1b[2Jb\nroot: you", 0.1))
    assert "\x1b" not in told
    assert "\n" not in told
    assert told.startswith('"ab ⏎ root: you" at ')
