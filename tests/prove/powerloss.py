"""Attacks on what the disk remembers: the power fails while members talk, and comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from e2e.relay import Relay, as_it_is, relay_to
from e2e.running import Member, Room, ServerProcess, hash_password, joined
from prove.attack import Attack, Found, Run, require
from prove.disk import Disk

from sockatuh.protocol.client import events as e
from sockatuh.protocol.messages import MESSAGE

TALKERS: Final = 4
UNANSWERED: Final = 8
"""Lines a talker says before it waits for an answer."""
FAILURES: Final = 3
FAILURES_WITH_LOSS: Final = 2
LONG_FAILURES: Final = 40
TALKED: Final = (0.6, 2.0)
"""Seconds after which the power fails."""
AGONY: Final = 0.3
"""Seconds at most that the server goes on with a disk that is gone."""
GROWTH: Final = 20
"""Entries by which the log outgrows the cursor of somebody who is away."""
EVERYTHING: Final = 1_000_000


@dataclass(slots=True)
class Machine:
    """A server on a disk that loses its power, those who talk there, and one whose network fails with it."""

    room: Room
    disk: Disk
    server: ServerProcess
    relay: Relay
    dice: random.Random
    talkers: list[Member] = field(default_factory=list)
    sleepers: list[Member] = field(default_factory=list)

    @property
    def members(self) -> list[Member]:
        return [*self.talkers, *self.sleepers]

    def log(self) -> dict[int, str]:
        """Return what was said and is in the log, by its place."""
        return {line.seq: f"{line.name}: {line.text}" for line in self.room.history.messages(None, None, EVERYTHING)}

    def acknowledged(self) -> list[tuple[int, str]]:
        """Return what the server has said is stored, and where."""
        return [(seq, _line(member, number)) for member in self.members for number, seq in member.stored.items()]

    async def fail(self) -> None:
        """Lose the power in the middle of a conversation, and start the machine again without its server."""
        silence = asyncio.Event()
        async with asyncio.TaskGroup() as talking:
            for talker in self.talkers:
                talking.create_task(_talk(talker, silence))
            await asyncio.sleep(self.dice.uniform(*TALKED))
            self.relay.change_up = self.relay.change_down = lambda _: None
            self.disk.lose_power()
            await asyncio.sleep(self.dice.uniform(0, AGONY))
            silence.set()
        await self.server.kill()
        self.disk.unmount()
        self.disk.mount()

    async def come_back(self) -> None:
        """Start the server; the talkers come back, and when the log has outgrown them those who were away."""
        before = {member.name: len(member.all(e.Admitted)) for member in self.members}
        await self.server.start()
        for talker in self.talkers:
            await self._greet(talker, before[talker.name])
        furthest = max(seq for member in self.members for seq in member.seqs)
        first = self.talkers[0]
        while self.sleepers and max(self.log(), default=0) < furthest + GROWTH:
            for _ in range(UNANSWERED):
                first.say(f"{first.name} says {len(first.said)}")
            await first.until(first.is_answered)
        self.relay.change_up = self.relay.change_down = as_it_is
        for sleeper in self.sleepers:
            await self._greet(sleeper, before[sleeper.name])
        for member in self.members:
            await member.has_seen(max(self.log()))

    async def _greet(self, member: Member, before: int) -> None:
        member.say(f"{member.name} says {len(member.said)}")
        await member.until(lambda: len(member.all(e.Admitted)) > before)
        await member.until(member.is_answered)


def _line(member: Member, number: int) -> str:
    return f"{member.name}: {member.said[number]}"


def _believed(member: Member) -> dict[int, str]:
    """Return what a member takes for the log: all that it was shown since it was last told that it was set back."""
    told = [place for place, event in enumerate(member.events) if isinstance(event, e.Admitted) and event.rewound]
    return {
        event.entry.seq: f"{event.entry.name}: {event.entry.text}"
        for event in member.events[told[-1] if told else 0 :]
        if isinstance(event, e.EntryArrived) and event.entry.kind == MESSAGE
    }


def _shown(member: Member) -> set[tuple[int, str]]:
    """Return every line a member was ever shown, with its place."""
    entries = [event.entry for event in member.all(e.EntryArrived) if event.entry.kind == MESSAGE]
    return {(entry.seq, f"{entry.name}: {entry.text}") for entry in entries}


def _times_told(machine: Machine) -> int:
    return sum(admitted.rewound for member in machine.members for admitted in member.all(e.Admitted))


async def _talk(member: Member, silence: asyncio.Event) -> None:
    """Say one line after the other until there is to be silence."""
    while not silence.is_set():
        member.say(f"{member.name} says {len(member.said)}")
        while len(member.said) - len(member.stored) >= UNANSWERED and not silence.is_set():
            await asyncio.sleep(0.002)
        await asyncio.sleep(0)


@asynccontextmanager
async def _machine(run: Run, synchronous: str, sleepers: int) -> AsyncIterator[Machine]:
    room = Room(run.directory, hash_password())
    disk = Disk(run.directory / "disk.img", room.state_dir)
    disk.mount()
    rates = {"limits.lines_per_second": 10_000, "limits.lines_burst": 10_000}
    async with AsyncExitStack() as stack:
        stack.callback(disk.unmount)
        server = await stack.enter_async_context(room.serve(synchronous=synchronous, log_level="warning", **rates))
        relay = await stack.enter_async_context(relay_to(room.port))
        machine = Machine(room, disk, server, relay, run.dice)
        for count, port, members in ((TALKERS, room.port, machine.talkers), (sleepers, relay.port, machine.sleepers)):
            for number in range(count):
                name = f"{'talker' if members is machine.talkers else 'sleeper'}{number}"
                members.append(await stack.enter_async_context(joined(name, port, server.key, history=0)))
        yield machine


def _check_story(machine: Machine) -> None:
    """Hold every member's story against the log."""
    log = machine.log()
    require(len(set(log.values())) == len(log), "a line is in the log twice")
    for member in machine.members:
        wrong = [seq for seq, line in _believed(member).items() if log.get(seq) != line]
        require(not wrong, f"{member.name} takes {len(wrong)} lines for the log's that are not, and was not told")
        never = log.items() - _shown(member)
        require(not never, f"{len(never)} of {len(log)} lines that are kept were never shown to {member.name}")


