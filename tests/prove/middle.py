"""Attacks by somebody between a client and its server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from unittest import mock

from cli.people import Client as Program
from e2e.relay import Relay, relay_to
from e2e.running import PASSWORD, Member, Room, ServerProcess, hash_password, joined
from kit.bare_room import SERVER, BareRoom
from kit.clients import Client
from kit.programs import SOCKATUH
from kit.weather import CALM, Weather
from kit.wire import Wire
from prove.attack import Attack, Found, Pace, Run, require
from prove.false_server import FalseServer, Meeting, welcome
from prove.forger import Forger
from prove.rogue import Rogue
from simulation.world import SimulatedRoom

from sockatuh.client.profile import Profile
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.bounds import COOKIE_SECONDS
from sockatuh.protocol.constants import DATA, INIT
from sockatuh.protocol.seam import Address

NAMES: Final = ("ana", "budi", "citra", "dewi")
LINES: Final = 120
PAUSE: Final = 0.02
FAST: Final = {
    "limits.lines_per_second": 1000.0,
    "limits.lines_burst": 1000,
    "limits.handshakes_per_address": 1000.0,
    "limits.handshakes_burst": 1000,
}
"""Everybody comes from one address here."""
BACK_WITHIN: Final = 2.0
"""Virtual seconds in which a client is in, whatever was spoilt once …"""
ASKED_TO_WAIT: Final = 1 + COOKIE_SECONDS.high
"""… or when it was how long it is to wait."""
RETRY_BITS: Final = range(60 * 8, 62 * 8)
COOKIE_AT: Final = 1
"""Its place among the datagrams."""
REKEY_AFTER: Final = 1.0
"""Seconds; the server allows it every ten."""
REKEYED_LINES: Final = 60
REKEYED_PAUSE: Final = 0.1
REKEYED_TALKS: Final = 20
"""How often they talk at most until all have changed keys: 6 s each, and the server takes new keys after 10 s."""
RAIN: Final = Weather(loss=0.2, duplication=0.05, reordering=0.2, corruption=0.02)
STORM: Final = Weather(loss=0.2, duplication=0.05, corruption=0.01, delay=(0.005, 0.04))
HOURS: Final = 3
REFUSED: Final = 4
UNPROVEN: Final = 6


@contextlib.asynccontextmanager
async def _path(server: ServerProcess, seed: int, weather: Weather) -> AsyncIterator[list[Relay]]:
    """Put a relay before each member."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(relay_to(server.port, weather, seed + at)) for at in range(len(NAMES))]


@contextlib.asynccontextmanager
async def _members(relays: list[Relay], key: bytes) -> AsyncIterator[list[Member]]:
    async with contextlib.AsyncExitStack() as stack:
        pairs = zip(NAMES, relays, strict=True)
        yield [await stack.enter_async_context(joined(name, relay.port, key)) for name, relay in pairs]


async def _talk(members: list[Member], lines: int, word: str, pause: float = PAUSE) -> None:
    for number in range(lines):
        for member in members:
            member.say(f"{word} {number} of {member.name}")
        await asyncio.sleep(pause)


async def _heard_out(members: list[Member]) -> int:
    """Wait until everything is stored and has come to everybody; return how many lines that were."""
    for member in members:
        await member.until(member.is_answered)
    head = max(seq for member in members for seq in member.stored.values())
    for member in members:
        await member.has_seen(head)
    said = [f"{member.name}: {text}" for member in members for text in member.said.values()]
    for member in members:
        heard = [line for line in member.lines if line in set(said)]
        require(len(heard) == len(set(heard)), f"{member.name} has seen a line twice")
        require(set(heard) == set(said), f"{member.name} lacks {len(set(said) - set(heard))} lines")
        require(member.lines == members[0].lines, f"{member.name} saw another order")
        require(member.seqs == list(range(member.seqs[0], member.seqs[-1] + 1)), f"{member.name} has a gap")
    return len(said)


# Somebody who forges.


