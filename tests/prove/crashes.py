"""Attacks on the server's process: killed again and again, stopped in the middle of a word, started twice."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from e2e.running import Room, ServerProcess, hash_password
from prove.attack import Attack, Found, Late, Run, require
from prove.tireless import (
    FROM_ONE_ADDRESS,
    Tireless,
    check,
    comings_and_goings,
    hush,
    open_sessions,
    set_off,
    tireless,
    until,
)

MEMBERS: Final = 20
KILLS: Final = 100
STOPS: Final = 12
BACK_WITHIN: Final = 3.0
"""Seconds after the server's return in which everybody is back."""
STARTING: Final = 0.7
"""Seconds about which a server needs to start."""


@dataclass(slots=True)
class Toll:
    """What the lives of a server came to: how long each return took everybody, each start and each stop; in seconds."""

    backs: list[float] = field(default_factory=list)
    lives: int = 0
    starts: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)


class Mortal:
    """A server that dies, and members who do not mind."""

    def __init__(self, server: ServerProcess, room: Room, members: Sequence[Tireless], dice: random.Random) -> None:
        self.toll = Toll()
        self._server, self._room, self._members, self._dice = server, room, members, dice

    async def live(self) -> None:
        """Begin a life, and see that everybody is back in time and no session of a dead life is open."""
        began_at = await self.begin()
        ready_at = time.monotonic()
        await until(self._members, lambda: self._are_back(began_at), "not everybody was back", BACK_WITHIN, Late)
        self.toll.lives += 1
        self.toll.backs += [max(0.0, member.back_at - ready_at) for member in self._members]
        names = sorted(member.name for member in self._members)
        complaint = "sessions of dead servers are open"
        await until(self._members, lambda: open_sessions(self._room) == names, complaint, 2.0, Late)

    async def begin(self) -> float:
        """Begin a life; return when, in monotonic seconds."""
        began_at = time.monotonic()
        await self._server.start()
        self.toll.starts.append(time.monotonic() - began_at)
        return began_at

    async def die(self, after: float, number: int = signal.SIGKILL) -> int:
        """End the server by a signal after so many seconds; return its exit code."""
        await asyncio.sleep(after)
        return await self._server.end(number)

    async def die_starting(self, number: int = signal.SIGKILL) -> int:
        """Begin a life and end it before it is complete, or just when it is."""
        self._server.launch()
        return await self.die(self._dice.uniform(0.0, STARTING), number)

    def _are_back(self, began_at: float) -> bool:
        return all(member.back_at > began_at for member in self._members)


async def kill_it(run: Run) -> Found:
    """Kill the server again and again: while it starts, as soon as it has, and in full talk."""
    dice, kills = run.dice, KILLS * (10 if run.long else 1)
    room = Room(run.directory, hash_password())
    async with room.serve(**FROM_ONE_ADDRESS) as server, tireless(room, server.key, MEMBERS) as members:
        before = comings_and_goings(room)
        set_off(members)
        mortal = Mortal(server, room, members, dice)
        await mortal.die(0.5)
        for _ in range(kills - 1):
            await _live_and_die(mortal, dice)
        await mortal.live()
        await hush(members)
        lines = check(room, members)
        require(comings_and_goings(room) == before, "somebody came or went")
        check_said(server)
    require(not open_sessions(room), "a session is open after a clean stop")
    return Found(
        f"{kills} kills, {lines} lines by {MEMBERS} members",
        f"0 lost, 0 doubled, 1 order; everybody back after {_spread(mortal.toll.backs)} ({mortal.toll.lives} returns)",
    )


async def _live_and_die(mortal: Mortal, dice: random.Random) -> None:
    match dice.random():
        case chance if chance < 0.3:
            await mortal.die_starting()
        case chance if chance < 0.6:
            await mortal.begin()
            await mortal.die(dice.uniform(0.0, 0.5))
        case _:
            await mortal.live()
            await mortal.die(dice.uniform(0.0, 0.2))


async def stop_it(run: Run) -> Found:
    """Stop the server in full talk: once, twice at once, while it starts; and start a second one beside it."""
    dice, stops = run.dice, STOPS * (10 if run.long else 1)
    room = Room(run.directory, hash_password())
    async with room.serve(**FROM_ONE_ADDRESS) as server, tireless(room, server.key, MEMBERS) as members:
        before = comings_and_goings(room)
        set_off(members)
        mortal = Mortal(server, room, members, dice)
        for number in range(stops):
            await asyncio.sleep(dice.uniform(0.1, 0.6))
            await _stop(mortal, server, twice=number % 3 == 1)
            if number % 3 == 2:
                code = await mortal.die_starting(signal.SIGTERM)
                require(code in (0, -signal.SIGTERM), f"it ended with {code} when it was stopped while it started")
            await mortal.live()
        await _serve_beside(room)
        await hush(members)
        lines = check(room, members)
        require(comings_and_goings(room) == before, "somebody came or went")
        check_said(server)
    require(not open_sessions(room), "a session is open after a clean stop")
    return Found(
        f"{stops} stops, {lines} lines by {MEMBERS} members",
        f"0 lost, 0 doubled, 1 order; stopped after {_spread(mortal.toll.stops)}, everybody back after "
        f"{_spread(mortal.toll.backs)}; a second server is refused with exit code 1",
    )


async def _stop(mortal: Mortal, server: ServerProcess, *, twice: bool) -> None:
    """End the server with SIGTERM, and hold it to ending well."""
    began_at = time.monotonic()
    ending = asyncio.create_task(mortal.die(0.0, signal.SIGTERM))
    if twice:
        await asyncio.sleep(0.005)
        with suppress(ProcessLookupError):
            server.send(signal.SIGTERM)
    code = await ending
    mortal.toll.stops.append(time.monotonic() - began_at)
    require(code == 0, f"it ended with {code} on SIGTERM")
    require(server.logged[-1]["event"] == "server_stopped", f"its last words were {server.logged[-1]}")


async def _serve_beside(room: Room) -> None:
    """Start a second server on the room's directory, at another port, and hold it to saying in a line why not."""
    other = ServerProcess(room.configure(port=0), room.environ)
    code = await asyncio.to_thread(other.run)
    refused = "another sockatuh serves this room already" in other.said[0]
    require(code == 1 and refused and len(other.said) == 1 and not other.logged, f"a second server said {other.said}")


def check_said(server: ServerProcess) -> None:
    """Hold the server to having said nothing but where the room is, and to having logged no failure."""
    invited = [line for line in server.said if "sockatuh://" in line]
    strange = [line for line in server.said if "Traceback" in line or "Error" in line]
    require(bool(invited) and not strange, f"it said: {strange[:3]}")
    troubled = [line for line in server.logged if line.get("level") in ("warning", "error")]
    troubled = [line for line in troubled if line["event"] != "receive_buffer_small"]
    require(not troubled, f"it logged: {troubled[:3]}")


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"max {ordered[-1]:.1f} s, p99 {ordered[int(0.99 * (len(ordered) - 1))]:.1f} s"


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "kill-server",
        "Crashes: every acknowledged message is in the log exactly once and reaches everybody exactly once",
        f"kill -9 of the server {KILLS} times in a row, during its start, right after it and under load, with "
        f"{MEMBERS} clients that send all the time and know no password",
        kill_it,
        limit=300.0,
    ),
    Attack(
        "stop-server",
        "Crashes: a server that is stopped has stored what it acknowledged, and receives the rest again once it is "
        "back",
        f"SIGTERM {STOPS} times under load from {MEMBERS} clients: single, double and during its start; a second "
        "server on the same directory",
        stop_it,
        limit=120.0,
    ),
)
