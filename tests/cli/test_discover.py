from __future__ import annotations

import json

import pytest
from cli.people import Person, Server
from msgspec.structs import replace

from sockatuh.cli import found_rooms
from sockatuh.client import discovery
from sockatuh.client.discovery import FoundAddress, FoundRoom, Standing
from sockatuh.client.profile import Pin, Profile
from sockatuh.protocol.identity import words

KEY, OTHER_KEY = b"a" * 32, b"b" * 32
PIN = Pin(KEY, "2026-11-02T10:00:00Z", "kitchen")
SPELT, OTHER_SPELT = " ".join(words(KEY)), " ".join(words(OTHER_KEY))
KITCHEN = FoundRoom(
    KEY,
    (FoundAddress("192.168.1.20:7625", 0.003), FoundAddress("[fe80::20%wlan0]:7625", 0.001)),
    "kitchen",
    is_proven=True,
    standing=Standing.KNOWN,
    known_as="192.168.1.20:7625",
    pin=PIN,
)
ROGUE = replace(
    KITCHEN, key=OTHER_KEY, addresses=(FoundAddress("192.168.1.66:7700", 0.0052),), standing=Standing.OTHER_KEY
)
ATTIC = FoundRoom(KEY, (FoundAddress("[fe80::20%wlan0]:7625", 0.0001),), "our attic", is_proven=True)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the search on this machine: only known servers are asked."""
    monkeypatch.setattr(discovery, "find_links", list)


def test_a_known_room_is_found_and_its_key_proven(server: Server, person: Person) -> None:
    ana = person("ana", server)
    assert ana.call("send", "hello").returncode == 0
    done = ana.call("discover")
    head, row = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert head.split() == ["ROOM", "ADDRESS", "KEY"]
    assert row.split()[:4] == ["kitchen", server.address, "known", "since"]
    assert row.endswith(" ms")
    (found,) = [json.loads(line) for line in ana.call("discover", "--json").stdout.splitlines()]
    pin = Profile(ana.directory).find_pin(server.address)
    assert pin is not None
    assert found.keys() == {
        "v", "type", "room", "server", "proven", "standing", "known_as", "first_seen", "fingerprint", "words", "ms",
        "addresses", "version",
    }  # fmt: skip
    assert (found["type"], found["room"], found["standing"], found["proven"]) == ("room", "kitchen", "known", True)
    assert (found["server"], found["known_as"], found["first_seen"]) == (server.address, server.address, pin.first_seen)
    assert found["words"] == server.words.split()
    assert [each["server"] for each in found["addresses"]] == [server.address]


def test_a_quick_search_prints_no_name(server: Server, person: Person) -> None:
    ana = person("ana", server)
    ana.call("send", "hello")
    done = ana.call("discover", "--quick", "--json", "--timeout", "0.5")
    found = json.loads(done.stdout)
    assert (done.returncode, found["room"], found["proven"]) == (0, None, False)
    assert ana.call("discover", "--quick", "--timeout", "0.5").stdout.splitlines()[1].startswith("-     127.0.0.1:")


def test_the_server_remembers_nothing_of_a_search(server: Server, person: Person) -> None:
    ana = person("ana", server)
    ana.call("send", "hello")
    before = ana.call("who", "--json").stdout
    ana.call("discover", "--timeout", "0.1")
    assert ana.call("who", "--json").stdout == before


def test_a_search_in_vain_says_where_and_what_to_do(person: Person) -> None:
    ana = person("ana")
    done = ana.call("discover", "--timeout", "0.1")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("No room answered here: this machine is in no network.\n")
    assert "`sockatuh discover --sweep`" in done.stderr
    swept = ana.call("discover", "--timeout", "0.1", "--sweep", "--json")
    assert swept.returncode == 3
    assert "--sweep" not in swept.stderr
    assert json.loads(swept.stdout)["code"] == "no_server"


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "soon"])
def test_a_timeout_that_makes_no_sense_is_a_usage_error(person: Person, seconds: str) -> None:
    assert person("ana").call("discover", "--timeout", seconds).returncode == 2


def test_from_a_hundred_columns_on_the_words_of_a_key_are_in_its_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_rooms, "columns_of", lambda _: 160)
    found_rooms.print_rooms([KITCHEN, ROGUE, ATTIC])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == "ROOM         ADDRESS            KEY"
    assert [" ".join(row.split()) for row in rows] == [
        "kitchen 192.168.1.20 known since 2026-11-02 3 ms",
        f'kitchen 192.168.1.66:7700 ⚠ not the key of the "kitchen" you know: {OTHER_SPELT} 5 ms',
        f'"our attic" [fe80::20%wlan0] new: {SPELT} 1 ms',
    ]
    assert len({len(row) for row in rows}) == 1


def test_below_that_they_have_a_row_of_their_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_rooms, "columns_of", lambda _: 80)
    found_rooms.print_rooms([KITCHEN, ROGUE, ATTIC])
    assert capsys.readouterr().out.splitlines() == [
        "ROOM         ADDRESS            KEY",
        "kitchen      192.168.1.20       known since 2026-11-02                   3 ms",
        'kitchen      192.168.1.66:7700  ⚠ not the key of the "kitchen" you know  5 ms',
        f"  {OTHER_SPELT}",
        '"our attic"  [fe80::20%wlan0]   new                                      1 ms',
        f"  {SPELT}",
    ]


def test_a_room_that_has_moved_says_where_it_was() -> None:
    moved = replace(KITCHEN, standing=Standing.MOVED, known_as="192.168.1.9:7700")
    assert found_rooms.standing_of(moved) == ("known since 2026-11-02, moved; it was at 192.168.1.9:7700", "")


def test_a_room_of_another_version_says_so() -> None:
    assert "version 2" in found_rooms.standing_of(replace(ATTIC, version=2))[0]
