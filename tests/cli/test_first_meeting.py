"""What people and scripts see of a server that they meet for the first time, and that is another than they think."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server, hash_of
from prove.false_server import FalseServer, Trick, another_password, confirm_with, offer_with, welcome_at_once

from sockatuh.client.profile import Profile
from sockatuh.protocol.constants import HELLO
from sockatuh.protocol.identity import words

NOT_ITS_ROOM = "this is not your room. Nothing was given away."
COMMANDS = (["send", "hello"], ["who"], ["tail"], ["chat"])
"""Without a terminal, each of them is a script."""


@pytest.fixture(scope="module", name="false")
def _false(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A whole server with a key and a password of its own."""
    server = Server(tmp_path_factory.mktemp("false"), password_hash=hash_of("another-password"))
    yield server
    server.stop(signal.SIGKILL)


def unproven(shown: str) -> str:
    """Return the sentence about a password that was refused by a server that may be any."""
    return (
        "That did not work: it is not the room's password, or this is not your room's server. Neither got to know what "
        f"you typed. Its words: {shown}; compare them with the room's screen if you are sure of the password."
    )


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def kept_by(client: Client) -> set[str]:
    """Return what a client has on disk, apart from its own key and locks."""
    return {path.name for path in client.directory.iterdir() if not path.name.startswith(".")} - {"identity"}


def test_a_server_with_another_password_is_not_remembered_and_its_words_are_shown(
    false: Server, person: Person
) -> None:
    client = person("ana", false)
    for command in COMMANDS:
        done = client.call(*command)
        assert done.returncode == 4, command
        assert unwrapped(done.stderr).startswith(unproven(false.words))
        assert kept_by(client) == set()


@pytest.mark.parametrize(
    "command", [COMMANDS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in COMMANDS[1:])], ids=" ".join
)
def test_json_says_so_too(person: Person, command: list[str]) -> None:
    done, server, client = meet(person("ana"), another_password, *command, "--json")
    error = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, error["type"], error["code"]) == (4, "error", "password_wrong")
    assert error["message"] == unproven(" ".join(words(server.key)))
    assert kept_by(client) == set()


def test_a_person_is_asked_again_and_told_less_by_a_server_that_is_known(server: Server, person: Person) -> None:
    known = person("anita", server)
    assert known.call("send", "hello").returncode == 0
    del known.environ["SOCKATUH_PASSWORD"]
    terminal = known.terminal("chat", "-n", "0", "--name", "anita-again")
    terminal.answer("Room password:", "wrong")
    terminal.wait_for("That is not the room's password.")
    assert "Its words" not in terminal.text
    terminal.answer("Room password:", PASSWORD)
    terminal.wait_for("You are anita-again")


def meet(
    client: Client, trick: Trick, *command: str, key: bytes | None = None
) -> tuple[subprocess.CompletedProcess[str], FalseServer, Client]:
    """Run a command with a server that plays a trick; `key`: the one that the client has pinned."""

    async def story() -> tuple[subprocess.CompletedProcess[str], FalseServer]:
        with FalseServer(trick) as server:
            address = f"127.0.0.1:{server.port}"
            client.environ |= {"SOCKATUH_SERVER": address, "SOCKATUH_NAME": "ana", "SOCKATUH_PASSWORD": PASSWORD}
            if key is not None:
                Profile(client.directory).pin(address, key, "kitchen")
                Profile(client.directory).keep_ticket(address, "ana", b"a ticket")
            return await asyncio.to_thread(client.run, *command), server

    return *asyncio.run(story()), client


@pytest.mark.parametrize(
    ("trick", "code", "exit_code", "sentence"),
    [
        pytest.param(
            welcome_at_once, "server_unproven", 6, f"let you in without knowing the room's password: {NOT_ITS_ROOM}",
            id="lets anybody in",
        ),
        pytest.param(
            confirm_with(lambda _, __: bytes(64)), "server_unproven", 6,
            f"let you in without knowing the room's password: {NOT_ITS_ROOM}", id="confirms with nothing",
        ),
        pytest.param(
            offer_with(cost=31), "server_unproven", 6,
            f"does not ask for the password as a room does: {NOT_ITS_ROOM}", id="wants hours of bcrypt",
        ),
        pytest.param(
            offer_with(kind=1), "client_outdated", 7,
            "wants a newer sockatuh. Update this one; `sockatuh version` shows what is installed.", id="newer",
        ),
    ],
)  # fmt: skip
def test_a_server_that_proves_nothing_is_left_with_nothing_on_disk(
    person: Person, trick: Trick, code: str, exit_code: int, sentence: str
) -> None:
    done, server, client = meet(person("ana"), trick, "send", "hello", "--json")
    assert done.returncode == exit_code
    assert unwrapped(done.stderr).endswith(f"{client.environ['SOCKATUH_SERVER']} {sentence}")
    error = json.loads(done.stdout)
    assert (error["code"], error["message"]) == (code, unwrapped(done.stderr))
    assert kept_by(client) == set()
    assert PASSWORD.encode() not in server.said


@pytest.mark.slow
def test_another_key_than_the_pinned_one_stops_before_anything_is_sent(person: Person) -> None:
    done, server, client = meet(person("ana"), welcome_at_once, "send", "hello", "--json", key=b"k" * 32)
    assert (done.returncode, json.loads(done.stdout)["code"]) == (6, "identity_changed")
    assert {datagram[0] for datagram in server.datagrams} == {HELLO}
    assert not server.joins
    pin = Profile(client.directory).find_pin(client.environ["SOCKATUH_SERVER"])
    assert pin is not None
    assert pin.key == b"k" * 32


@pytest.mark.parametrize("source", ["variable", "file"])
def test_a_script_whose_name_is_the_password_says_so_before_anybody_can_read_it(
    person: Person, tmp_path: Path, source: str
) -> None:
    client = person("ana")
    options = ["--name", "TULIP-Harbor"]
    if source == "file":
        (tmp_path / "password").write_text(PASSWORD)
        options += ["--password-file", str(tmp_path / "password")]
    done, server, _ = meet(client, welcome_at_once, "send", "hello", *options)
    assert done.returncode == 4
    assert "A name must not be the room's password." in unwrapped(done.stderr)
    assert not server.joins
    assert b"TULIP-Harbor" not in server.said
