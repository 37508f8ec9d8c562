"""Attacks by somebody who answers in the server's place: another key, another version, or no password."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

from cli.people import Client
from e2e.relay import Relay, relay_to
from e2e.running import PASSWORD, Room, hash_password
from kit.programs import SOCKATUH
from kit.terminal import Terminal
from prove.attack import Attack, Found, Run, require
from prove.false_server import (
    FalseServer,
    Meeting,
    Trick,
    after_proof,
    another_password,
    confirm_with,
    fresh_salt,
    offer_with,
    welcome_at_once,
)

from sockatuh.client.profile import Profile
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.proving import MOST_UNANSWERED
from sockatuh.protocol.constants import COOKIE, HELLO
from sockatuh.protocol.identity import Invite, words
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.pake import Part
from sockatuh.protocol.password_proof import _Keys
from sockatuh.wording.en.client import password_unproven

OK: Final = 0
REFUSED: Final = 4
IDENTITY_CHANGED: Final = 6
VERSION_MISMATCH: Final = 7
MET: Final = "met"
KEY_AT: Final = slice(28, 60)
EVERY_WAY: Final = 6
"""How many of the tricks are tried on every command."""
REAL_KEY: Final = public_key(b"the key of the room's own server")


async def impostor(run: Run) -> Found:
    false_key = public_key(run.dice.randbytes(32))
    room = Room(run.directory / "room", hash_password())
    room.directory.mkdir()
    async with room.serve() as server, relay_to(server.port) as relay:
        invite = Invite("127.0.0.1", relay.port, "kitchen", server.key).encode()
        met = _client(run.directory / MET, relay.port)
        done = await asyncio.to_thread(met.run, "send", "hello", "--trust", "accept-new")
        require(done.returncode == OK, f"the way is not open: {done.stderr}")

        relay.up.clear()
        relay.change_down = lambda data: _with_key(data, false_key)
        tries: list[tuple[str, Client, list[str], int]] = [
            ("strict", _client(run.directory / "strict", relay.port), ["send", "hello", "--trust", "strict"], REFUSED),
            (
                "invite",
                _client(run.directory / "invite", relay.port),
                ["send", "hello", "--server", invite],
                IDENTITY_CHANGED,
            ),
            ("pinned", met, ["send", "hello"], IDENTITY_CHANGED),
            ("pinned, accept-new", met, ["send", "hello", "--trust", "accept-new"], IDENTITY_CHANGED),
        ]
        results = await asyncio.gather(*(asyncio.to_thread(client.run, *args) for _, client, args, _ in tries))
        for (how, _, _, code), result in zip(tries, results, strict=True):
            _require_stopped(how, result, code)
        _require_only_hello(relay)

        relay.change_down = _with_version
        done = await asyncio.to_thread(met.run, "send", "hello")
        _require_stopped("version", done, VERSION_MISMATCH)
        _require_only_hello(relay)
    return Found(
        f"{len(tries) + 1} clients",
        "each stops (exit 6, 4 or 7), and has sent nothing but HELLO",
    )


def _client(directory: Path, port: int) -> Client:
    return Client(
        directory,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"127.0.0.1:{port}",
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


# Nobody has met it, and it does not know the password.


@dataclass(frozen=True, slots=True)
class Trial:
    """A trick that a false server tries, and what a client that does not fall for it says."""

    what: str
    trick: Trick
    code: str = "server_unproven"
    exit_code: int = IDENTITY_CHANGED
    resumed: bool = False
    proofs: int = 1


def _its_own(meeting: Meeting, proof: bytes) -> bytes:
    """Return the confirmation of a server that has guessed the password wrong."""
    server, client = Part(meeting.offers[-1].share, b""), Part(proof[:32], b"ana")
    return _Keys(meeting.binding, meeting.offers[-1]._scalar, client.share, server, client).of_server


def _offer_another(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
    return server.offer(meeting, join.name or "ana", fresh_salt())


def _offer_again(_: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
    offer = meeting.offers[-1]
    return m.NameValid(join.name or "ana", 0, offer.share, offer.known.salt, offer.known.cost)


CLOSED: Final = m.Closed("restarting", 0)
TRIALS: Final = (
    Trial("another password", another_password, "password_wrong", REFUSED),
    Trial("WELCOME at once", welcome_at_once, proofs=0),
    Trial("WELCOME at once, as if it knew the ticket", welcome_at_once, resumed=True, proofs=0),
    Trial("no confirmation", confirm_with(lambda _, __: b"")),
    Trial("zeros", confirm_with(lambda _, __: bytes(64))),
    Trial("the client's own confirmation", confirm_with(lambda _, proof: proof[32:96])),
    Trial("the confirmation of a wrong guess", confirm_with(_its_own)),
    Trial("another kind", offer_with(kind=1), "client_outdated", VERSION_MISMATCH, proofs=0),
    *(Trial(f"cost {cost}", offer_with(cost=cost), proofs=0) for cost in (0, 9, 15, 31, 1 << 40)),
    *(Trial(f"{size} bytes of salt", offer_with(salt=bytes(size)), proofs=0) for size in (0, 15, 17)),
    *(Trial(f"{size} bytes of share", offer_with(share=bytes(size)), proofs=0) for size in (0, 31, 33)),
    *(Trial("a share of low order", offer_with(share=share), proofs=0) for share in (bytes(32), b"\1" + bytes(31))),
    Trial("CLOSED after each proof", after_proof(lambda _, __, ___: CLOSED), proofs=3),
    Trial("another offer after each proof", after_proof(_offer_another), proofs=3),
    Trial("the same offer after the proof", after_proof(_offer_again)),
)


async def false_server(run: Run) -> Found:
    commands = [
        ["send", "hello", "--json"],
        ["tail"],
        ["who"],
        ["send", "hello", "--trust", "ask"],
        ["tail", "--json", "--trust", "accept-new"],
    ]
    heard = datagrams = 0
    for number, trial in enumerate(TRIALS):
        with FalseServer(trial.trick, resumed=trial.resumed) as server:
            asked = commands if number < EVERY_WAY else commands[:1]
            for at, command in enumerate(asked):
                client = _client(run.directory / f"client {number} {at}", server.port)
                before = len(server.proofs)
                done = await asyncio.to_thread(client.run, *command)
                what = f"{trial.what}, {' '.join(command)}"
                _require_stopped(what, done, trial.exit_code)
                require(len(server.proofs) - before == trial.proofs, f"{what}: {len(server.proofs) - before} proofs")
                _require_nothing_learnt(what, client, server)
                _require_told(what, done, trial.code if "--json" in command else None)
            _require_nothing_said(trial.what, server)
            heard, datagrams = heard + len(asked), datagrams + len(server.datagrams)
    await _known_servers(run)
    people = await _people(run)
    return Found(
        f"{len(TRIALS)} tricks, {heard} commands and {people} people at terminals, {datagrams:,} datagrams",
        "each ends with its sentence and exit code 4, 6 or 7, at most three proofs of a password; in nothing that was"
        " sent, opened with the false server's own keys, is the password; nothing was shown, pinned or kept",
    )


def _require_told(what: str, done: CompletedProcess[str], code: str | None) -> None:
    """See that nothing is printed but the error, as JSON if a code is given."""
    lines = [json.loads(line) for line in done.stdout.splitlines()] if code else []
    require([line["code"] for line in lines] == ([code] if code else []), f"{what} prints {done.stdout!r}")
    require(code is not None or not done.stdout, f"{what} prints {done.stdout!r}")
    require("Traceback" not in done.stderr and done.stderr.count("\n") == 1, f"{what} says {done.stderr!r}")


def _require_nothing_said(what: str, server: FalseServer) -> None:
    require(bool(server.datagrams), f"{what}: nobody came")
    require(PASSWORD.encode() not in server.said, f"{what}: the password was sent")
    require(not server.tickets, f"{what}: a ticket was shown")


def _require_nothing_learnt(what: str, client: Client, server: FalseServer) -> None:
    profile, address = Profile(client.directory), f"127.0.0.1:{server.port}"
    require(profile.find_pin(address) is None, f"{what}: it was pinned")
    require(profile.find_ticket(address, client.directory.name) is None, f"{what}: a ticket was kept")
    for path in client.directory.rglob("*"):
        require(path.is_dir() or b"a ticket" not in path.read_bytes(), f"{what}: {path} has its ticket")


async def _known_servers(run: Run) -> None:
    """Whoever has a pin or an invite, or meets nobody new, says nothing to another."""
    with FalseServer(another_password) as server:
        address = f"127.0.0.1:{server.port}"
        strict, pinned, invited = [_client(run.directory / how, server.port) for how in ("strict", "pinned", "invited")]
        Profile(pinned.directory).pin(address, REAL_KEY, "kitchen")
        invite = Invite("127.0.0.1", server.port, "kitchen", REAL_KEY).encode()
        for client, command, code in (
            (strict, ["send", "hello", "--trust", "strict"], REFUSED),
            (pinned, ["send", "hello", "--trust", "accept-new"], IDENTITY_CHANGED),
            (invited, ["send", "hello", "--server", invite], IDENTITY_CHANGED),
        ):
            done = await asyncio.to_thread(client.run, *command)
            _require_stopped(client.directory.name, done, code)
        kinds = {data[0] for data in server.datagrams}
        require(kinds == {HELLO}, f"datagrams of types {sorted(map(hex, kinds))} were sent")


async def _people(run: Run) -> int:
    """See what people at terminals are told who give their password to each kind of false server."""
    with FalseServer(another_password) as server:
        client = _person(run.directory / "one who insists", server)
        await asyncio.to_thread(_insist, client, server)
        require(len(server.proofs) == MOST_UNANSWERED, f"{len(server.proofs)} proofs were given")
        _require_nothing_said("a person", server)
        _require_nothing_learnt("a person", client, server)
    with FalseServer(confirm_with(lambda _, __: bytes(64))) as server:
        client = _person(run.directory / "one who is let in", server)
        await asyncio.to_thread(_be_let_in, client)
        _require_nothing_said("a person", server)
        _require_nothing_learnt("a person", client, server)
    for number, (trick, code) in enumerate(
        ((welcome_at_once, IDENTITY_CHANGED), (offer_with(kind=1), VERSION_MISMATCH))
    ):
        with FalseServer(trick) as server:
            client = _person(run.directory / f"one who gives a name {number}", server)
            await asyncio.to_thread(_give_a_name, client, code)
            _require_nothing_learnt("a person", client, server)
    return 4


def _person(directory: Path, server: FalseServer) -> Client:
    return Client(directory, command=SOCKATUH, SOCKATUH_SERVER=f"127.0.0.1:{server.port}")


def _insist(client: Client, server: FalseServer) -> None:
    """Give the same password again and again."""
    terminal = client.terminal("chat", "--plain", columns=400)
    try:
        terminal.wait_until(lambda: "name" in terminal.text, "question")
        terminal.enter("ana")
        told = password_unproven(" ".join(words(server.key)))
        for times in range(MOST_UNANSWERED + 1):
            terminal.wait_until(lambda: terminal.written.endswith("Room password: "), "question")
            require(_written(terminal).count(told) == times, f"it was not told {times} times: {terminal.text}")
            terminal.enter(PASSWORD)
            terminal.wait_until(lambda: not terminal.written.endswith("Room password: "), "answer")
        code = terminal.end()
        require(code == IDENTITY_CHANGED, f"exit {code}: {terminal.text}")
    finally:
        client.close()


def _written(terminal: Terminal) -> str:
    return " ".join(terminal.written.split())


def _give_a_name(client: Client, code: int) -> None:
    """See that the chat ends before the password is asked for."""
    terminal = client.terminal("chat", "--plain", columns=400)
    try:
        terminal.wait_until(lambda: "name" in terminal.text, "question")
        terminal.enter("ana")
        ended = terminal.end()
        require(ended == code, f"exit {ended}: {terminal.text}")
        require("Room password" not in terminal.text, "the password was asked for")
    finally:
        client.close()


def _be_let_in(client: Client) -> None:
    """Give the password, and see that the chat does not begin."""
    terminal = client.terminal("chat", columns=400)
    try:
        terminal.wait_until(lambda: "name" in terminal.text, "question")
        terminal.enter("ana")
        terminal.answer("Room password:", PASSWORD)
        terminal.wait_for("let you in without knowing the room's password")
        code = terminal.end()
        require(code == IDENTITY_CHANGED, f"exit {code}: {terminal.text}")
        require("you are here" not in terminal.text, "the chat began")
    finally:
        client.close()


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "impostor",
        "A client stops before it sends the password when somebody else answers in its server's place",
        "swap the key, then the version, in each COOKIE: before clients with a pin, an invite, and --trust strict",
        impostor,
    ),
    Attack(
        "false-server",
        "No server that does not know the room's password gets to hear it, is pinned, or lets anybody in",
        "a server that nobody has met has another password, lets in at once, reflects or makes up the confirmation,"
        " makes offers no room makes, closes after each proof: before send, tail, who, and people at a terminal; with"
        " and without a pin, an invite, --trust ask, accept-new and strict",
        false_server,
        limit=300.0,
    ),
)
