"""Work in a process of its own, so that whoever attacks takes no time from whoever measures."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from prove.attack import Broken

SPAWN: Final = multiprocessing.get_context("spawn")
STARTS_WITHIN: Final = 30.0
"""Seconds in which a process has come to the point where its attack begins."""
ENDS_WITHIN: Final = 60.0


class Signal:
    """What the work tells its parent: that it has begun."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self) -> None:
        self._pipe.send("begun")


class Apart:
    """Work that goes on in another process; `report` waits for what it returns."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def begun(self, seconds: float = STARTS_WITHIN) -> None:
        """Wait until the work calls `begin`."""
        await self._receive(seconds)

    async def report(self) -> Any:
        """Wait until the work is done, and return its value."""
        return await self._receive(ENDS_WITHIN)

    async def _receive(self, seconds: float) -> Any:
        if not await asyncio.to_thread(self._pipe.poll, seconds):
            raise Broken("an attacker's process said nothing")
        try:
            return self._pipe.recv()
        except EOFError:
            raise Broken("an attacker's process ended") from None


@contextlib.asynccontextmanager
async def apart(work: Callable[..., Any], *arguments: object) -> AsyncIterator[Apart]:
    """Run `work(signal, *arguments)` in another process, which does not outlive the block."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=_run, args=(work, there, arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield Apart(here)
    finally:
        process.kill()
        process.join()
        here.close()


def _run(work: Callable[..., Any], pipe: Connection, arguments: tuple[object, ...]) -> None:
    pipe.send(work(Signal(pipe), *arguments))
