"""Attacks on backups: made while everybody talks, put back under members who have read further, killed half-way."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from e2e.relay import Relay, as_it_is, relay_to
from e2e.running import Member, Room, ServerProcess, hash_password, joined
from prove.attack import Attack, Found, Run, require, require_in_time

from sockatuh.protocol import peer_events as e
from sockatuh.protocol.messages import MESSAGE
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import Append, append_all

PAST: Final = 100_000
"""Lines in the log before anybody comes: so that a backup takes a while."""
BACKUPS: Final = 3
TALKERS: Final = 3
BASELINE: Final = 2.0
"""Seconds of talk with which the talk during backups is compared."""
SLOWER: Final = 5.0
"""How many times fewer lines may be stored in the same time while a backup runs."""
KILLS: Final = 6
LINES: Final = 40
GROWTH: Final = 20
EVERYTHING: Final = 1_000_000


async def sockatuh(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code, and what it says to people."""
    process = await _begin(*arguments)
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def _begin(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sockatuh", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )


def messages(database: Path) -> dict[int, str]:
    """Return what a database says was said, by its place; AssertionError if it is damaged."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{database} is damaged"
        rows = connection.execute("SELECT seq, body FROM log WHERE kind = 'message'").fetchall()
    bodies = ((seq, json.loads(body)) for seq, body in rows)
    return {seq: f"{body['name']}: {body['text']}" for seq, body in bodies}


# Made while everybody talks.


@dataclass(slots=True)
class Talk:
    """What one member says, one line after the other; `took`: when each was said, and how many seconds it took."""

    member: Member
    stored: set[int] = field(default_factory=set)
    took: list[tuple[float, float]] = field(default_factory=list)
    _looked_at: int = 0

    async def go_on(self, silence: asyncio.Event) -> None:
        """Talk until there is silence."""
        while not silence.is_set():
            began, count = time.monotonic(), len(self.took)
            self.member.say(f"line {count}")
            await self.member.until(lambda: self._look() > count)  # noqa: B023 (it is awaited at once)
            self.took.append((began, time.monotonic() - began))

    def _look(self) -> int:
        """Look at what has happened since the last time; return how many lines are stored."""
        news = self.member.events[self._looked_at :]
        self._looked_at += len(news)
        self.stored |= {event.seq for event in news if isinstance(event, e.LineStored)}
        return len(self.stored)


def _fill(database: Path) -> None:
    body = b'{"name": "ghost", "owner": "", "text": "long ago, when nobody was here yet", "action": false}'
    with closing(open_writer(database, "full")) as connection:
        connection.execute("BEGIN")
        for first in range(0, PAST, 1000):
            ids = (number.to_bytes(16, "big") for number in range(first + 1, first + 1001))
            append_all(connection, [Append(each, "message", body) for each in ids], wall_clock(), frozenset())
        connection.execute("COMMIT")


async def _back_up_while_talking(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    _fill(room.state_dir / "room.db")
    rates = {"limits.lines_per_second": 10_000, "limits.lines_burst": 10_000}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(log_level="warning", **rates))
        names = [f"m{number}" for number in range(TALKERS)]
        talks = [Talk(await stack.enter_async_context(joined(name, room.port, server.key))) for name in names]
        silence = asyncio.Event()
        async with asyncio.TaskGroup() as talking:
            for talk in talks:
                talking.create_task(talk.go_on(silence))
            began = time.monotonic()
            await asyncio.sleep(BASELINE)
            baseline = (began, time.monotonic())
            copies = [await _back_up(room, talks, number) for number in range(BACKUPS * (10 if run.long else 1))]
            silence.set()
    log = messages(room.state_dir / "room.db")
    for copy in copies:
        _check_copy(copy, log)
    took, spans = [each for talk in talks for each in talk.took], [copy.span for copy in copies]
    before, during = _within(took, [baseline]), _within(took, spans)
    rate, rate_during = len(before) / _length([baseline]), len(during) / _length(spans)
    slowed = f"{rate_during:.0f} lines/s are stored during a backup, {rate:.0f} otherwise"
    require_in_time(rate_during * SLOWER >= rate, slowed)
    return Found(
        f"{len(copies)} backups of {PAST:,} lines and more, {len(took)} lines said meanwhile",
        f"each whole, none lacks a stored line; {_length(spans) / len(spans):.1f} s each; a line is stored in p99 "
        f"{_p99(during):.0f} ms ({_p99(before):.0f} ms otherwise)",
    )


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup, when it was made, and the places of lines that were stored before it was begun."""

    file: Path
    span: tuple[float, float]
    stored: frozenset[int]


async def _back_up(room: Room, talks: Sequence[Talk], number: int) -> Copy:
    file, began = room.directory / f"backup{number}", time.monotonic()
    stored = frozenset(seq for talk in talks for seq in talk.stored)
    code, said = await sockatuh("backup", str(file), "--config", str(room.directory / "sockatuh.toml"))
    require(code == 0, f"`sockatuh backup` ended with {code}: {said}")
    return Copy(file, (began, time.monotonic()), stored)


def _check_copy(copy: Copy, log: dict[int, str]) -> None:
    held = messages(copy.file)
    require(os.stat(copy.file).st_mode & 0o777 == 0o600, "others can read a backup")
    require(held.keys() >= copy.stored, "a line that was stored before the backup began is not in it")
    until = max(held)
    require(held == {seq: line for seq, line in log.items() if seq <= until}, "a backup is no picture of one moment")
    hidden = [path.name for path in copy.file.parent.iterdir() if path.name.startswith(".")]
    require(not hidden, f"a backup leaves {hidden} behind")


def _within(took: Sequence[tuple[float, float]], spans: Sequence[tuple[float, float]]) -> list[float]:
    return [seconds for at, seconds in took if any(start <= at < end for start, end in spans)]


def _length(spans: Iterable[tuple[float, float]]) -> float:
    return sum(end - start for start, end in spans)


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98] * 1000