async def forger(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    yesterday: tuple[list[bytes], list[bytes]] = ([], [])
    async with room.serve(**FAST) as server, _path(server, run.seed, CALM) as relays:
        async with _members(relays, server.key) as members:
            await _talk(members, 3, "yesterday")
            await _heard_out(members)
        for relay in relays:
            yesterday[0].extend(relay.up)
            yesterday[1].extend(relay.down)
    async with room.serve(**FAST) as server, _path(server, run.seed, CALM) as relays:
        mallory = Forger(relays, server.key, run.dice)
        mallory.yesterday = yesterday
        async with _members(relays, server.key) as members:
            mallory.begin()
            await _talk(members, LINES * (10 if run.long else 1), "today")
            lost = sum(len(member.all(e.ContactLost)) for member in members)
            require(not lost, f"contact was lost {lost} times, and nothing was held back")
            await server.kill()
            await server.start()
            await _talk(members, LINES // 4, "after a crash")
            count = await _heard_out(members)
            mallory.end()
            _require_nobody_left(server)
            require(len(room.history.messages(None, None, 100_000)) == count + 3 * len(NAMES), "a line is there twice")
    forged = sum(mallory.done.values())
    return Found(
        f"{len(NAMES)} members, {count} lines, {forged} forged datagrams of {len(mallory.done)} kinds",
        "0 lost, 0 doubled, nobody thrown out, nobody kept out after a crash of the server, 0 join or leave lines",
    )


def _require_nobody_left(server: ServerProcess) -> None:
    for name in NAMES:
        left = server.events("member_left", name=name)
        joins = server.events("member_joined", name=name)
        require(not left and len(joins) == 1, f"{name} left {len(left)} times and joined {len(joins)} times")


# Every bit of a handshake.


def flipped_bits(run: Run) -> Found:
    """Flip one bit of what is sent first, second, third …: it is as if that datagram had been lost, or as if not."""
    sizes = [len(data) for data in _quiet_day()]
    bits = [(which, bit) for which, size in enumerate(sizes) for bit in range(size * 8)]
    for which, bit in bits:
        _spoil_one(run.seed, which, bit)
    lengths = [(which, length) for which, size in enumerate(sizes) for length in (*range(0, size, 8), size + 1)]
    for which, length in lengths:
        _spoil_one(run.seed, which, None, length)
    return Found(
        f"{len(bits)} bits of {len(sizes)} datagrams, one at a time; {len(lengths)} lengths",
        f"each time in within {BACK_WITHIN:.0f} s ({ASKED_TO_WAIT:.0f} s where it was told to wait), with the server's "
        "key, in one session, and nothing else was heard",
    )


def _quiet_day() -> list[bytes]:
    wire = Wire(BareRoom())
    client = wire.peer()
    assert wire.run(BACK_WITHIN, lambda: bool(client.all(e.Admitted)))
    return [data for data, _, _ in wire.recorded]


def _spoil_one(seed: int, which: int, bit: int | None, size: int | None = None) -> None:
    house = BareRoom(seed=seed)
    wire = Wire(house)
    sent = 0

    def spoil(data: bytes, _source: Address, _target: Address) -> list[bytes]:
        nonlocal sent
        sent += 1
        if sent - 1 != which:
            return [data]
        if bit is None:
            return [data.ljust(size or 0, b"\0")[:size]]
        at = bit // 8 % len(data)
        return [data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]]

    wire.spoil = spoil
    client = wire.peer(seed=seed)
    what = f"bit {bit} of datagram {which}" if bit is not None else f"{size} bytes of datagram {which}"
    within = ASKED_TO_WAIT if which == COOKIE_AT and bit in RETRY_BITS else BACK_WITHIN
    require(wire.run(within, lambda: bool(client.all(e.Admitted))), f"{what}: not in")
    _require_true(client, house, wire, what)


def _require_true(client: Client, house: BareRoom, wire: Wire, what: str) -> None:
    kinds = [type(event) for event in client.events]
    require(kinds == [e.Connected, e.Admitted, *kinds[2:]] and set(kinds[2:]) <= {e.CaughtUp}, f"{what}: {kinds}")
    strange = [to for _, _, to in wire.recorded if to not in (SERVER, client.address)]
    require(not strange and len(house.endpoint) == 1, f"{what}: {len(house.endpoint)} sessions")


# Keys that change under way.


async def rekeying(run: Run) -> Found:
    # The client decides when; the server has no say in it.
    with mock.patch("sockatuh.protocol.client.secure_link.REKEY_AFTER", REKEY_AFTER):
        count, changed = await _talk_under_new_keys(run)
    hours, virtual = _hours_of_storm(run)
    return Found(
        f"{count} lines while keys changed {changed} times; {virtual} lines in {hours} virtual hours, hourly keys",
        "0 lost, 0 doubled, one order, no contact lost, at 20 % loss both ways",
    )


async def _talk_under_new_keys(run: Run) -> tuple[int, int]:
    """Return how many lines came to everybody, and how often keys changed."""
    room = Room(run.directory, hash_password())
    async with (
        room.serve(**FAST) as server,
        _path(server, run.seed, RAIN) as relays,
        _members(relays, server.key) as members,
    ):
        began = [len(relay.up) for relay in relays]
        changes = 5 if run.long else 1
        for talk in range(REKEYED_TALKS):
            await _talk(members, REKEYED_LINES, f"line {talk}", REKEYED_PAUSE)
            channels = [len({data[1:8] for data in relay.up if data[0] == DATA}) for relay in relays]
            if min(channels) > changes:
                break
        count = await _heard_out(members)
        lost = sum(len(member.all(e.ContactLost)) for member in members)
        require(min(channels) > changes, f"keys changed {min(channels) - 1} times")
        require(not lost, f"contact was lost {lost} times")
        anew = sum(data[0] == INIT for relay, at in zip(relays, began, strict=True) for data in relay.up[at:])
        require(not anew, "somebody had to begin anew")
        _require_nobody_left(server)
    return count, sum(channels) - len(channels)


def _hours_of_storm(run: Run) -> tuple[int, int]:
    hours = HOURS * (5 if run.long else 1)
    world = SimulatedRoom(run.seed, STORM)
    nodes = [world.add_client(name) for name in NAMES[:2]]
    count = 0
    for _ in range(hours * 240):
        for node in nodes:
            count += 1
            node.say(f"line {count}")
        world.run(15.0)
    require(world.run(60.0, world.everybody_is_up_to_date), "not all of it came to everybody")
    world.check()
    require(len(world.messages()) == count, f"{count - len(world.messages())} lines lost")
    lost = sum(isinstance(event, e.ContactLost) for node in nodes for event in node.events)
    require(not lost, f"contact was lost {lost} times")
    return hours, count


# Somebody who has a channel to each side, and passes on what is said in them.


class GoBetween:
    """Is a server to newcomers and a client to the server; `lies` to those who are refused there."""

    def __init__(self, port: int, *, lies: bool = False) -> None:
        self.refused = 0
        self._port, self._lies = port, lies
        self._ways: dict[Meeting, Rogue] = {}
        self._places = itertools.count(101 if lies else 1)  # so that nobody has to wait for another's wrong try

    def pass_on(self, _: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
        """Ask the server the same in a session of its own, and pass its answer back."""
        if meeting not in self._ways:
            self._ways[meeting] = Rogue(self._port, host=f"127.0.30.{next(self._places)}").shake()
        answer = self._ways[meeting].ask(join)
        require(not isinstance(answer, m.Welcome), "the one between is in the room")
        if join.proof:
            wrong = isinstance(answer, m.Refused) and answer.code == "password_wrong"
            require(wrong, f"a proof that was passed on is answered {answer}")
            self.refused += 1
            if self._lies:
                return welcome(join.proof[32:96])
        return answer


async def go_between(run: Run) -> Found:
    room = Room(run.directory / "room", hash_password())
    room.directory.mkdir()
    offered = tried = 0
    async with room.serve() as server:
        for lies, code in ((False, REFUSED), (True, UNPROVEN)):
            between = GoBetween(server.port, lies=lies)
            with FalseServer(between.pass_on) as false:
                for number, args in enumerate((["send", "hello"], ["tail"], ["who"])):
                    victim = _newcomer(run.directory / f"victim {lies} {number}", false.port)
                    done = await asyncio.to_thread(victim.run, *args)
                    require(done.returncode == code, f"{args[0]}: exit {done.returncode}: {done.stderr}")
                    require(not done.stdout, f"{args[0]} prints {done.stdout!r}")
                    require(
                        Profile(victim.directory).find_pin(f"127.0.0.1:{false.port}") is None,
                        f"{args[0]}: it is pinned",
                    )
                require(PASSWORD.encode() not in false.said, "the one between has read the password")
                offered, tried = offered + len(false.joins), tried + between.refused
        refusals = server.events("password_refused")
        require(len(refusals) == tried == 6, f"{tried} proofs were passed on, and {len(refusals)} tries counted")
        require(not server.events("member_joined"), "somebody is in the room")
        require(not server.events("password_hash_stolen"), "a proof that was passed on is taken for a stolen hash")
        async with relay_to(server.port) as relay:
            directory = run.directory / "a newcomer"
            done = await asyncio.to_thread(_newcomer(directory, relay.port).run, "send", "hello")
            require(done.returncode == 0, f"through one who only forwards: exit {done.returncode}: {done.stderr}")
            pin = Profile(directory).find_pin(f"127.0.0.1:{relay.port}")
            require(pin is not None and pin.key == server.key, "another key is pinned")
            wire = b"".join(relay.up + relay.down)
            for secret in (PASSWORD, room.password_hash, "victim"):
                require(secret.encode() not in wire, f"{secret} can be read on the way")
    return Found(
        f"{tried} newcomers' exchanges passed on between two channels, {offered} messages; and one only forwarded",
        "each is one wrong try at the server; nobody got in, nothing was pinned, the password was not in what the one"
        " between could open; through one who only forwards the join works, and shows him nothing",
    )


def _newcomer(directory: Path, port: int) -> Program:
    return Program(
        directory,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"127.0.0.1:{port}",
        SOCKATUH_NAME="victim",
        SOCKATUH_PASSWORD=PASSWORD,
    )


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "forger",
        "An attacker who forges, replays and reorders datagrams, but withholds none, changes nothing and disconnects "
        "nobody",
        "4 members talk through an attacker who adds 2 forged datagrams to each: replayed (also from another day), "
        "reflected, under another member's address, flipped, cut, extended, RESET, CLOSED, COOKIE; and the server "
        "crashes",
        forger,
    ),
    Attack(
        "go-between",
        "Whoever sits between a newcomer and its server, with a channel to each, gets nothing by passing on the proof",
        "newcomers (send, tail, who) meet somebody who passes their exchange on to the server in a session of his own,"
        " and then says what the server said, or lets them in; and one who only forwards datagrams",
        go_between,
    ),
    Attack(
        "flipped-bits",
        "A corrupted handshake datagram is dropped, and the handshake still succeeds",
        "each bit of HELLO, COOKIE, INIT, RESP, both JOINs, NAME_VALID and WELCOME flipped, lengths from 0 to one more,"
        " in virtual time",
        flipped_bits,
        pace=Pace.COMPUTED,
    ),
    Attack(
        "rekeying",
        "Keys are replaced within a session unnoticed, even when a fifth of the datagrams is lost",
        "4 members talk at 20 % loss, 5 % duplication, 2 % corruption and change keys as often as the server allows, "
        "every 10 s; 2 talk for 3 virtual hours and change keys every hour",
        rekeying,
        pace=Pace.COMPUTED,
    ),
)
