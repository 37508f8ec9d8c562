"""Attacks on what takes time for granted: a wall clock that jumps under server and clients, processes that stand still.

libfaketime changes the wall clock of one process, by a file that it reads each time; nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from e2e.running import PASSWORD, Room, ServerProcess, hash_password
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
OTHER_PASSWORD: Final = "rain-ladle-seventeen"


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
    """Boot in another year again and again, and be set right; everybody comes back, also who slept meanwhile."""
    library = find_library()
    servers = FakeTime(run.directory / "server.time")
    room = Room(run.directory, hash_password(), environ=servers.environ(library))
    file = run.directory / "password"
    file.write_text(f"{PASSWORD}\n")
    async with room.serve(**FROM_ONE_ADDRESS) as server:
        async with tireless(room, server.key, MEMBERS) as members, _programs(run, room, file) as programs:
            set_off(members)
            for number, off in enumerate(WRONG_BOOTS, start=1):
                sleeping = number in BOOTS_SLEPT_THROUGH
                for program in programs:
                    program.send(signal.SIGSTOP if sleeping else signal.SIGCONT)
                await server.end()
                servers.off(off)
                await server.start()
                await until(members, partial(_were_back, members, number), "not all came back")
                for program in () if sleeping else programs:
                    await _has_contact(program, f"after boot {number}")
                await asyncio.sleep(AT_LEAST)
            await hush(members)
            lines = check(room, members, [text for program in programs for text in program.said.values()])
            for program in programs:
                require(await program.end(signal.SIGTERM) == 0, f"{program.name} did not end well: {program.told[-3:]}")
                await program.start(with_password=False)  # it was away for as long: by its ticket, or its file
        changed = await _change_password(room, server, programs[0], file)
    return Found(
        f"{len(WRONG_BOOTS)} boots in other years, {lines} lines by {MEMBERS} members, {len(programs)} programs that"
        f" slept through {len(BOOTS_SLEPT_THROUGH)} of them",
        f"everybody back by ticket; after the password and its file were changed a program was back in {changed:.1f} s",
    )


@contextlib.asynccontextmanager
async def _programs(run: Run, room: Room, file: Path) -> AsyncIterator[list[Program]]:
    """Let two programs in, of which only the first knows a password file when it comes again."""
    programs = [
        Program(run.directory / "filed", room.port, "filed", {"SOCKATUH_PASSWORD_FILE": str(file)}),
        Program(run.directory / "ticketed", room.port, "ticketed"),
    ]
    for program in programs:
        await program.start()
        require(await program.end(signal.SIGTERM) == 0, f"{program.name} did not end well: {program.told[-3:]}")
        await program.start(with_password=False)
    try:
        yield programs
    finally:
        for program in programs:
            program.send(signal.SIGCONT)
            program.send(signal.SIGKILL)


async def _has_contact(program: Program, when: str) -> None:
    """Wait until what a program says now is stored."""
    program.say(f"{program.name} {when}")
    await program.answered()


async def _change_password(room: Room, server: ServerProcess, program: Program, file: Path) -> float:
    """Change the room's password and the program's file, and return in how many seconds it is back."""
    await program.start(with_password=False)
    await server.end()
    room.password_hash = hash_password(OTHER_PASSWORD)
    room.configure(**FROM_ONE_ADDRESS)
    file.write_text(f"{OTHER_PASSWORD}\n")
    began_at = asyncio.get_running_loop().time()
    await server.start()
    await _has_contact(program, "after the change")
    require(await program.end(signal.SIGTERM) == 0, f"{program.name} did not end well: {program.told[-3:]}")
    return asyncio.get_running_loop().time() - began_at


def _were_back(members: Sequence[Tireless], times: int) -> bool:
    return all(member.returns >= times for member in members)


def _in(year: int) -> float:
    return datetime(year, 1, 2, tzinfo=UTC).timestamp() - datetime.now(UTC).timestamp()


WRONG_BOOTS: Final = (
    _in(1970), -20 * DAY, 0, DAY, _in(1970), 6 * DAY, 13 * DAY, 0, _in(2030), _in(2037), 0, _in(2036), _in(1971), 0
)  # fmt: skip
"""Seconds by which the clock is off, boot after boot."""
BOOTS_SLEPT_THROUGH: Final = frozenset({1, 2, 9, 10, 12, 13})
"""Those, from 1, that some programs sleep through: two wrong ones in a row, three times."""


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "clock-jumps",
        "Time: a wall clock that jumps, or a process that is suspended, changes no order and ends no session",
        f"the clocks of a server and {PROGRAMS} programs jump back and forth by 1 hour, 1 day and 400 days under load, "
        f"while entries older than {RETENTION // 60} minutes are pruned; a client and the server are suspended for "
        f"{STANDSTILL:.0f} s each",
        jump,
    ),
    Attack(
        "clock-boots",
        "Time: a server that boots in the wrong year disconnects nobody",
        "boots in 1970, 20 days ago, and weeks and years ahead, twice in a row and alternating with the right time, "
        "under members that know no password, programs that sleep meanwhile, and one with a password file that is "
        "changed at the end",
        boot_long_ago,
        limit=400.0,
    ),
)
