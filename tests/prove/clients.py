"""Attacks on the clients' processes: killed in the middle of a word and started again, told to go, cut off."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from e2e.running import PASSWORD, Room, ServerProcess, hash_password
from prove.attack import Attack, Found, Run, require
from prove.programs import Program
from prove.tireless import EVERYTHING, FROM_ONE_ADDRESS, comings_and_goings, open_sessions

PROGRAMS: Final = 4
KILLS: Final = 8
"""For each program."""
TAKEN_WITHIN: Final = 0.5
"""Seconds in which a program has surely read what it was given."""
UNANSWERED: Final = 3
SENDS: Final = 12


class Fed:
    """A program that is fed lines, killed and started again; `given_at` says when it was given each, in seconds."""

    def __init__(self, program: Program, dice: random.Random) -> None:
        self.program, self._dice = program, dice
        self.given_at: dict[str, float] = {}
        self.lives: list[list[str]] = [[]]
        """What it was given between one start and the next."""
        self.acknowledged: dict[str, int] = {}
        self.owed: list[str] = []
        """Lines that had no answer when the program was killed, and were read by then."""
        self.returned: list[float] = []

    def give(self) -> None:
        """Give it one more line."""
        text = f"{self.program.name} says {len(self.given_at)}"
        self.given_at[text] = time.monotonic()
        self.lives[-1].append(text)
        self.program.say(text)

    async def feed(self, seconds: float) -> None:
        """Keep some lines under way for so long."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            while len(self.program.said) - len(self.program.stored) < UNANSWERED:
                self.give()
            await asyncio.sleep(0.005)

    async def end(self, number: int) -> int:
        """End it by a signal, and keep the books."""
        ended_at = time.monotonic()
        code = await self.program.end(number)
        stored = self.program.stored
        self.acknowledged |= stored
        read = [text for text in self.program.said.values() if self.given_at[text] < ended_at - TAKEN_WITHIN]
        self.owed += [text for text in read if text not in stored]
        self.lives.append([])
        return code

    async def come_back(self) -> list[str]:
        """Start it again at once, without the password; return what it tells of its last life."""
        began_at = time.monotonic()
        await self.program.start(with_password=False)
        self.returned.append(time.monotonic() - began_at)
        await self.program.until(lambda: bool(self.program.notices("caught_up")), "it did not catch up")
        return [text for notice in self.program.notices("never_acknowledged") for text in notice["texts"]]


@asynccontextmanager
async def fed(run: Run, room: Room) -> AsyncIterator[list[Fed]]:
    """Let some programs come in."""
    dice = run.dice
    programs = [Program(run.directory / f"p{number}", room.port, f"p{number}") for number in range(PROGRAMS)]
    await asyncio.gather(*(program.start() for program in programs))
    yield [Fed(program, random.Random(dice.random())) for program in programs]
    await asyncio.gather(*(program.end(signal.SIGKILL) for program in programs))


async def kill_them(run: Run) -> Found:
    """Kill programs in full talk, start them again at once, and compare what they told with the log."""
    kills = KILLS * (10 if run.long else 1)
    room = Room(run.directory, hash_password())
    async with room.serve(**FROM_ONE_ADDRESS) as server, fed(run, room) as everybody:
        before = comings_and_goings(room)
        told = Counter[str]()
        for each in await asyncio.gather(*(_kill(one, kills, run.dice.random()) for one in everybody)):
            told += each
        told += await _kill_unheard(server, everybody)
        await _finish(everybody)
        require(comings_and_goings(room) == before, "somebody came or went: a ghost stood in the way")
        lines = check(room, everybody, told)
    require(not open_sessions(room), "a session is open after a clean stop")
    back = sorted(seconds for one in everybody for seconds in one.returned)
    owed = sum(len(one.owed) for one in everybody)
    return Found(
        f"{len(back)} kills of {PROGRAMS} programs, {lines} lines",
        f"0 lost in silence ({owed} had no answer: told by the next start, or in the log), 0 doubled; the name is back "
        f"with its key after {back[-1]:.1f} s at most, start included",
    )


async def _kill(one: Fed, kills: int, seed: float) -> Counter[str]:
    dice = random.Random(seed)
    told = Counter[str]()
    for _ in range(kills):
        await one.feed(dice.uniform(0.0, 0.8))
        await one.end(signal.SIGKILL)
        told.update(await one.come_back())
    return told


async def _kill_unheard(server: ServerProcess, everybody: Sequence[Fed]) -> Counter[str]:
    """Kill all while the server stands still, so that what they have just said has no answer for certain."""
    server.send(signal.SIGSTOP)
    for one in everybody:
        for _ in range(UNANSWERED):
            one.give()
    await asyncio.sleep(2 * TAKEN_WITHIN)
    unheard = {text for one in everybody for text in list(one.program.said.values())[-UNANSWERED:]}
    await asyncio.gather(*(one.end(signal.SIGKILL) for one in everybody))
    server.send(signal.SIGCONT)
    told = Counter[str]()
    for texts in await asyncio.gather(*(one.come_back() for one in everybody)):
        told.update(texts)
    require(unheard <= told.keys(), f"{len(unheard - told.keys())} lines without an answer were not told of")
    return told


async def _finish(everybody: Sequence[Fed]) -> None:
    """Let each say a last line, and wait until it is stored."""
    for one in everybody:
        one.give()
        await one.program.answered()
        one.acknowledged |= one.program.stored


