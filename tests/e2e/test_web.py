"""The web door in a process of its own: gateway and room are killed while browsers talk through them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from e2e.running import PASSWORD, PATIENCE, Room
from kit.web_client import Client
from machine import free_port

from sockatuh.store.history import HistoryReader

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="each browser has an address of its own there only")

LINES = 40
DYING = """
import os, signal, sys
from sockatuh.cli import app
from sockatuh.web import outbox
from sockatuh.web.journal import Journal

owner, name = {"handing over": (outbox, "_say"), "noting": (Journal, "store")}[sys.argv[1]]
real, left = getattr(owner, name), int(sys.argv[2])

def dying(*arguments):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)

setattr(owner, name, dying)
sys.exit(app.run(sys.argv[3:]))
"""
"""Runs a gateway that is killed before it hands a line in its journal to the room, or notes that one is stored."""


class GatewayProcess:
    """`sockatuh web` in a process of its own."""

    def __init__(self, room: Room, state: Path) -> None:
        self.port = free_port()
        listen = f"127.0.0.1:{self.port}"
        self._arguments = ["web", f"127.0.0.1:{room.port}", "--listen", listen, "--http", "--state", str(state)]
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            await self.end(signal.SIGKILL)

    async def start(self, *dies: str) -> None:
        """Start it; `dies`: before what it is killed, and at which time it would do it."""
        command = [sys.executable, *(("-c", DYING, *dies) if dies else ("-m", "sockatuh")), *self._arguments]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        self._process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    if dies and self._process.poll() is not None:  # already
                        return
                    assert self._process.poll() is None, "it has ended"
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    async def died(self) -> None:
        """Wait until it was killed by itself."""
        assert self._process is not None
        assert await asyncio.to_thread(self._process.wait, PATIENCE) == -signal.SIGKILL

    async def end(self, number: int = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return await asyncio.to_thread(self._process.wait, PATIENCE)


class Page:
    """What the page does: sends its lines one after another until each is taken, and reads on after each loss."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name
        self.seen: list[dict[str, Any]] = []
        self.taken = 0
        self._last = ""
        self._news = asyncio.Event()

    async def say(self, count: int) -> None:
        for n in range(1, count + 1):
            line = {"page": "tab", "n": n, "text": f"{self.name} {n}"}
            while True:
                try:
                    answer = await self.client.ask("POST", "/say", line)
                except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                    await asyncio.sleep(0.1)
                    continue
                if answer.status in (200, 202):
                    break
                assert answer.status in (429, 502, 503), answer.body
                await asyncio.sleep(0.1)
            self.taken = n
            await asyncio.sleep(0.02)

    async def read(self) -> None:
        while True:
            headers, following = {"Last-Event-ID": self._last} if self._last else {}, ""
            try:
                async with self.client.stream(headers) as stream:
                    while row := (await stream.reader.readline()).decode():
                        if row.startswith("id: "):
                            following = row[4:].strip()
                        elif row.startswith("data: ") and row.endswith("\n"):
                            self._take(json.loads(row[6:]), following)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                pass
            await asyncio.sleep(0.1)

    def _take(self, told: dict[str, Any], place: str) -> None:
        if told["type"] == "message":
            self.seen.append(told)
            self._last = place
            self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def texts(self) -> list[str]:
        return [each["text"] for each in self.seen]


def said_in(room: Room) -> list[str]:
    return [line.text for line in HistoryReader(room.state_dir / "room.db").messages(None, None, 10_000)]


async def join(gateway: GatewayProcess) -> list[Page]:
    """Return two pages that have joined."""
    pages = [Page(Client("127.0.0.1", gateway.port), name) for name in ("ana", "budi")]
    for page in pages:
        joined = await page.client.ask("POST", "/join", {"name": page.name, "password": PASSWORD})
        assert joined.status == 200, joined.body
    return pages


async def check(
    room: Room, pages: list[Page], talkers: list[asyncio.Task[None]], readers: list[asyncio.Task[None]]
) -> None:
    """Wait until all was said and read; each line must be in the log once, and told once to each page, in order."""
    await asyncio.gather(*talkers)
    for page in pages:
        await page.until(lambda page=page: len(page.seen) >= 2 * LINES)  # type: ignore[misc]
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    everything = [f"{page.name} {n}" for page in pages for n in range(1, LINES + 1)]
    stored = said_in(room)
    assert sorted(stored) == sorted(everything)
    for page in pages:
        assert page.texts() == stored, "each line once, in the order of the log"
        own = [text for text in stored if text.startswith(page.name)]
        assert own == [f"{page.name} {n}" for n in range(1, LINES + 1)]


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_kills_of_gateway_and_room_lose_and_double_nothing(room: Room, tmp_path: Path, kills: int) -> None:
    async def story() -> None:
        async with room.serve() as server, GatewayProcess(room, tmp_path / "web") as gateway:
            pages = await join(gateway)
            readers = [asyncio.create_task(page.read()) for page in pages]
            talkers = [asyncio.create_task(page.say(LINES)) for page in pages]
            for part in range(1, kills + 1):
                while pages[0].taken < part * LINES // (kills + 1):
                    await asyncio.sleep(0.02)
                if part % 2:
                    await gateway.end(signal.SIGKILL)
                    await gateway.start()
                else:
                    await server.kill()
                    await server.start()
            await check(room, pages, talkers, readers)
            assert not server.events("member_left"), "nobody was seen to leave"
            assert await gateway.end() == 0

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.parametrize("before", ["handing over", "noting"])
def test_kills_between_the_journal_and_the_room_lose_and_double_nothing(
    room: Room, tmp_path: Path, before: str
) -> None:
    async def story() -> None:
        async with room.serve() as server, GatewayProcess(room, tmp_path / "web") as gateway:
            pages = await join(gateway)
            readers = [asyncio.create_task(page.read()) for page in pages]
            talkers = [asyncio.create_task(page.say(LINES)) for page in pages]
            await gateway.end(signal.SIGKILL)
            for call in (1, 2, 3, 5, 8):
                await gateway.start(before, str(call))
                await gateway.died()
            await gateway.start()
            await check(room, pages, talkers, readers)
            assert not server.events("member_left"), "nobody was seen to leave"
            assert await gateway.end() == 0

    asyncio.run(story())
