"""Attacks on backups, made while everybody talks; what is put back is attacked in `restores.py`."""

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

from e2e.running import Member, Room, hash_password, joined
from prove.attack import Attack, Found, Run, require, require_in_time

from sockatuh.protocol.client import events as e
from sockatuh.room.entries import Message
from sockatuh.room.log import Append
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import append_all

PAST: Final = 100_000
"""Lines in the log before anybody comes: so that a backup takes a while."""
BACKUPS: Final = 3
TALKERS: Final = 3
BASELINE: Final = 2.0
"""Seconds of talk with which the talk during backups is compared."""
SLOWER: Final = 5.0
"""How many times fewer lines may be stored in the same time while a backup runs."""
EVERYTHING: Final = 1_000_000


async def sockatuh(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code, and what it says to people."""
    process = await begin(*arguments)
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def begin(*arguments: str) -> asyncio.subprocess.Process:
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
    body = Message("ghost", "", "long ago, when nobody was here yet", action=False)
    with closing(open_writer(database, "full")) as connection:
        connection.execute("BEGIN")
        for first in range(0, PAST, 1000):
            ids = (number.to_bytes(16, "big") for number in range(first + 1, first + 1001))
            append_all(connection, [Append(each, body) for each in ids], wall_clock(), frozenset())
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


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "backup",
        "`sockatuh backup` makes a complete, private copy of one moment while the room runs, and delays nobody.",
        f"{BACKUPS} times while {TALKERS} members talk in a room of {PAST:,} lines; each is read and compared",
        _back_up_while_talking,
    ),
)