# Put back under members who have read further.


@dataclass(slots=True)
class House:
    """A room with one who stays in contact and one whose network is cut, and its backup."""

    room: Room
    server: ServerProcess
    relay: Relay
    ana: Member
    budi: Member

    @property
    def config(self) -> list[str]:
        return ["--config", str(self.room.directory / "sockatuh.toml")]

    @property
    def database(self) -> Path:
        return self.room.state_dir / "room.db"

    async def say(self, member: Member, count: int) -> None:
        """Say lines until they are stored."""
        for _ in range(count):
            member.say(f"line {len(member.said)}")
        await member.until(member.is_answered)

    async def come_back(self, member: Member) -> e.Admitted:
        """Let a member come back and read everything; return how it was let in."""
        before = len(member.all(e.Admitted))
        await self.say(member, 1)
        await member.until(lambda: len(member.all(e.Admitted)) > before)
        await member.has_seen(max(messages(self.database)))
        return member.all(e.Admitted)[-1]

    def check(self, member: Member) -> None:
        """Hold what a member was shown since it was told against the log."""
        told = [place for place, event in enumerate(member.events) if isinstance(event, e.Admitted) and event.rewound]
        require(bool(told), f"{member.name} was not told that the log was set back")
        log = messages(self.database)
        shown = [event.entry for event in member.events[told[-1] :] if isinstance(event, e.EntryArrived)]
        lines = {entry.seq: f"{entry.name}: {entry.text}" for entry in shown if entry.kind == MESSAGE}
        require(all(log.get(seq) == line for seq, line in lines.items()), f"{member.name} was shown wrong lines")
        require(max(log) in lines, f"{member.name} was not shown everything")


async def _restore_under_members(run: Run) -> Found:
    room, file = Room(run.directory, hash_password()), str(run.directory / "room.backup")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(log_level="warning", **{"limits.lines_burst": 1000}))
        relay = await stack.enter_async_context(relay_to(room.port))
        ana = await stack.enter_async_context(joined("ana", room.port, server.key, history=50))
        budi = await stack.enter_async_context(joined("budi", relay.port, server.key, history=50))
        house = House(room, server, relay, ana, budi)
        await house.say(ana, LINES)
        code, said = await sockatuh("backup", file, *house.config)
        require(code == 0, f"`sockatuh backup` ended with {code}: {said}")
        await house.say(ana, LINES)
        await house.say(budi, LINES)
        await budi.has_seen(max(ana.stored.values()))
        before = messages(house.database)
        code, said = await sockatuh("restore", file, *house.config)
        require(code == 1 and "stop" in said, f"`sockatuh restore` under a running server: {code}, {said}")
        relay.change_up = relay.change_down = lambda _: None
        await server.end()
        kills = await _kill_half_way(run, house, file, before)
        code, said = await sockatuh("restore", file, *house.config)
        require(code == 0, f"`sockatuh restore` ended with {code}: {said}")
        gone = len(before) - len(messages(house.database))
        require(gone == 2 * LINES, f"{gone} lines are gone, of {2 * LINES} said after the backup")
        await server.start()
        require((await house.come_back(ana)).rewound, "who stayed in contact was not told")
        await house.say(ana, 2 * LINES + GROWTH)
        relay.change_up = relay.change_down = as_it_is
        require((await house.come_back(budi)).rewound, "who came when the numbers were in use again was not told")
        for member in (ana, budi):
            await member.has_seen(max(messages(house.database)))
            house.check(member)
            require(member.all(e.Connected)[-1].resumed, f"{member.name} had to give the password")
        log = list(messages(house.database).values())
        require(len(set(log)) == len(log), "a line is in the log twice")
    return Found(
        f"{gone} lines older than the room, 2 members, {kills} restores killed",
        "both told, 0 wrong lines, 0 doubled, no password asked, nothing lost of what was there",
    )


async def _kill_half_way(run: Run, house: House, file: str, before: dict[int, str]) -> int:
    """Kill `restore` at any moment: the room is the one before or the one restored, and the one before is kept."""
    dice, kills = run.dice, KILLS * (10 if run.long else 1)
    began = time.monotonic()
    await sockatuh("restore", file, *house.config)
    usual, restored = time.monotonic() - began, messages(house.database)
    for _ in range(kills):
        process = await _begin("restore", file, *house.config)
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
        "backup",
        "`sockatuh backup` makes a whole, private copy of one moment while the room runs, and holds nobody up.",
        f"{BACKUPS} times while {TALKERS} members talk in a room of {PAST:,} lines; each is read and compared",
        _back_up_while_talking,
    ),
    Attack(
        "restore",
        "After `sockatuh restore` whoever has read further is told, and no line is matched with another.",
        f"a backup {2 * LINES} lines old is put back, after {KILLS} tries killed half-way; one member stays, one "
        "comes when the lost numbers are in use again",
        _restore_under_members,
    ),
)
