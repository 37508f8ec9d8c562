"""An attack on a room whose box dies for good: a spare one goes on from the last backup, and members find it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from e2e.running import PASSWORD, Room, ServerProcess, hash_password
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.backups import messages
from prove.crowd import short
from prove.lan import Host, Lan, go_ashore
from prove.programs import Program

PORT: Final = 7625
SPARE: Final = "10.77.0.14"
OTHER_ROOM: Final = "10.77.0.15"
"""Another room's server, which the admin has named as a node by mistake."""
RUDE: Final = "something that nobody is to read"
REFUSED: Final = 4
LINES: Final = 20
BACK_WITHIN: Final = 10.0
"""Seconds from the start of the spare box until everybody whose client runs is in again."""
PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Box:
    """A machine with the room's settings, and what the room's state is on it."""

    host: Host
    room: Room

    async def run(self, *words: str) -> None:
        """Run a command about the room on it."""
        config = self.room.directory / "sockatuh.toml"
        code, said = await command(self.host, {}, *words, "--config", str(config))
        require(code == 0, f"`sockatuh {words[0]}` ended with {code}: {said}")


async def command(host: Host, environ: dict[str, str], *words: str) -> tuple[int | None, str]:
    """Run a command on a machine; return its exit code and what it said to people."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    process = await asyncio.create_subprocess_exec(
        *host.prefix, sys.executable, "-m", "sockatuh", *words, env=clean | environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    return process.returncode, said.decode()


def _box(run: Run, name: str, host: Host) -> Box:
    directory = run.directory / name
    directory.mkdir()
    return Box(host, Room(directory, hash_password(), PORT, within=host.prefix))


async def _lose_the_box(run: Run) -> Found:
    go_ashore()
    with Lan(5, run.seed) as lan:
        async with AsyncExitStack() as stack:
            box, spare = _box(run, "box", lan.server), _box(run, "spare", lan.clients[3])
            other = _box(run, "other", lan.clients[4])
            settings = {"host": "::", "nodes": [f"{OTHER_ROOM}:{PORT}", f"{SPARE}:{PORT}"]}
            await stack.enter_async_context(other.room.serve(host="::"))
            server = await stack.enter_async_context(box.room.serve(**settings))
            programs = [
                Program(run.directory / name, PORT, name, host=Lan.ADDRESS, within=lan.clients[number % 3].prefix)
                for number, name in enumerate(("ana", "budi", "citra"))
            ]
            await _come(stack, programs)
            at_home = {"SOCKATUH_CLIENT_DIR": str(run.directory / "dewi"), "SOCKATUH_PASSWORD": PASSWORD}
            await _send(lan.clients[0], at_home, "I have to go", Lan.ADDRESS)
            rude = {"SOCKATUH_CLIENT_DIR": str(run.directory / "fajar"), "SOCKATUH_PASSWORD": PASSWORD}
            await _send(lan.clients[2], rude, RUDE, Lan.ADDRESS)
            await box.run("ban", "fajar", "--for", "forever")
            await box.run("strike", "--last", "fajar")
            kept, lost = await _talk(box, programs)
            invite = next(line.split()[-1] for line in server.said if "sockatuh://" in line)
            await _destroy(lan, server, programs)
            unsaid = [f"{each.name}: while the box was dead" for each in programs]
            spare.room.configure(**settings)
            await spare.run("restore", str(run.directory / "copy"))
            started_at = time.monotonic()
            spare_server = await stack.enter_async_context(spare.room.serve(**settings))
            back = await _come_back(spare, programs, kept, lost, unsaid, started_at)
            require(spare_server.key == server.key, "the spare box is another server")
            await _send(lan.clients[0], {**at_home, "SOCKATUH_PASSWORD": ""}, "dewi is back", Lan.ADDRESS)
            newcomer = {"SOCKATUH_CLIENT_DIR": str(run.directory / "eka"), "SOCKATUH_PASSWORD": PASSWORD}
            await _send(lan.clients[1], newcomer, "eka is new", invite)
            await _send(lan.clients[2], rude, "me again", f"{SPARE}:{PORT}", code=REFUSED)
            await _send(lan.clients[2], rude, "me again", Lan.ADDRESS, code=REFUSED)
            for each in programs:
                await each.until(
                    lambda: {"dewi is back", "eka is new"} <= {text for _, text in each.heard},  # noqa: B023
                    "did not hear who came later",
                )
            _check(spare, programs, kept, lost, unsaid)
            files = [
                file for file in spare.room.state_dir.iterdir() if file.is_file() and RUDE.encode() in file.read_bytes()
            ]
            require(not files, f"what was struck is in {files}")
    return Found(
        f"3 members, one in by a ticket, and one who was banned; {len(kept)} lines in the copy, {len(lost)} after it, "
        f"{len(unsaid)} said while there was no box; another server at a node",
        f"all in after {short(back)}, without a question, and told that the log was set back; what was in the copy is "
        "there once, what was said meanwhile too; who was away, and an invite of before, find the room as well; who "
        "was banned stays out, what was struck is in no file",
    )


async def _come(stack: AsyncExitStack, programs: Sequence[Program]) -> None:
    """Let all join, the last one by a ticket that it got the time before."""
    for each in programs:
        await each.start()
        stack.push_async_callback(each.end, 9)
    await programs[-1].end(15)
    await programs[-1].start(with_password=False)


async def _send(host: Host, environ: dict[str, str], text: str, server: str, code: int = 0) -> None:
    name = os.path.basename(environ["SOCKATUH_CLIENT_DIR"])
    words = ("send", "--server", server, "--name", name, "--trust", "accept-new", text)
    found, said = await command(host, {key: value for key, value in environ.items() if value}, *words)
    require(found == code, f"`sockatuh send` by {name} ended with {found}: {said}")


async def _talk(box: Box, programs: Sequence[Program]) -> tuple[list[str], list[str]]:
    """Let everybody talk, with two backups meanwhile; return what is in the second, and what was said after it."""
    file = str(box.room.directory.parent / "copy")
    for round_ in range(3):
        for each in programs:
            for number in range(LINES):
                each.say(f"line {round_}.{number}")
        for each in programs:
            await each.answered()
        if round_ < 2:
            await box.run("backup", file, "--force")
            kept = list(messages(box.room.state_dir / "room.db").values())
    everything = list(messages(box.room.state_dir / "room.db").values())
    return kept, everything[len(kept) :]


async def _destroy(lan: Lan, server: ServerProcess, programs: Sequence[Program]) -> None:
    """Kill the server and take its machine off the network; wait until everybody has noticed, who says something."""
    await server.kill()
    lan.server.ip("link", "set", "lan", "down")
    lan.server.ip("addr", "flush", "dev", "lan")
    for each in programs:
        each.say("while the box was dead")
    for each in programs:
        await each.until(
            lambda: bool(each.notices("contact_lost")),  # noqa: B023 (awaited at once)
            "did not notice that the box is gone",
            PATIENCE,
        )


async def _come_back(
    spare: Box, programs: Sequence[Program], kept: list[str], lost: list[str], unsaid: list[str], started_at: float
) -> float:
    """Wait until everybody is in again and has what was said meanwhile; return how long after the start that was."""
    for each in programs:
        await each.until(lambda: bool(each.notices("rewound")), "was not told that the log was set back")  # noqa: B023
        await each.until(lambda: "while the box was dead" in each.stored, "its line was not stored")  # noqa: B023
    back = time.monotonic() - started_at
    require_in_time(back < BACK_WITHIN, f"the slowest was in after {back:.1f} s")
    for each in programs:
        await each.until(
            lambda: sum(text == "while the box was dead" for _, text in each.heard) == len(unsaid),  # noqa: B023
            "did not hear what the others had said meanwhile",
        )
    _check(spare, programs, kept, lost, unsaid)
    return back


def _check(spare: Box, programs: Sequence[Program], kept: list[str], lost: list[str], unsaid: list[str]) -> None:
    log = list(messages(spare.room.state_dir / "room.db").values())
    require(log[: len(kept)] == kept, "what was in the copy is not what is on the spare box")
    require(
        sorted(log[len(kept) : len(kept) + len(unsaid)]) == sorted(unsaid), "what was said meanwhile is not there once"
    )
    require(not set(lost) & set(log), "a line that was lost is there")
    for each in programs:
        require(not each.of("error"), f"{each.name} was told {each.of('error')}")
        require(len(each.notices("rewound")) == 1, f"{each.name} was told {len(each.notices('rewound'))} times")
        since = each.objects.index(each.notices("rewound")[0])
        left = [one["name"] for one in each.objects[since:] if one["type"] == "left"]
        require(not {member.name for member in programs} & {*left}, f"{each.name} was told that {left} left")


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "spare-box",
        "When the box dies for good, the room goes on on a spare one from the last backup, and whoever has it open is "
        "back without doing anything, is told what is lost, and has said nothing in vain since",
        f"kill -9 and no network any more for the box; the last copy is restored on another machine, which `nodes` "
        f"names behind another room's server; {3 * LINES} lines were said since; members stay, come by their profile "
        "and by an old invite, and one had been banned",
        _lose_the_box,
    ),
)
