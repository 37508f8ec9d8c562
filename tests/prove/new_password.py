"""A room whose password is changed: everybody comes back at once, and nobody tries the former one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from cli.people import Client
from e2e.running import PASSWORD, Member, Room, ServerProcess, eventually, hash_password, joined
from kit.programs import SOCKATUH
from kit.terminal import Terminal
from prove.attack import Attack, Found, Run, require
from prove.programs import Program

from sockatuh.errors import Refused
from sockatuh.wording import client as phrases

NEW_PASSWORD: Final = "rain-ladle-nineteen"
MEMBERS: Final = 40
PEOPLE: Final = 3
REFUSED: Final = 4
HELD: Final = "said while nobody could hear it"


async def _change(run: Run) -> Found:
    room = Room(run.directory / "room", hash_password())
    room.directory.mkdir()
    async with room.serve() as server, AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(joined(f"member {number}", server.port, server.key))
            for number in range(MEMBERS)
        ]
        people = [_person(run.directory / f"person{number}", room.port) for number in range(PEOPLE)]
        for client, _ in people:
            stack.callback(client.close)
        await asyncio.gather(*(asyncio.to_thread(_come_in, terminal) for _, terminal in people))
        told, kept, returned = [await _script(run.directory, room.port, name) for name in ("told", "kept", "returned")]
        await returned.end(signal.SIGTERM)
        await _start(run.directory, returned)  # by its ticket, so that it has proved no password
        tries = len(server.events("password_refused"))

        for name in ("told", "returned"):
            (run.directory / f"{name}.password").write_text(NEW_PASSWORD, "utf-8")
        room.password_hash = hash_password(NEW_PASSWORD)
        room.configure()
        await server.end()
        for _, terminal in people:
            terminal.enter(HELD)
        await server.start()
        await _members_ask(members)
        await asyncio.gather(*(asyncio.to_thread(_come_back, terminal) for _, terminal in people))
        for each in (told, returned):
            await each.until(lambda each=each: bool(each.notices("back")), "it is not in again")  # type: ignore[misc]
        await eventually(lambda: bool(kept.of("error")))
        codes = [each["code"] for each in kept.of("error")]
        require(codes == ["password_changed"], f"a script whose file holds the former password ends with {codes}")
        await _is_stored(room, PEOPLE)
        _require_no_try(server, tries)
        for each in (told, returned):
            await each.end(signal.SIGTERM)
    return Found(
        f"{MEMBERS} members, {PEOPLE} people at terminals and 3 scripts, a new password and a restart",
        "0 wrong passwords tried; each person was asked and is back, with what was said meanwhile; scripts with the"
        " new password in their file came back by themselves, one with the former ended with password_changed",
    )


def _require_no_try(server: ServerProcess, before: int) -> None:
    tries = server.events("password_refused")[before:]
    require(not tries, f"{len(tries)} wrong passwords were tried: {tries[:3]}")
    require(not server.events("passwords_guessed"), "the admin was told that passwords are guessed")


async def _members_ask(members: Sequence[Member]) -> None:
    """See that no member has tried its password again: it is for somebody to give another."""
    await eventually(lambda: all(member.ended_with is not None for member in members))
    codes = {each.code if isinstance(each := member.ended_with, Refused) else repr(each) for member in members}
    require(codes == {"password_changed"}, f"members ended with {codes}")


def _person(directory: Path, port: int) -> tuple[Client, Terminal]:
    client = Client(
        directory, command=SOCKATUH, SOCKATUH_SERVER=f"127.0.0.1:{port}", SOCKATUH_NAME=directory.name, COLUMNS="200"
    )
    return client, client.terminal("chat", columns=200)


def _come_in(terminal: Terminal) -> None:
    terminal.answer("Room password:", PASSWORD)
    terminal.wait_for_prompt()


def _come_back(terminal: Terminal) -> None:
    """Give the new password when it is asked for."""
    terminal.wait_for(phrases.PASSWORD_CHANGED)
    terminal.enter(NEW_PASSWORD)
    terminal.wait_for_prompt()


async def _is_stored(room: Room, count: int) -> None:
    await eventually(lambda: [line.text for line in room.history.messages(None, None, None)] == [HELD] * count)


async def _script(directory: Path, port: int, name: str) -> Program:
    """Run `tail --json` with a file that holds the password."""
    (directory / f"{name}.password").write_text(PASSWORD, "utf-8")
    program = Program(directory / name, port, name, command=("tail", "--json"))
    await _start(directory, program)
    return program


async def _start(directory: Path, program: Program) -> None:
    await program.start("--password-file", str(directory / f"{program.name}.password"), with_password=False)


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "new-password",
        "After a change of the password a whole room comes back without one wrong try, and each person is asked",
        f"{MEMBERS} members, {PEOPLE} people at terminals and 3 scripts are in when the password is changed and the"
        " server restarts; they come back by themselves, all from one address",
        _change,
    ),
)
