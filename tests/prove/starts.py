"""Attacks on the start: a room's files that cannot be used. Each is one sentence, what to do, and exit code 1."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.running import Room, hash_password
from prove.attack import Attack, Found, Missing, Run, require
from prove.disk import call
from prove.outage import FILLING, Manager, fill, tiny_disk

from sockatuh.store.database import open_writer
from sockatuh.store.keys import ServerKeys, load_ticket_keys

NOBODY: Final = 65_534
AS_ANYBODY: Final = ("setpriv", "--bounding-set=-all")
"""Runs a program as this user without root's capabilities: permissions are for it as for anybody."""
STATE: Final = "state"
DATABASE: Final = "room.db"


@dataclass(frozen=True, slots=True)
class Case:
    """A way in which a room's files cannot be used; `spoil` does it to a room that was served before.

    It may yield, to undo something after the start.
    """

    name: str
    spoil: Callable[[Path], contextlib.AbstractContextManager[None]]
    reason: str
    remedy: str
    within: tuple[str, ...] = ()


def make(state: Path) -> None:
    """Make the files of a room that nobody has been in."""
    ServerKeys.load(state)
    load_ticket_keys(state)
    open_writer(state / DATABASE, "full").close()


# What may be wrong.


@contextlib.contextmanager
def read_only_disk(state: Path) -> Iterator[None]:
    call("mount", "-o", "remount,ro", str(state.parent.parent))
    yield
    call("mount", "-o", "remount,rw", str(state.parent.parent))


@contextlib.contextmanager
def full_disk(state: Path) -> Iterator[None]:
    (state / "server.key").unlink()
    fill(state.parent / FILLING)
    yield
    (state.parent / FILLING).unlink()


@contextlib.contextmanager
def read_only_file(state: Path) -> Iterator[None]:
    (state / DATABASE).chmod(0o400)
    yield


@contextlib.contextmanager
def files_of_another(state: Path) -> Iterator[None]:
    os.chown(state, NOBODY, NOBODY)
    (state / "room.lock").touch(0o600)
    yield


@contextlib.contextmanager
def no_database(state: Path) -> Iterator[None]:
    (state / DATABASE).write_bytes(b"a letter to my aunt, much longer than a header" * 100)
    yield


@contextlib.contextmanager
def damaged(state: Path) -> Iterator[None]:
    data = bytearray((state / DATABASE).read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for at in range(size, len(data), size):
        data[at : at + 64] = os.urandom(64)
    (state / DATABASE).write_bytes(data)
    yield


@contextlib.contextmanager
def half_migrated(state: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(state / DATABASE)) as connection, connection:
        connection.execute("DROP TABLE meta")
        connection.execute("PRAGMA user_version = 0")
    yield


@contextlib.contextmanager
def newer(state: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(state / DATABASE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    yield


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(state / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


CASES: Final = (
    Case("read-only disk", read_only_disk, "Read-only file system", "findmnt -T"),
    Case("full disk", full_disk, "No space left on device", "df -h"),
    Case("read-only file", read_only_file, "it is read-only", "ls -ld", AS_ANYBODY),
    Case("another user's files", files_of_another, "Permission denied", "ls -ld", AS_ANYBODY),
    Case("no database", no_database, "file is not a database", "sockatuh restore"),
    Case("damaged", damaged, "it is damaged", "sockatuh restore"),
    Case("half-migrated", half_migrated, "its tables are not this program's", "sockatuh restore"),
    Case("newer", newer, "written by a newer SockAtuh", "Update this one"),
    Case("locked", locked, "another program has locked it", "fuser -v"),
)


async def start_on_each(run: Run) -> Found:
    """Start a server on files that it cannot use, in each of these ways."""
    _may_be_anybody()
    disk = run.directory / "disk"
    with tiny_disk(disk, 4), contextlib.closing(Manager(run.directory)) as manager:
        password_hash = hash_password()
        for number, case in enumerate(CASES):
            await _start_on(case, disk / str(number), manager, password_hash)
    return Found(f"{len(CASES)} starts", "each exit code 1, with the file, the reason and what to do, and a status")


async def _start_on(case: Case, directory: Path, manager: Manager, password_hash: str) -> None:
    directory.mkdir()
    make(directory / STATE)
    room = Room(directory, password_hash, environ={"NOTIFY_SOCKET": manager.address}, within=case.within)
    server = room.server()
    with case.spoil(directory / STATE):
        before = (directory / STATE / DATABASE).read_bytes()
        code = await asyncio.to_thread(server.run)
        require((directory / STATE / DATABASE).read_bytes() == before, f"{case.name}: it changed what it cannot use")
    said = "\n".join(server.said)
    require(code == 1, f"{case.name}: exit code {code}: {said}")
    require(case.reason in said and case.remedy in said, f"{case.name}: it says {said}")
    require(str(directory / STATE) in said, f"{case.name}: the file is not named: {said}")
    require("Traceback" not in said and len(said) < 500, f"{case.name}: more than a sentence: {said}")
    require(case.reason in manager.statuses()[-1], f"{case.name}: the manager was told {manager.statuses()[-1]}")


def _may_be_anybody() -> None:
    """Raise Missing where a program cannot be run without root's capabilities."""
    try:
        done = subprocess.run([*AS_ANYBODY, sys.executable, "-c", ""], capture_output=True, check=False)
    except FileNotFoundError:
        raise Missing("there is no setpriv: apt-get install util-linux") from None
    if done.returncode:
        raise Missing("setpriv may not take capabilities away here: be root")


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "storage-start",
        "Whatever keeps the room from starting is reported with its remedy, and nothing is made worse",
        f"A server is started on files it cannot use, in {len(CASES)} ways: {', '.join(case.name for case in CASES)}",
        start_on_each,
    ),
)