def check(room: Room, everybody: Sequence[Fed], told: Counter[str]) -> int:
    """Hold the room to its promise; return how many lines are in the log."""
    log = [(line.seq, line.text) for line in room.history.messages(None, None, EVERYTHING)]
    places = {text: seq for seq, text in log}
    require(len(places) == len(log), f"{len(log) - len(places)} lines are in the log twice")
    require(max(told.values(), default=1) == 1, "a line was told of twice")
    for one in everybody:
        name = one.program.name
        wrong = [text for text, seq in one.acknowledged.items() if places.get(text) != seq]
        require(not wrong, f"{name} was told that {wrong[:3]} are stored, and they are not there")
        lost = [text for text in one.owed if text not in places and text not in told]
        require(not lost, f"{name} lost {lost[:3]} in silence")
        # A line that was still on its way when its program was killed may come behind the first ones of the next.
        for life in one.lives:
            mine = [places[text] for text in life if text in places]
            require(mine == sorted(mine), f"{name}'s lines changed places")
        require(not told.keys() & one.acknowledged.keys(), f"{name} was told of lines that were acknowledged")
        require(not [line for line in one.program.told if "Traceback" in line], f"{name} said {one.program.told[-3:]}")
    return len(log)


async def dismiss_them(run: Run) -> Found:
    """Tell programs to go with SIGTERM and SIGHUP in full talk, with and without a server; kill `send`."""
    room = Room(run.directory, hash_password())
    async with room.serve(**FROM_ONE_ADDRESS) as server, fed(run, room) as everybody:
        for _ in range(2):
            await asyncio.gather(*(one.feed(0.5) for one in everybody))
            codes = await _dismiss(everybody)
            require(not any(codes), f"they ended with {codes} in contact with the server")
            require(not any(one.owed for one in everybody), "a line that was said just before has no answer")
            await asyncio.gather(*(one.come_back() for one in everybody))
        sent = await _kill_sends(run, room, everybody[0])
        await _finish(everybody)
        await _dismiss_unheard(server, everybody)
        await server.start()
        for texts in await asyncio.gather(*(one.come_back() for one in everybody)):
            require(not texts, f"told once more: {texts}")
        lines = check(room, [], Counter())
    return Found(
        f"{PROGRAMS * 3} programs told to go, {sent} killed `send`, {lines} lines",
        "in contact: every line was stored first; without a server: every line was given back, with exit code 3; "
        "`send`: in the log once, or not at all",
    )


async def _dismiss(everybody: Sequence[Fed]) -> list[int]:
    """Tell all to go, half of them by SIGTERM and half by SIGHUP; return their exit codes."""
    signals = [signal.SIGTERM, signal.SIGHUP] * (PROGRAMS // 2)
    return await asyncio.gather(*(one.end(number) for one, number in zip(everybody, signals, strict=True)))


async def _dismiss_unheard(server: ServerProcess, everybody: Sequence[Fed]) -> None:
    """Kill the server, and tell all to go that have just said something: they give it back."""
    await server.kill()
    for one in everybody:
        one.give()
    await asyncio.sleep(TAKEN_WITHIN)
    codes = await _dismiss(everybody)
    require(codes == [3] * PROGRAMS, f"they ended with {codes} while a line was not stored")
    for one in everybody:
        given_back = [text for error in one.program.of("error") for text in error["texts"]]
        require(given_back == list(one.program.said.values())[1:], f"{one.program.name} gave back {given_back}")


async def _kill_sends(run: Run, room: Room, one: Fed) -> int:
    """Kill `send` at any moment; hold the log to having each text once at most, and for certain after exit code 0."""
    dice = run.dice
    began_at = time.monotonic()
    require(await _send(room, one, "not killed", None) == 0, "send failed")
    took = time.monotonic() - began_at
    moments = [dice.uniform(0.3, 1.3) * took for _ in range(SENDS)]
    codes: dict[str, int] = {}
    for start in range(0, SENDS, 2):
        pair = [(f"sent {number}", moments[number]) for number in range(start, min(start + 2, SENDS))]
        answers = await asyncio.gather(*(_send(room, one, text, at) for text, at in pair))
        codes |= {text: code for (text, _), code in zip(pair, answers, strict=True)}
    log = Counter(line.text for line in room.history.messages(None, None, EVERYTHING))
    require(all(log[text] <= 1 for text in codes), "a text was sent twice")
    require(all(log[text] == 1 for text, code in codes.items() if code == 0), "exit code 0, and it is not in the log")
    return sum(code == -signal.SIGKILL for code in codes.values())


async def _send(room: Room, one: Fed, text: str, kill_after: float | None) -> int:
    """Run `send` under a program's name; return its exit code."""
    environ = one.program.environ | {"SOCKATUH_PASSWORD": PASSWORD}
    command = ["-m", "sockatuh", "send", "--name", one.program.name, "--server", f"127.0.0.1:{room.port}", text]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=environ)
    try:
        return await asyncio.wait_for(process.wait(), kill_after)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself meanwhile
            process.kill()
        return await process.wait()


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "kill-clients",
        "Crashes: what a killed client had said is in the log once, or reported at its next start as never "
        "acknowledged",
        f"kill -9 of {PROGRAMS} `chat --json` programs under load, {KILLS} times each and once while the server is "
        "suspended, each restarted at once without the password",
        kill_them,
    ),
    Attack(
        "dismiss-clients",
        "Crashes: a client that is told to stop reports every line it could not deliver",
        f"SIGTERM and SIGHUP to {PROGRAMS} programs under load, and with a dead server; {SENDS} `send` killed at "
        "random "
        "moments",
        dismiss_them,
    ),
)
