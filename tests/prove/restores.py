"""Attacks on a room that was put back: under members who have read further, and under readers who want no history."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.relay import Relay, as_it_is, relay_to
from e2e.running import Member, Room, ServerProcess, hash_password, joined
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.backups import begin, messages, sockatuh
from prove.programs import Program

from sockatuh.protocol.client import events as e
from sockatuh.protocol.messages import MESSAGE

KILLS: Final = 6
LINES: Final = 40
GROWTH: Final = 20
WOKEN_WITHIN: Final = 5.0
"""Seconds from the start of a server to the return of everybody who was connected to the one that was killed."""


@dataclass(slots=True)
class House:
    """A room with members and readers, of whom some have a network that can be cut, and its backups."""

    room: Room
    server: ServerProcess
    relay: Relay
    ana: Member
    budi: Member
    members: Sequence[Member]
    programs: Sequence[Program]

    @property
    def config(self) -> list[str]:
        return ["--config", str(self.room.directory / "sockatuh.toml")]

    @property
    def database(self) -> Path:
        return self.room.state_dir / "room.db"

    @property
    def awake(self) -> list[Program]:
        """The programs whose network is not cut, and which tell what happens to them."""
        return [each for each in self.programs if each.port == self.room.port and "--json" in each.command]

    def cut(self) -> None:
        """Cut the network of those behind the relay."""
        self.relay.change_up = self.relay.change_down = lambda _: None

    def mend(self) -> None:
        """Mend it."""
        self.relay.change_up = self.relay.change_down = as_it_is

    async def say(self, member: Member, count: int) -> None:
        """Say lines until they are stored."""
        for _ in range(count):
            member.say(f"line {len(member.said)}")
        await member.until(member.is_answered)

    async def back_up(self, file: str) -> None:
        """Make a backup."""
        code, said = await sockatuh("backup", file, "--force", *self.config)
        require(code == 0, f"`sockatuh backup` ended with {code}: {said}")

    async def restore(self, file: str) -> int:
        """Put a backup back; return how many lines are gone."""
        before = len(messages(self.database))
        code, said = await sockatuh("restore", file, *self.config)
        require(code == 0, f"`sockatuh restore` ended with {code}: {said}")
        return before - len(messages(self.database))

    async def come_back(self, member: Member) -> e.Admitted:
        """Let a member come back and read everything; return how it was let in."""
        before = len(member.all(e.Admitted))
        await self.say(member, 1)
        await member.until(lambda: len(member.all(e.Admitted)) > before)
        await member.has_seen(max(messages(self.database)))
        return member.all(e.Admitted)[-1]

    async def check(self) -> None:
        """Hold what everybody was shown against the log."""
        log = messages(self.database)
        for member in self.members:
            await member.has_seen(max(log))
            _check_member(member, log)
        for program in self.programs:
            await program.until(_has_everything(program, log), "a kept line was never shown")
            _check_program(program, log)


def _check_member(member: Member, log: dict[int, str]) -> None:
    told = [place for place, event in enumerate(member.events) if isinstance(event, e.Admitted) and event.rewound]
    require(bool(told), f"{member.name} was not told that the log was set back")
    shown = [
        (place, event.entry.seq, f"{event.entry.name}: {event.entry.text}")
        for place, event in enumerate(member.events)
        if isinstance(event, e.EntryArrived) and event.entry.kind == MESSAGE
    ]
    wrong = [seq for place, seq, line in shown if place > told[-1] and log.get(seq) != line]
    require(not wrong, f"{member.name} was shown wrong lines")
    never = log.items() - {(seq, line) for _, seq, line in shown}
    require(not never, f"{len(never)} of {len(log)} lines that are kept were never shown to {member.name}")
    require(not member.all(e.EntriesGone), f"{member.name} was told that lines are gone which are kept")


def _has_everything(program: Program, log: dict[int, str]) -> Callable[[], bool]:
    """Return whether a program has shown every line that is kept, at its place where it tells places."""
    if "--json" in program.command:
        return lambda: log.items() <= {(each["seq"], _as_logged(each)) for each in program.of("message")}
    said = [line.split(": ", 1) for line in log.values()]
    return lambda: all(any(_shows(line, *each) for line in program.printed) for each in said)


def _as_logged(message: dict[str, Any]) -> str:
    return f"{message['from']}: {message['text']}"


def _shows(line: str, name: str, text: str) -> bool:
    return name in line and line.endswith(f" {text}")


def _check_program(program: Program, log: dict[int, str]) -> None:
    if "--json" not in program.command:
        return
    told = [place for place, each in enumerate(program.objects) if each.get("code") == "rewound"]
    require(bool(told), f"{program.name} was not told that the log was set back")
    require(not program.notices("gone"), f"{program.name} was told that lines are gone which are kept")
    since = [each for each in program.objects[told[-1] :] if each["type"] == "message"]
    wrong = [each["seq"] for each in since if log.get(each["seq"]) != _as_logged(each)]
    require(not wrong, f"{program.name} was shown wrong lines")


async def _restore_under_members(run: Run) -> Found:
    room, file = Room(run.directory, hash_password()), str(run.directory / "room.backup")
    rates = {"limits.lines_burst": 1000, "limits.handshakes_burst": 1000, "limits.handshakes_per_address": 1000}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(log_level="warning", **rates))
        relay = await stack.enter_async_context(relay_to(room.port))
        ports = {"ana": room.port, "budi": relay.port, "reader": room.port, "dozer": relay.port}
        members = [
            await stack.enter_async_context(joined(each, at, server.key, history=0)) for each, at in ports.items()
        ]
        programs = [
            Program(run.directory / f"p{number}", port, f"p{number}", command=command)
            for number, (port, command) in enumerate(
                (port, command)
                for port in (room.port, relay.port)
                for command in (("tail", "--json"), ("chat", "--json"), ("tail",))
            )
        ]
        for program in programs:
            stack.push_async_callback(_end, program)
        await asyncio.gather(*(program.start() for program in programs))
        ana, budi = members[:2]
        house = House(room, server, relay, ana, budi, members, programs)
        await _wait_for_plain_programs(house)
        gone, kills = await _stop_and_restore(run, house, file)
        woken = await _kill_and_restore(house, file)
        log = list(messages(house.database).values())
        require(len(set(log)) == len(log), "a line is in the log twice")
    return Found(
        f"2 restores under {len(members)} members and {len(programs)} programs, most without history, {gone} and "
        f"{LINES} lines older than the room; {kills} restores killed",
        f"all told, every kept line shown to everybody, 0 wrong, 0 doubled, no password asked; after a kill all are "
        f"back {woken:.1f} s after the start, without a word",
    )


async def _end(program: Program) -> None:
    with contextlib.suppress(AssertionError):  # it was never started
        await program.end(signal.SIGKILL)


async def _wait_for_plain_programs(house: House) -> None:
    """Wait until those who do not say that they are in are listed among those who are here."""
    plain = {each.name for each in house.programs if "--json" not in each.command}
    here: set[str] = set()
    while not plain <= here:
        house.ana.conversation.ask_who("")
        before = len(house.ana.all(e.MembersListed))
        await house.ana.until(lambda: len(house.ana.all(e.MembersListed)) > before)  # noqa: B023 (awaited at once)
        here = {member.name for member in house.ana.all(e.MembersListed)[-1].members}
        await asyncio.sleep(0.1)


async def _stop_and_restore(run: Run, house: House, file: str) -> tuple[int, int]:
    """Put a backup back after a stop in order; one comes when the numbers that were lost are in use again."""
    ana, budi, server = house.ana, house.budi, house.server
    await house.say(ana, LINES)
    await house.back_up(file)
    await house.say(ana, LINES)
    await house.say(budi, LINES)
    await budi.has_seen(max(ana.stored.values()))
    before = messages(house.database)
    code, said = await sockatuh("restore", file, *house.config)
    require(code == 1 and "stop" in said, f"`sockatuh restore` under a running server: {code}, {said}")
    house.cut()
    await server.end()
    kills = await _kill_half_way(run, house, file, before)
    await house.restore(file)
    gone = len(before) - len(messages(house.database))
    require(gone == 2 * LINES, f"{gone} lines are gone, of {2 * LINES} said after the backup")
    await server.start()
    require((await house.come_back(ana)).rewound, "who stayed in contact was not told")
    await house.say(ana, 2 * LINES + GROWTH)
    house.mend()
    require((await house.come_back(budi)).rewound, "who came when the numbers were in use again was not told")
    await house.check()
    for member in house.members:
        require(member.all(e.Connected)[-1].resumed, f"{member.name} had to give the password")
    return gone, kills


async def _kill_and_restore(house: House, file: str) -> float:
    """Put a backup back after a kill; return after how many seconds all who were connected are back, unasked."""
    await house.say(house.ana, LINES)
    await house.back_up(file)
    await house.say(house.budi, LINES)
    house.cut()
    in_contact = [each for each in house.members if each.conversation.options.port == house.room.port]
    times = {each.name: len(each.all(e.Admitted)) for each in in_contact}
    told = {each.name: len(each.notices("rewound")) for each in house.awake}
    await house.server.kill()
    gone = await house.restore(file)
    require(gone == LINES, f"{gone} lines are gone, of {LINES} said after the backup")
    await house.server.start()
    began_at = time.monotonic()
    for member in in_contact:
        await member.until(lambda: len(member.all(e.Admitted)) > times[member.name])  # noqa: B023 (awaited at once)
    for program in house.awake:
        await program.until(
            lambda: len(program.notices("rewound")) > told[program.name],  # noqa: B023 (awaited at once)
            "it was not woken",
        )
    woken = time.monotonic() - began_at
    require_in_time(woken < WOKEN_WITHIN, f"who was connected is back after {woken:.1f} s")
    await house.say(house.ana, LINES + GROWTH)
    house.mend()
    await house.check()
    return woken


async def _kill_half_way(run: Run, house: House, file: str, before: dict[int, str]) -> int:
    """Kill `restore` at any moment: the room is the one before or the one restored, and the one before is kept."""
    dice, kills = run.dice, KILLS * (10 if run.long else 1)
    began = time.monotonic()
    await sockatuh("restore", file, *house.config)
    usual, restored = time.monotonic() - began, messages(house.database)
    for _ in range(kills):
        process = await begin("restore", file, *house.config)
        await asyncio.sleep(dice.uniform(0.2, 1.0) * usual)
        if process.returncode is None:
            process.kill()
        await process.communicate()
        if house.database.exists():
            require(messages(house.database) in (before, restored), "a restore that was killed left half a room")
        aside = house.room.state_dir.glob("room.db.before-*Z")
        require(any(messages(path) == before for path in aside), "what was there before the restore is gone")
    return kills


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "restore",
        "After `sockatuh restore` a returning client is told, is shown every line that is kept, with or without "
        "history, and no line is mistaken for another.",
        f"a backup {2 * LINES} lines old is put back after a stop ({KILLS} tries killed half-way), and one after "
        "`kill -9`; members, `tail`, `chat --json` and pipes stay, or return once the lost numbers are in use again",
        _restore_under_members,
        limit=300.0,
    ),
)
