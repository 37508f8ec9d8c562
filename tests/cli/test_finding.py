"""A chat without SERVER: the last room, wherever it is now, or one that is found."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from cli.people import PASSWORD, Client, Person, Server
from msgspec.structs import replace

from sockatuh.cli import finding
from sockatuh.cli.errors import ExitCode, Stopped
from sockatuh.client import connect, discovery
from sockatuh.client.discovery import FoundAddress, FoundRoom, Standing
from sockatuh.client.profile import Pin, Profile
from sockatuh.errors import KeyFileError
from sockatuh.net.interfaces import Link

KEY, OTHER_KEY = b"a" * 32, b"b" * 32
KITCHEN = FoundRoom(KEY, (FoundAddress("192.168.1.20:7625", 0.003),), "kitchen", is_proven=True)
ATTIC = replace(KITCHEN, key=OTHER_KEY, addresses=(FoundAddress("192.168.1.30:7700", 0.002),), room="attic")
ROGUE = replace(ATTIC, room="kitchen", standing=Standing.OTHER_KEY, pin=Pin(KEY, "2026-11-02", "kitchen"))

Answers = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _one_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the server's machine the only one of the only network."""
    only = ipaddress.IPv4Interface("127.0.0.1/24"), ipaddress.IPv4Address("127.0.0.1")
    monkeypatch.setattr(discovery, "find_links", lambda: [Link("lan", 1, (only,), has_ipv6=False)])
    monkeypatch.setattr(discovery, "DEFAULT_PORT", server.port)
    monkeypatch.setattr(finding, "USUAL_SECONDS", 0.5)


@pytest.fixture
def ana(server: Server, person: Person) -> Client:
    """Somebody who is at home in the room; the environment names no server."""
    made = person("ana", server)
    assert made.call("chat", server.address).returncode == 0
    del made.environ["SOCKATUH_SERVER"], made.environ["SOCKATUH_PASSWORD"]
    return made


