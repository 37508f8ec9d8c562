"""One person with many keys, from twenty addresses: others get in, come back, and the server keeps its size."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from e2e.running import PASSWORD, PATIENCE, Room, ServerProcess, conversation, hash_password
from prove.apart import Signal, apart
from prove.attack import Attack, Found, Run, require
from prove.load import memory
from prove.rogue import NotAnswered, Rogue

from sockatuh.errors import Refused
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PIECE

ADDRESSES: Final = 20
MEMBERS: Final = 100
"""Seats of the room; the villain comes with half as many keys again."""
KEYS: Final = 115
SCRIPTS: Final = 80
HALVES: Final = 64
"""Lines that each session begins and never ends."""
NEWCOMERS: Final = 3
GROWS: Final = 96.0
"""MiB by which the server may grow: half lines have 32 MiB, sessions and members their own."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many of the villain's keys got in as members and as scripts, and what the others were told."""

    members: int
    scripts: int
    told: dict[str, int]


def crowd(signal: Signal, port: int) -> Crowd:
    """Take every seat there is for members and for guests, begin lines in each session, and stay."""
    told: Counter[str] = Counter()
    rogues: dict[int, list[Rogue]] = {0: [], m.FLAG_SCRIPT: []}
    for flags, count in ((0, KEYS), (m.FLAG_SCRIPT, SCRIPTS)):
        for number in range(count):
            rogue = Rogue(port, host=f"127.0.7.{number % ADDRESSES + 1}", flags=flags)
            try:
                answer = rogue.shake(1.0).join(f"villain{flags}x{number}")
            except NotAnswered:
                told["silence"] += 1
                rogue.close()
                continue
            if not isinstance(answer, m.Welcome):
                told[answer.code if isinstance(answer, m.Refused) else type(answer).__name__] += 1
                rogue.close()
                continue
            rogues[flags].append(rogue)
            for line in range(1, HALVES + 1):
                rogue.send(m.Say(line, 1, False, 0, 2, b"x" * MAX_PIECE))
    signal.begin()
    time.sleep(SECONDS)
    return Crowd(len(rogues[0]), len(rogues[m.FLAG_SCRIPT]), dict(told))


SECONDS: Final = 6.0
"""Seconds for which the villain stays when all are in."""
QUICK: Final = {"limits.guests": 60, "limits.handshakes_per_address": 1000.0, "limits.handshakes_burst": 1000}


async def _crowd_out(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    async with room.serve(max_members=MEMBERS, **QUICK) as server:
        ana = conversation("ana", server.port, server.key)
        async with ana:
            await ana.open(PATIENCE)
            ticket = (await ana.join("ana", PASSWORD, PATIENCE)).ticket
            await ana.leave()
        before = memory(server)
        async with apart(crowd, server.port) as villain:
            await villain.begun()
            came = [await asyncio.to_thread(_arrive, server.port, number) for number in range(NEWCOMERS)]
            returned = await _come_back(server, ticket)
            grown = memory(server) - before
            crowded: Crowd = await villain.report()
    require(all(came), f"{NEWCOMERS - sum(came)} of {NEWCOMERS} newcomers were told that the room is full")
    require(returned, "somebody with a ticket did not get back in")
    require(crowded.members > MEMBERS // 2 and "room_full" in crowded.told, f"the villain crowded nothing: {crowded}")
    require(grown < GROWS, f"the server grew by {grown:.0f} MiB")
    return Found(
        f"{KEYS} keys as members of a room of {MEMBERS}, {SCRIPTS} as scripts, {HALVES} half lines in each session",
        f"{crowded.members} members and {crowded.scripts} scripts of the villain's were let in, "
        f"{NEWCOMERS} newcomers and a returning member all got in, the server grew by {grown:.0f} MiB",
    )


def _arrive(port: int, number: int) -> bool:
    """Join from an address nobody else has, and stay."""
    newcomer = Rogue(port, host=f"127.0.8.{number + 1}").shake()
    return isinstance(newcomer.join(f"newcomer{number}"), m.Welcome)


async def _come_back(server: ServerProcess, ticket: bytes) -> bool:
    """Join with a ticket."""
    async with conversation("ana", server.port, server.key, ticket=ticket) as talk:
        try:
            require((await talk.open(PATIENCE)).resumed, "the ticket was not taken")
            await talk.admitted(PATIENCE)
        except Refused:
            return False
        await talk.leave()
    return True


ATTACKS: Final = (
    Attack(
        "crowding",
        "Keys are free, so shares go by place: nobody keeps others out, however many keys they make",
        f"one person with {KEYS} keys as members and {SCRIPTS} as scripts, from {ADDRESSES} addresses, each with"
        f" {HALVES} half lines; then newcomers from elsewhere, and a member with a ticket",
        _crowd_out,
        limit=120.0,
    ),
)
