"""Attacks on what takes time for granted: a wall clock that jumps under server and clients, processes that stand still.

libfaketime changes the wall clock of one process, by a file that it reads each time; nobody else's.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from e2e.running import Room, ServerProcess, hash_password
from prove.attack import Attack, Found, Missing, Run, require
from prove.crashes import check_said
from prove.programs import Program
from prove.tireless import FROM_ONE_ADDRESS, Tireless, check, hush, set_off, tireless, until

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
JUMPS: Final = (HOUR, 0, -HOUR, 0, -DAY, 0, HOUR, -DAY, 400 * DAY, 0)
"""Seconds by which a clock is off, one after the other."""
MEMBERS: Final = 8
PROGRAMS: Final = 3
BETWEEN: Final = 1.2
"""Seconds between two jumps, in which everybody talks."""
STANDSTILL: Final = 5.0
AT_LEAST: Final = 0.3
"""Seconds that a boot lasts once everybody is back."""
RETENTION: Final = 1_800


class FakeTime:
    """The wall clock of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.off(0)

    def off(self, seconds: float) -> None:
        """Let the clock be off by so many seconds."""
        beside = self._path.with_suffix(".new")
        beside.write_text(f"{seconds:+.0f}\n")
        beside.replace(self._path)

    def environ(self, library: str) -> dict[str, str]:
        """Return the environment that puts it in front of a process."""
        switches = ("FAKETIME_NO_CACHE", "DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT")
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self._path)} | dict.fromkeys(switches, "1")


