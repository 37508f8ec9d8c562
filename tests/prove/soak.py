"""An hour of ordinary life: people come, talk, sleep and go, and the server's memory does not grow."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from contextlib import AsyncExitStack
from typing import Final

from e2e.running import Member, Room, ServerProcess, hash_password, joined
from prove.attack import Attack, Found, Pace, Run, require
from prove.load import memory

MEMBERS: Final = 30
VISITS: Final = 4
"""People who come and go in each round."""
ROUND: Final = 5.0
"""Seconds between two looks at the server's memory."""
SHORT, LONG = 30.0, 3_600.0
SLOPE: Final = 1.0
"""MiB an hour the memory may grow by, once it has settled."""


async def _soak(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    seconds, dice = (LONG if run.long else SHORT), run.dice
    async with room.serve() as server, AsyncExitStack() as stack:
        members = [await stack.enter_async_context(joined(f"m{i}", server.port, server.key)) for i in range(MEMBERS)]
        sizes: list[tuple[float, float]] = []
        visitors = 0
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            began = time.monotonic()
            await _round(dice, members, server, visitors)
            visitors += VISITS
            sizes.append((time.monotonic(), memory(server)))
            await asyncio.sleep(max(0.0, ROUND - (time.monotonic() - began)))
        for member in members:
            await member.until(member.is_answered)
        head = max(seq for member in members for seq in member.stored.values())
        for member in members:
            await member.has_seen(head)
            require(member.seqs == list(range(member.seqs[0], member.seqs[-1] + 1)), f"{member.name} missed something")
        return _judge(run, sizes, lines=sum(len(member.said) for member in members), visitors=visitors)


async def _round(dice: random.Random, members: list[Member], server: ServerProcess, visitors: int) -> None:
    """Let everybody say something, of very different lengths, while some come and go."""
    for member in members:
        member.say("x" * dice.choice([5, 40, 100, 400, 4_000]))
    for number in range(visitors, visitors + VISITS):
        async with joined(f"visitor {number % 40}", server.port, server.key) as visitor:
            visitor.say("good day")
            await visitor.until(visitor.is_answered)


def _judge(run: Run, sizes: list[tuple[float, float]], lines: int, visitors: int) -> Found:
    settled = sizes[len(sizes) // 3 :]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope * 3_600
    size = f"RSS {settled[0][1]:.1f} to {settled[-1][1]:.1f} MiB"
    count = f"{MEMBERS} members, {lines} lines, {visitors} visits in {sizes[-1][0] - sizes[0][0]:.0f} s"
    if not run.long:  # half a minute is too short to tell a slope from what the allocator keeps for later
        return Found(count, f"nothing missed; {size}")
    require(slope <= SLOPE, f"the server grows by {slope:.1f} MiB an hour")
    return Found(count, f"nothing missed; {size}, {slope:+.2f} MiB an hour")


ATTACKS: Final = (
    Attack(
        "soak",
        "A server runs for years without growing",
        "an hour (without --long half a minute) of lines of all lengths, of people who come and go",
        _soak,
        limit=120.0,
        pace=Pace.PATIENT,
    ),
)
