"""Real client programs, mostly `sockatuh chat --json`, in processes of their own, each with a directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from e2e.running import PASSWORD
from prove.attack import Broken, require

STACK: Final = 60
"""Lines a program that hangs may say of where it does."""
PATIENCE: Final = 30.0
"""Seconds after which what was waited for will never come."""


class Program:
    """A program that chats: what it was given, what it printed, over all its lives.

    `said` are the texts of the present life by the number of their line, `objects` what it has printed in it, and
    `printed` the lines that were no JSON.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        name: str,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = ("chat", "--json"),
        *,
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        """`within` is a command that runs it, as on another machine (`lan.Host.prefix`)."""
        self.within = within
        self.name, self.port, self.host, self.command = name, port, host, command
        self.objects: list[dict[str, Any]] = []
        self.printed: list[str] = []
        self.told: list[str] = []
        """What it said on stderr, in all its lives."""
        self.said: dict[int, str] = {}
        self.environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        self.environ |= {"SOCKATUH_CLIENT_DIR": str(directory), "PYTHONFAULTHANDLER": "1", **(environ or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    async def start(self, *options: str, with_password: bool = True) -> None:
        """Start the process and wait until it is in."""
        self.objects, self.said = [], {}
        environ = self.environ | ({"SOCKATUH_PASSWORD": PASSWORD} if with_password else {})
        verb, *flags = self.command
        command = ["-m", "sockatuh", verb, f"{self.host}:{self.port}", *flags, "--trust", "accept-new"]
        self._process = await asyncio.create_subprocess_exec(
            *self.within, sys.executable, *command, "--name", self.name, *options, env=environ, limit=1 << 20,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reading = [asyncio.create_task(self._read_out()), asyncio.create_task(self._read_err())]
        if "--json" in self.command:
            await self.until(lambda: bool(self.notices("admitted")), "it did not get in")

    def say(self, text: str) -> None:
        """Give it a line."""
        assert self._process is not None
        assert self._process.stdin is not None
        self.said[len(self.said) + 1] = text
        with contextlib.suppress(OSError):  # it was killed; the line is in nobody's hands
            self._process.stdin.write(f"{text}\n".encode())

    @property
    def stored(self) -> dict[str, int]:
        """The lines of this life it has said are stored, and their places."""
        return {self.said[each["line"]]: each["seq"] for each in self.of("stored")}

    @property
    def heard(self) -> list[tuple[int, str]]:
        """The lines that have come to it in this life."""
        return [(each["seq"], each["text"]) for each in self.of("message")]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.objects if each["type"] == kind]

    def notices(self, code: str) -> list[dict[str, Any]]:
        return [each for each in self.of("notice") if each["code"] == code]

    async def answered(self) -> None:
        """Wait until it has said that all its lines are stored."""
        await self.until(lambda: len(self.stored) == len(self.said), "lines without an answer")

    def send(self, number: int) -> None:
        """Send the process a signal and wait for nothing."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def end(self, number: int) -> int:
        """Send the process a signal, wait for its end and for all it printed; return its exit code."""
        self.send(number)
        return await self.over()

    async def over(self) -> int:
        """Wait for the end of the process and for all it printed; return its exit code."""
        assert self._process is not None
        try:
            async with asyncio.timeout(PATIENCE):
                code = await self._process.wait()
                await asyncio.wait(self._reading)
        except TimeoutError:
            so_far = self._process.returncode
            self.send(signal.SIGABRT)  # it says where it hangs
            await asyncio.wait(self._reading, timeout=1.0)
            raise Broken(f"{self.name} did not end (exit code {so_far}): {self.told[-STACK:]}") from None
        return code

    async def until(self, holds: Callable[[], bool], complaint: str, patience: float = PATIENCE) -> None:
        """Wait until what it printed makes something true; Broken with a complaint if it never does."""
        ends_at = time.monotonic() + patience
        while not holds():
            left = ends_at - time.monotonic()
            require(left > 0, f"{self.name}: {complaint} after {patience:.0f} s; it said {self.told[-3:]}")
            require(not self._reading[0].done() or holds(), f"{self.name}: {complaint}; it ended with {self.told[-3:]}")
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 1.0))

    async def _read_out(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            try:
                self.objects.append(json.loads(line))
            except ValueError:  # a line for people, or one that was cut off by a kill
                self.printed.append(line.decode().rstrip())
            self._news.set()
        self._news.set()

    async def _read_err(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.told.append(line.decode().rstrip())