def find_library() -> str:
    """Return what is to be preloaded; Missing if this machine does not have it."""
    try:
        found = subprocess.run(
            ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing("libfaketime: apt-get install faketime") from error
    return found.stdout.strip()


class Hours:
    """A room in which time goes wrong: members that talk all the time, and programs with clocks of their own."""

    def __init__(self, room: Room, server: ServerProcess, clock: FakeTime, members: Sequence[Tireless]) -> None:
        self.room, self.server, self.clock, self.members = room, server, clock, members
        self.programs: list[Program] = []
        self.clocks: list[FakeTime] = []
        self.lasting = 0
        """Sessions that were open when the clocks began to jump."""

    async def inherit(self) -> None:
        """Have the server begin anew: what its predecessor wrote could be old, for all that it knows."""
        set_off(self.members)
        await asyncio.sleep(BETWEEN)
        await hush(self.members)
        await self.server.end()
        await self.server.start()
        await until(self.members, lambda: all(member.losses == 1 for member in self.members), "not all came back")

    async def let_in(self, directory: Path, library: str) -> None:
        """Let the programs in."""
        for number in range(PROGRAMS):
            self.clocks.append(clock := FakeTime(directory / f"p{number}.time"))
            program = Program(directory / f"p{number}", self.room.port, f"p{number}", clock.environ(library))
            await program.start()
            self.programs.append(program)
        await asyncio.sleep(BETWEEN)  # until the members are back as well, and the log says so
        self.lasting = len(self.server.events("session_opened"))

    async def jump(self, turn: int, jumps: Sequence[float], settings: Mapping[str, object]) -> None:
        """Set all clocks, each to another time, have the server prune by its own, and let everybody talk."""
        for place, clock in enumerate([self.clock, *self.clocks]):
            clock.off(jumps[turn - place])
        self.room.configure(**dict(settings) | {"message_retention": f"{RETENTION - turn - 1}s"})
        self.server.send(signal.SIGHUP)
        for program in self.programs:
            program.say(f"{program.name} at {turn}")
        await asyncio.sleep(BETWEEN)

    async def stand_still(self) -> None:
        """Stop a client, then the server, for some seconds each, as a suspend does."""
        for stop in (self.programs[0].send, self.server.send):
            stop(signal.SIGSTOP)
            await asyncio.sleep(STANDSTILL)
            stop(signal.SIGCONT)

    async def check(self) -> int:
        """Hold the room to its promise; return how many lines there are."""
        for program in self.programs:
            await program.answered()
        for member in self.members:
            member.is_silent = True
        theirs = [text for program in self.programs for text in program.said.values()]
        said = sum(len(member.said) for member in self.members) + len(theirs)
        await until(self.members, lambda: all(len(each.heard) >= said for each in self.members), "lines are missing")
        await hush(self.members)
        opened = len(self.server.events("session_opened")) - self.lasting
        require(not opened, f"{opened} sessions did not last")
        require(sum(member.losses for member in self.members) == len(self.members), "somebody lost contact")
        require(not any(each.notices("contact_lost") for each in self.programs), "a program lost contact")
        check_said(self.server)
        return check(self.room, self.members, theirs)


async def jump(run: Run) -> Found:
    """Let the clocks of a server and its clients jump about while everybody talks, and prune meanwhile."""
    library, jumps = find_library(), JUMPS * (10 if run.long else 1)
    clock = FakeTime(run.directory / "server.time")
    room = Room(run.directory, hash_password(), environ=clock.environ(library))
    settings = {"message_retention": f"{RETENTION}s", "name_ownership": "1h"} | FROM_ONE_ADDRESS
    async with room.serve(**settings) as server, tireless(room, server.key, MEMBERS) as members:
        hours = Hours(room, server, clock, members)
        await hours.inherit()
        await hours.let_in(run.directory, library)
        set_off(members)
        for turn in range(len(jumps)):
            await hours.jump(turn, jumps, settings)
        await hours.stand_still()
        lines = await hours.check()
        back = jumped_back(room)
        require(back > 0, "no entry bears a time before the one above it: the clock did not jump")
        for program in hours.programs:
            require(await program.end(signal.SIGTERM) == 0, f"{program.name} did not end well: {program.told[-3:]}")
    return Found(
        f"{len(jumps)} jumps of each of {1 + PROGRAMS} clocks, {lines} lines by {MEMBERS + PROGRAMS} members",
        f"0 lost, 0 doubled, 1 order (the log's times went back {back} times); no session ended, no line was pruned",
    )


def jumped_back(room: Room) -> int:
    """Count the entries that bear an earlier time than the one before them."""
    with closing(sqlite3.connect(f"file:{room.state_dir}/room.db?mode=ro", uri=True)) as connection:
        stamps = [at for (at,) in connection.execute("SELECT at FROM log ORDER BY seq")]
    return sum(later < earlier for earlier, later in pairwise(stamps))


async def boot_long_ago(run: Run) -> Found:
    """Boot in another year again and again, and be set right; everybody comes back with a ticket."""
    library = find_library()
    servers = FakeTime(run.directory / "server.time")
    room = Room(run.directory, hash_password(), environ=servers.environ(library))
    boots = [_long_ago(1970), -20 * DAY, 0, DAY, _long_ago(1970), 6 * DAY, 13 * DAY]
    async with room.serve(**FROM_ONE_ADDRESS) as server, tireless(room, server.key, MEMBERS) as members:
        set_off(members)
        for number, off in enumerate(boots, start=1):
            await server.end()
            servers.off(off)
            await server.start()
            await until(members, partial(_were_back, members, number), "not all came back")
            await asyncio.sleep(AT_LEAST)
        await hush(members)
        lines = check(room, members)
    return Found(f"{len(boots)} boots in other years, {lines} lines by {MEMBERS} members", "everybody back by ticket")


def _were_back(members: Sequence[Tireless], times: int) -> bool:
    return all(member.returns >= times for member in members)


def _long_ago(year: int) -> float:
    return datetime(year, 1, 2, tzinfo=UTC).timestamp() - datetime.now(UTC).timestamp()


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "clock-jumps",
        "Time: a wall clock that jumps, or a process that stands still, changes no order and ends no session",
        f"the clocks of a server and {PROGRAMS} programs jump by 1 hour, 1 day and 400 days to and fro in full talk, "
        f"while what is older than {RETENTION // 60} minutes is pruned; a client and the server stand still for "
        f"{STANDSTILL:.0f} s each",
        jump,
    ),
    Attack(
        "clock-boots",
        "Time: a server that boots in the wrong year throws nobody out",
        "boots in 1970, 20 days ago, and weeks ahead, in turn with the right time, under clients that know no password",
        boot_long_ago,
    ),
)
