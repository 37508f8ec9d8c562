"""People without the password who only ask: for offers of the exchange that proves it, and about names."""

from __future__ import annotations

import itertools
import os
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from e2e.running import PASSWORD, PATIENCE, conversation
from prove.apart import Signal, apart
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.load import require_calm, scene
from prove.rogue import NotAnswered, Rogue, paced

from sockatuh.protocol import messages as m
from sockatuh.protocol.server.limits import Limits

LIMITS: Final = Limits()
HOSTS: Final = 60
A_HOST: Final = 20
"""Sessions of one address: as many handshakes as it may make at once."""
HANDSHAKES_A_SECOND: Final = 300
ON_AND_ON: Final = 2_000
"""Requests a second, once every session has had its offer."""
SECONDS: Final = 4.0
LONG: Final = 30.0
SESSION: Final = 10 / 1024
"""MiB of one session: all that there can be are what a server may grow by."""
IN_TIME: Final = 2.0
"""Seconds in which a newcomer is in meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many sessions asked how often, and how many offers each of them got at most, how many of them none."""

    sessions: int
    requests: int
    most_offers: int
    without: int


def ask_for_offers(signal: Signal, port: int, seconds: float) -> Asked:
    """Open sessions, let them all ask for an offer at once, and then again and again, with names in turn."""
    rogues = []
    for number in range(HOSTS * A_HOST):
        rogue = Rogue(port, os.urandom(32), host=f"127.0.20.{number % HOSTS + 1}")
        try:
            rogue.shake()
            rogue.send(m.Ping(bytes(8)))
            rogues.append(rogue)
        except NotAnswered:
            rogue.close()
        time.sleep(1 / HANDSHAKES_A_SECOND)
    shares: defaultdict[int, set[bytes]] = defaultdict(set)

    def hear(number: int) -> None:
        for message in rogues[number].hear():
            if isinstance(message, m.Answer) and isinstance(message.body, m.NameValid):
                shares[number].add(message.body.share)

    signal.begin()
    for rogue in rogues:
        rogue.send(m.Call(1, m.Join("asker", b"", None)))
    calls = [1] * len(rogues)
    turns = itertools.cycle(range(len(rogues)))
    for count, number in zip(paced(ON_AND_ON, seconds), turns, strict=False):
        hear(number)
        calls[number] += 1
        name = f"asker {calls[number]}"
        rogues[number].send(m.Call(calls[number], m.Join(name, None if count % 2 else b"", None)))
    for number, rogue in enumerate(rogues):
        hear(number)
        rogue.close()
    most = max(map(len, shares.values()), default=0)
    return Asked(len(rogues), sum(calls), most, len(rogues) - len(shares))


async def _ask(run: Run) -> Found:
    seconds = LONG if run.long else SECONDS
    async with scene(run.directory) as found:
        async with apart(ask_for_offers, found.server.port, seconds) as askers:
            await askers.begun()
            harm = await found.suffer(1.0)
            began_at = time.monotonic()
            async with conversation("newcomer", found.server.port, found.server.key) as talk:
                await talk.open(PATIENCE)
                await talk.join("newcomer", PASSWORD, PATIENCE)
                took = time.monotonic() - began_at
            later = await found.suffer(seconds - 1.0)
            asked: Asked = await askers.report()
        require(asked.most_offers == 1, f"a session got {asked.most_offers} offers")
        require(asked.sessions > HOSTS * A_HOST / 2, f"there were only {asked.sessions} sessions")
        require(not found.server.events("password_refused"), "an offer counts as a try")
        for each in (harm, later):
            require_calm(each, f"{asked.sessions} sessions that ask for offers", LIMITS.sessions * SESSION)
        require_in_time(took < IN_TIME, f"a newcomer took {took:.1f} s")
    return Found(
        f"{asked.sessions:,} sessions of {HOSTS} addresses, {asked.requests:,} requests",
        f"{asked.most_offers} offer for each session, {asked.without} heard of none; members' {harm}, and {later} when"
        f" each has its offer; a newcomer was in after {took:.2f} s; no try is counted",
    )


ATTACKS: Final = (
    Attack(
        "offers-flood",
        "Asking for what proves the password costs the server one offer a session, and delays nobody",
        f"{HOSTS * A_HOST:,} sessions of {HOSTS} addresses ask for an offer at once, and then {ON_AND_ON:,} times/s"
        " again and about names, while members talk and a newcomer joins",
        _ask,
        limit=150.0,
    ),
)
