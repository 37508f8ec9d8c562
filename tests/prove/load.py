"""What members notice of an attack: how long a line takes, and how much the server occupies.

Those who measure speak at an honest rate, and time each line: from saying it to hearing that it is stored, and to
everybody else's hearing it. The same is measured before the attack, and while it lasts in a second room on the same
machine that nobody attacks: what the machine does to both is no harm of the attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.running import PASSWORD, PATIENCE, Room, ServerProcess, conversation, hash_password
from machine import resident_kib
from prove.attack import Broken, require, require_in_time

from sockatuh.client.session import Conversation
from sockatuh.protocol.client import events as e

SPEAKERS: Final = 4
LINES_A_SECOND: Final = 20
"""Of all speakers together; each may say ten."""
QUIET: Final = 2.0
"""Seconds of measuring before an attack."""
SCHEDULER: Final = 0.025
"""Seconds that a busy machine alone may keep a process waiting: a baseline is taken as no better than this."""
SLOWER: Final = 6.0
"""How many times the baseline members may wait during an attack."""
STARVED: Final = 0.25
"""Share of the time without a core from which on a machine has too much else to do."""
SETTLES: Final = 8.0
"""MiB that an attack may leave behind in the allocator, whatever its length."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long lines took, in seconds: to their sender's acknowledgement, and to everybody else."""

    lines: int
    median: float
    p99: float


@dataclass(frozen=True, slots=True)
class Harm:
    """What members noticed: before an attack, during it, and during it in the room that was left alone."""

    before: Pace
    during: Pace
    elsewhere: Pace
    grown: float
    """MiB by which the server has grown."""
    starved: float
    """Which share of the time the server was ready to run and got no core."""

    @property
    def ratio(self) -> float:
        """How many times longer a line took; what is less than a scheduler's whim does not count."""
        return self.during.p99 / max(self.before.p99, self.elsewhere.p99, SCHEDULER)

    def __str__(self) -> str:
        before, during, elsewhere = (each.p99 * 1000 for each in (self.before, self.during, self.elsewhere))
        return f"p99 {before:.0f} to {during:.0f} ms (next door {elsewhere:.0f}), RSS {self.grown:+.1f} MiB"


class Speaker:
    """A member that says lines and notes when it receives which."""

    def __init__(self, talk: Conversation, name: str) -> None:
        self.name = name
        self.heard: dict[str, float] = {}
        self.said: dict[int, tuple[str, float]] = {}
        self.stored: dict[int, float] = {}
        self._talk = talk
        self._listening = asyncio.create_task(self._listen())

    def say(self, text: str) -> None:
        said_at = time.monotonic()
        self.said[self._talk.say(text)] = text, said_at

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        while True:
            match await self._talk.next_event():
                case e.EntryArrived(entry):
                    self.heard.setdefault(entry.text, time.monotonic())
                case e.LineStored(number):
                    self.stored[number] = time.monotonic()
                case _:
                    pass


class Speakers:
    """Some members of one room."""

    def __init__(self, speakers: Sequence[Speaker]) -> None:
        self._speakers = speakers
        self._turn = 0

    async def measure(self, seconds: float) -> Pace:
        """Talk for so long, and return how long it took; Broken if a line did not get through."""
        began_at, first = time.monotonic(), self._turn
        count = int(seconds * LINES_A_SECOND)
        for number in range(count):
            await asyncio.sleep(began_at + number / LINES_A_SECOND - time.monotonic())
            self._speakers[self._turn % len(self._speakers)].say(f"turn {self._turn}")
            self._turn += 1
        texts = {f"turn {number}" for number in range(first, self._turn)}
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(texts <= each.heard.keys() for each in self._speakers):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            lost = sum(len(texts - each.heard.keys()) for each in self._speakers)
            raise Broken(f"{lost} of {count * len(self._speakers)} lines did not arrive") from None
        times = sorted(self._times(texts))
        return Pace(count, times[len(times) // 2], times[int(len(times) * 0.99)])

    def _times(self, texts: set[str]) -> list[float]:
        times = []
        for speaker in self._speakers:
            for number, (text, said_at) in speaker.said.items():
                if text in texts:
                    times += [each.heard[text] - said_at for each in self._speakers if each is not speaker]
                    times.append(speaker.stored.get(number, speaker.heard[text]) - said_at)
        return times


@contextlib.asynccontextmanager
async def speakers(server: ServerProcess, count: int = SPEAKERS) -> AsyncIterator[Speakers]:
    """Let some members join, and leave at the end."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(count):
            talk = await stack.enter_async_context(conversation(f"speaker {number}", server.port, server.key))
            await talk.open(PATIENCE)
            await talk.join(f"speaker {number}", PASSWORD, PATIENCE)
            found.append(Speaker(talk, f"speaker {number}"))
            stack.push_async_callback(found[-1].close)
        yield Speakers(found)


class Scene:
    """A room to be attacked, and one next door; both with members who talk."""

    def __init__(self, server: ServerProcess, here: Speakers, there: Speakers) -> None:
        self.server = server
        self.before: Pace
        self._here, self._there = here, there
        self._memory = memory(server)

    async def calm_down(self) -> None:
        """Measure how it is without an attack."""
        await self._here.measure(0.2)
        self.before, _ = await asyncio.gather(self._here.measure(QUIET), self._there.measure(QUIET))
        self._memory = memory(self.server)

    async def restart(self) -> None:
        """Start the server again, and wait until everybody is back."""
        await self.server.end()
        await self.server.start()
        await self.calm_down()

    async def suffer(self, seconds: float) -> Harm:
        """Measure for so long, in both rooms at once."""
        began_at, starved = time.monotonic(), seconds_starved(self.server)
        during, elsewhere = await asyncio.gather(self._here.measure(seconds), self._there.measure(seconds))
        starved = (seconds_starved(self.server) - starved) / (time.monotonic() - began_at)
        return Harm(self.before, during, elsewhere, memory(self.server) - self._memory, starved)


@contextlib.asynccontextmanager
async def scene(
    directory: Path,
    prepare: Callable[[Room], None] | None = None,
    *,
    hashed: str | None = None,
    **settings: object,
) -> AsyncIterator[Scene]:
    """Run two rooms and their members; `prepare` may write the log of the first one."""
    hashed = hashed or hash_password()
    rooms = [Room(directory / name, hashed) for name in ("attacked", "next door")]
    for room in rooms:
        room.directory.mkdir()
    if prepare is not None:
        prepare(rooms[0])
    async with (
        rooms[0].serve(**settings) as server,
        rooms[1].serve(**settings) as neighbour,
        speakers(server) as here,
        speakers(neighbour) as there,
    ):
        found = Scene(server, here, there)
        await found.calm_down()
        yield found


def require_calm(harm: Harm, what: str, settles: float = SETTLES) -> None:
    """Raise Late if members waited much longer during an attack than without, Broken if the server has grown (MiB)."""
    require(harm.grown <= settles, f"{what}: {harm}")
    starved = f"; the server got no core for {harm.starved:.0%} of the time" if harm.starved > STARVED else ""
    require_in_time(harm.ratio <= SLOWER, f"{what}: {harm}{starved}")


def memory(server: ServerProcess) -> float:
    """Return what the server occupies, in MiB."""
    return resident_kib(server.pid) / 1024


def seconds_starved(server: ServerProcess) -> float:
    """Return for how long the server's loop has stood in the queue for a core."""
    return int(Path(f"/proc/{server.pid}/schedstat").read_text("ascii").split()[1]) / 1e9