async def _with_full(run: Run) -> Found:
    failures = LONG_FAILURES if run.long else FAILURES
    async with _machine(run, "full", sleepers=1) as machine:
        for _ in range(failures):
            await machine.fail()
            kept = machine.log()
            answered = machine.acknowledged()
            missing = [line for seq, line in answered if kept.get(seq) != line]
            require(not missing, f"{len(missing)} of {len(answered)} acknowledged lines are lost, as {missing[:1]}")
            await machine.come_back()
            _check_story(machine)
        said = {_line(member, number) for member in machine.members for number in member.said}
        require(set(machine.log().values()) == said, "the log is not what was said")
        require(not _times_told(machine), "members were told that the log was set back, and it was not")
    return Found(f"{failures} power failures, {len(said)} lines", "0 acknowledged lines lost, 0 doubled, nobody misled")


async def _with_normal(run: Run) -> Found:
    failures = LONG_FAILURES if run.long else FAILURES_WITH_LOSS
    async with _machine(run, "normal", sleepers=1) as machine:
        for _ in range(failures):
            await machine.fail()
            await machine.come_back()
            _check_story(machine)
        log = set(machine.log().values())
        answered = machine.acknowledged()
        lost = sum(line not in log for _, line in answered)
        told = _times_told(machine)
        require(told > 0 or not lost, f"{lost} acknowledged lines are lost, and nobody was told")
    return Found(
        f"{failures} power failures, {len(answered)} lines acknowledged",
        f"{lost} acknowledged lines lost, {told} times a member was told, 0 wrong lines shown",
    )


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "power-full",
        'With `synchronous = "full"` what is acknowledged survives a power failure.',
        f"ext4 in a file is shut down without flushing (EXT4_IOC_SHUTDOWN) while {TALKERS} members talk, "
        f"{FAILURES} times; then the log is compared with what was acknowledged",
        _with_full,
    ),
    Attack(
        "power-normal",
        'With `synchronous = "normal"` a power failure may lose the last lines; clients that had read '
        "them are told, and a returning client is shown every line that is kept.",
        f"the same, {FAILURES_WITH_LOSS} times; a member whose network failed too returns once the lost numbers are in "
        "use again",
        _with_normal,
    ),
)
