"""Streams that are closed, full, abandoned or narrow, and lines of any length: no command minds."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from e2e.running import PASSWORD, PATIENCE, Room, hash_password
from prove.attack import Attack, Found, Pace, Run, require

PROGRAM: Final = f"{shlex.quote(sys.executable)} -m sockatuh"
AT_ONCE: Final = 2
STATES: Final[Mapping[str, str]] = {
    "stdin closed": "{} <&- >out 2>err",
    "stdout closed": "{} >&- 2>err",
    "stderr closed": "{} >out 2>&-",
    "all closed": "{} <&- >&- 2>&-",
    "stdout full": "{} >/dev/full 2>err",
    "both full": "{} >/dev/full 2>/dev/full",
    "stdout gone": "set -o pipefail; {{ {}; }} 2>err | true",
    "stdout to read from": "{} 1</dev/null 2>err",
    "in ASCII": "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {} >out 2>err",
    "in Latin-1": "PYTHONIOENCODING=latin-1 {} >out 2>err",
}
SENDING: Final = ("send hello", "send --json hello", "send -", "send --json -")
READING: Final = (
    "version", "--help", "check --config ../sockatuh.toml", "history --config ../sockatuh.toml",
    "history --config ../sockatuh.toml --json", "who", "who --json", "identity show", "hash-password",
)  # fmt: skip
STAYING: Final = ("chat", "chat --json", "tail -n 3", "tail -n 3 --json")
COMMANDS: Final = (*SENDING, *READING, *STAYING)
LOSES_OUTPUT: Final = frozenset({"stdout full", "both full", "stdout to read from"})
TEXT: Final = b"naive cafe\nsecond line\n"
HUGE: Final = 256 * 1024 * 1024
MEMORY: Final = 65_536
"""KiB of data that a command may take which is given a huge line; half of it is what it takes anyway."""


async def _streams(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    async with room.serve():
        ended = await asyncio.to_thread(_run_all, room)
        everything = await asyncio.to_thread(_history, room)
    stored = sum(json.loads(line)["type"] == "message" for line in everything.splitlines())
    said = sum(code == 0 for (command, _), code in ended.items() if command in SENDING)
    chatted = stored - said
    require(chatted >= 0, f"{said} commands said that they had stored a line, and {stored} are stored")
    return Found(
        f"{len(COMMANDS)} commands with each of {len(STATES)} kinds of streams",
        "0 tracebacks, 0 called a bug, none ended with 120; every line that was stored was a success, once",
    )


def _run_all(room: Room) -> dict[tuple[str, str], int]:
    cases = [(command, state) for state in STATES for command in COMMANDS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = list(pool.map(lambda case: _run(room, *case), cases))
    return dict(zip(cases, codes, strict=True))


def _run(room: Room, command: str, state: str) -> int:
    """Run one command with one kind of streams, and hold it to what it may do."""
    place = room.directory / f"{command} {state}".replace("/", "").replace(" ", "-")
    place.mkdir()
    limit = "timeout -s TERM 2 " if command.startswith("tail") else ""
    script = STATES[state].format(f"{limit}{PROGRAM} {command}")
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=_environ(room), input=TEXT, capture_output=True, timeout=2 * PATIENCE
    )
    told = b"".join((place / name).read_bytes() for name in ("out", "err") if (place / name).exists())
    said = f"`{command}`, {state}: exit {done.returncode}, {told.decode(errors='replace')[-300:]}"
    require(b"Traceback" not in told and b"This is a bug" not in told and b"Exception ignored" not in told, said)
    require(not done.stdout and not done.stderr, f"{said}: it wrote elsewhere")
    has_text = "closed" not in state or state in ("stdout closed", "stderr closed")
    if command in SENDING:
        require(done.returncode == (0 if has_text or "-" not in command.split() else 4), said)
    elif command in READING:
        has_line = command != "hash-password" or has_text
        may_be_empty = command == "who --json"  # nobody may be here
        expected = 2 if not has_line else int(state in LOSES_OUTPUT)
        require(done.returncode == expected or (may_be_empty and done.returncode == 0), said)
    else:
        require(done.returncode in (0, 1, 3, 124), said)
    return done.returncode


def _environ(room: Room) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    who = {"SOCKATUH_NAME": "ana", "SOCKATUH_PASSWORD": PASSWORD, "SOCKATUH_TRUST": "accept-new"}
    where = {"SOCKATUH_SERVER": f"127.0.0.1:{room.port}", "SOCKATUH_CLIENT_DIR": str(room.directory / "client")}
    return plain | who | where


def _history(room: Room) -> str:
    """Return all that is stored, as lines of JSON."""
    command = f"{PROGRAM} history --json -n 100000 --config {room.directory}/sockatuh.toml"
    return subprocess.run(
        ["bash", "-c", command], env=_environ(room), capture_output=True, text=True, check=True
    ).stdout


async def _long_lines(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    async with room.serve():
        for command, told in (("chat", "err"), ("chat --json", "out"), ("send -", "err")):
            await asyncio.to_thread(_pour, room, command, told)
        everything = await asyncio.to_thread(_history, room)
    said = [fields["text"] for line in everything.splitlines() if (fields := json.loads(line))["type"] == "message"]
    require(said == ["first", "last"] * 2, f"stored is {said}")
    return Found(
        f"a line of {HUGE >> 20} MiB, one with NUL and one that is no UTF-8, into `chat`, `chat --json` and `send -`",
        f"refused with {HUGE:,} bytes and not echoed, exit 4, in {MEMORY >> 10} MiB of memory; the lines before and"
        " behind them are stored",
    )


def _pour(room: Room, command: str, told: str) -> None:
    """Pour a huge line among others into a command that may not have the memory for it."""
    place = room.directory / command.replace(" ", "-")
    place.mkdir()
    pour = f"head -c {HUGE} /dev/zero | tr '\\0' x"
    if command.startswith("chat"):
        pour = f"echo first; {pour}; echo; printf 'a\\0b\\n\\377\\376\\nlast\\n'"
    script = f"{{ {pour}; }} | (ulimit -d {MEMORY}; exec {PROGRAM} {command}) >out 2>err"
    done = subprocess.run(["bash", "-c", script], cwd=place, env=_environ(room), timeout=8 * PATIENCE, check=False)
    texts = {name: (place / name).read_text() for name in ("out", "err")}
    said = f"`{command}`: exit {done.returncode}, {texts['err'][-300:]}"
    require(done.returncode == 4, said)
    require(f"{HUGE:,} bytes" in texts[told], said)
    require(sum(map(len, texts.values())) < 4_096, f"{said}: it said too much")


ATTACKS: Final = (
    Attack(
        "streams",
        "Whatever stdin, stdout and stderr are, a command does its work, and its exit code says whether it did",
        f"{len(COMMANDS)} commands with streams that are closed, full, abandoned, opened in the wrong mode, in ASCII "
        "and in Latin-1",
        _streams,
        limit=600.0,
        pace=Pace.UNTIMED,
    ),
    Attack(
        "long-lines",
        "A line that is too long or is not text is refused by itself, and delays no other",
        f"a line of {HUGE >> 20} MiB, one with NUL, one not in UTF-8, and others, by `chat`, `chat --json`, `send -`",
        _long_lines,
        limit=300.0,
        pace=Pace.UNTIMED,
    ),
)
