"""Attacks by somebody who answers in the server's place: another key, another version."""

from __future__ import annotations

import asyncio
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

from cli.people import Client
from e2e.relay import Relay, relay_to
from e2e.running import PASSWORD, Room, hash_password
from kit.programs import SOCKATUH
from prove.attack import Attack, Found, Run, require

from sockatuh.protocol.constants import COOKIE, HELLO
from sockatuh.protocol.identity import Invite, words
from sockatuh.protocol.noise import public_key

OK: Final = 0
REFUSED: Final = 4
IDENTITY_CHANGED: Final = 6
VERSION_MISMATCH: Final = 7
MET: Final = "met"
KEY_AT: Final = slice(28, 60)


async def impostor(run: Run) -> Found:
    false_key = public_key(run.dice.randbytes(32))
    room = Room(run.directory / "room", hash_password())
    room.directory.mkdir()
    async with room.serve() as server, relay_to(server.port) as relay:
        invite = Invite("127.0.0.1", relay.port, "kitchen", server.key).encode()
        met = _client(run.directory / MET, relay)
        done = await asyncio.to_thread(met.run, "send", "hello", "--trust", "accept-new")
        require(done.returncode == OK, f"the way is not open: {done.stderr}")

        relay.up.clear()
        relay.change_down = lambda data: _with_key(data, false_key)
        tries: list[tuple[str, Client, list[str], int]] = [
            ("strict", _client(run.directory / "strict", relay), ["send", "hello", "--trust", "strict"], REFUSED),
            (
                "invite",
                _client(run.directory / "invite", relay),
                ["send", "hello", "--server", invite],
                IDENTITY_CHANGED,
            ),
            ("pinned", met, ["send", "hello"], IDENTITY_CHANGED),
            ("pinned, accept-new", met, ["send", "hello", "--trust", "accept-new"], IDENTITY_CHANGED),
            ("nobody to ask", _client(run.directory / "alone", relay), ["send", "hello"], REFUSED),
        ]
        asked = _client(run.directory / "asked", relay)
        asking = asyncio.create_task(asyncio.to_thread(_ask, asked, words(false_key), words(server.key)))
        results = await asyncio.gather(*(asyncio.to_thread(client.run, *args) for _, client, args, _ in tries))
        for (how, _, _, code), result in zip(tries, results, strict=True):
            _require_stopped(how, result, code)
        await asking
        _require_only_hello(relay)

        relay.change_down = _with_version
        done = await asyncio.to_thread(met.run, "send", "hello")
        _require_stopped("version", done, VERSION_MISMATCH)
        _require_only_hello(relay)
    return Found(
        f"{len(tries) + 2} clients",
        "each stops (exit 6, 4 or 7) or shows its person the words of the forger's key, and has sent nothing but HELLO",
    )


def _client(directory: Path, relay: Relay) -> Client:
    return Client(
        directory,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"127.0.0.1:{relay.port}",
        SOCKATUH_NAME=directory.name,
        SOCKATUH_PASSWORD=PASSWORD,
    )


def _with_key(data: bytes, key: bytes) -> bytes:
    return data[: KEY_AT.start] + key + data[KEY_AT.stop :] if data[0] == COOKIE else data


def _with_version(data: bytes) -> bytes:
    return data[:1] + b"\2" + data[2:] if data[0] == COOKIE else data


def _require_stopped(how: str, done: CompletedProcess[str], code: int) -> None:
    require(done.returncode == code, f"{how}: exit {done.returncode}, not {code}: {done.stderr}")


def _require_only_hello(relay: Relay) -> None:
    kinds = {data[0] for data in relay.up}
    require(kinds == {HELLO}, f"datagrams of types {sorted(map(hex, kinds))} were sent")


def _ask(client: Client, false: tuple[str, ...], true: tuple[str, ...]) -> None:
    """See which words a person is shown at the first meeting, and say no."""
    terminal = client.terminal("chat")

    def shown(key: tuple[str, ...]) -> bool:
        return " ".join(key) in terminal.text

    try:
        terminal.wait_for("Trust it? [y/N]")
        require(shown(false) and not shown(true), f"these words are shown: {terminal.text}")
        terminal.type("n\r")
        code = terminal.end()
        require(code == REFUSED, f"exit {code} when it was not trusted")
    finally:
        client.close()


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "impostor",
        "A client stops before it sends the password when somebody else answers in its server's place",
        "swap the key, then the version, in each COOKIE: before clients with a pin, an invite, --trust strict, a "
        "person who is asked, and nobody to ask",
        impostor,
    ),
)