@pytest.fixture
def impatient_ana(ana: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Ana, who soon gives up: for tests in which no server answers. One that answers may be slow on a busy machine."""
    monkeypatch.setattr(discovery, "SEARCH_SECONDS", 0.2)
    monkeypatch.setattr(connect, "FIRST_ANSWER", 0.5)
    return ana


def move_away(client: Client, server: Server, *, key: bytes | None = None) -> Profile:
    """Have the client believe that its room was elsewhere; nobody is there."""
    profile = Profile(client.directory)
    profile.move(server.address, f"127.0.0.2:{server.port}")
    if key is not None:
        profile.pin(f"127.0.0.2:{server.port}", key, "kitchen")
    return profile


def test_a_room_that_has_moved_is_followed_without_a_question(server: Server, ana: Client) -> None:
    profile, before = move_away(ana, server), f"127.0.0.2:{server.port}"
    done = ana.call("chat", stdin=b"hello\n")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == f"kitchen is at {server.address} now (it was at {before})."
    assert [*profile.known_servers()] == [server.address]
    assert profile.find_last_server() == server.address
    assert profile.find_ticket(before, "ana") is None
    assert profile.find_ticket(server.address, "ana") is not None
    assert ana.call("chat").stderr == ""


@pytest.mark.slow
def test_only_a_chat_follows_and_only_its_last_server(server: Server, impatient_ana: Client) -> None:
    move_away(impatient_ana, server)
    assert impatient_ana.call("send", "hello", "--timeout", "0.5").returncode == 3
    assert impatient_ana.call("chat", f"127.0.0.2:{server.port}").returncode == 3
    impatient_ana.environ["SOCKATUH_SERVER"] = f"127.0.0.2:{server.port}"
    assert impatient_ana.call("chat").returncode == 3


@pytest.mark.slow
def test_discovery_can_be_turned_off(server: Server, impatient_ana: Client, person: Person) -> None:
    profile = move_away(impatient_ana, server)
    impatient_ana.environ["SOCKATUH_DISCOVER"] = "off"
    assert impatient_ana.call("chat").returncode == 3
    assert [*profile.known_servers()] == [f"127.0.0.2:{server.port}"]
    done = person("nobody", SOCKATUH_DISCOVER="off").call("chat")
    assert done.returncode == 2
    assert done.stderr.startswith("Which server?")


@pytest.mark.parametrize("value", ["no", "OFF", "0"])
def test_it_is_on_or_off(person: Person, value: str) -> None:
    done = person("nobody", SOCKATUH_DISCOVER=value).call("chat", "kitchen")
    assert (done.returncode, done.stderr) == (2, f"SOCKATUH_DISCOVER is on or off; it is {value!r}.\n")


def test_a_rogue_with_the_name_of_the_room_is_never_joined(server: Server, impatient_ana: Client) -> None:
    profile = move_away(impatient_ana, server, key=OTHER_KEY)
    known = profile.known_servers()
    done = impatient_ana.call("chat", stdin=b"hello\n")
    assert done.returncode == 3
    assert profile.known_servers() == known


def test_a_program_joins_what_it_found_only_if_it_is_known(server: Server, ana: Client, person: Person) -> None:
    stranger = person("nobody", SOCKATUH_NAME="nobody", SOCKATUH_PASSWORD=PASSWORD)
    done = stranger.call("chat")
    assert done.returncode == 3
    assert f"`sockatuh chat {server.address}`" in done.stderr
    assert Profile(stranger.directory).known_servers() == {}
    (ana.directory / "last_server").unlink()
    done = ana.call("chat")
    assert (done.returncode, done.stderr) == (0, "")
    assert Profile(ana.directory).find_last_server() == server.address


def test_a_known_room_elsewhere_is_followed_when_there_was_no_last_one(server: Server, ana: Client) -> None:
    profile = move_away(ana, server)
    (ana.directory / "last_server").unlink()
    done = ana.call("chat")
    assert done.returncode == 0
    assert done.stderr.startswith(f"kitchen is at {server.address} now")
    assert [*profile.known_servers()] == [server.address]


def test_a_known_room_elsewhere_is_joined_even_if_that_cannot_be_remembered(
    server: Server, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = move_away(ana, server)
    (ana.directory / "last_server").unlink()
    ana.environ["SOCKATUH_PASSWORD"] = PASSWORD

    def refuse(*_: object) -> None:
        raise KeyFileError("known_servers", "read-only")

    monkeypatch.setattr(finding, "move_server", refuse)
    done = ana.call("chat")
    assert done.returncode == 0
    assert "This cannot be remembered for the next time: known_servers: read-only." in done.stderr
    assert f"127.0.0.2:{server.port}" in profile.known_servers()


def test_nothing_found_says_where_it_was_looked_for(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "find_links", list)
    done = person("nobody").call("chat")
    assert done.returncode == 3
    assert done.stderr.startswith("No room answered here")


# What a person is asked.


@pytest.fixture(name="answers")
def _answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Answer questions; the list has what was asked."""

    def give(*answers: str) -> list[str]:
        asked, given = list[str](), iter(answers)

        def ask(question: str) -> str:
            asked.append(question)
            return next(given)

        monkeypatch.setattr(finding, "ask", ask)
        return asked

    return give


def test_the_only_room_is_taken_without_a_question(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answers()
    assert finding._choose([KITCHEN]) is KITCHEN
    assert (asked, capsys.readouterr().err) == ([], "Found kitchen at 192.168.1.20.\n")


def test_of_several_rooms_a_number_is_asked_and_enter_takes_the_first(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answers("", "2")
    assert finding._choose([KITCHEN, ATTIC]) is KITCHEN
    assert finding._choose([KITCHEN, ATTIC]) is ATTIC
    assert asked == ["Which? [1] "] * 2
    head, first, second, *_ = capsys.readouterr().err.splitlines()
    assert head.split() == ["ROOM", "ADDRESS", "KEY"]
    assert first.split()[:3] == ["1", "kitchen", "192.168.1.20"]
    assert second.split()[:3] == ["2", "attic", "192.168.1.30:7700"]


def test_three_bad_answers_end_it(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answers("0", "kitchen", "\N{ARABIC-INDIC DIGIT THREE}", "1")
    with pytest.raises(Stopped) as stopped:
        finding._choose([KITCHEN, ATTIC])
    assert stopped.value.exit_code is ExitCode.OTHER
    assert len(asked) == 3
    assert capsys.readouterr().err.count("1 to 2\n") == 3


def test_a_room_with_the_name_of_another_is_never_the_answer_to_enter(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answers("", "1")
    assert finding._choose([ROGUE]) is ROGUE
    assert asked == ["Which? "] * 2
    assert '⚠ not the key of the "kitchen" you know' in capsys.readouterr().err


def test_several_known_rooms_are_named_to_a_program() -> None:
    known = [replace(room, standing=Standing.KNOWN) for room in (KITCHEN, ATTIC)]
    with pytest.raises(Stopped, match=r"Several rooms answered; name one: 192\.168\.1\.20, 192\.168\.1\.30:7700\."):
        finding._only_known(known)
    with pytest.raises(Stopped, match="none of them known here"):
        finding._only_known([KITCHEN, ATTIC])
    assert finding._only_known([known[0], ATTIC]) is known[0]
