"""A browser and a room in memory, in virtual time, for the tests of what its tabs are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sockatuh import Profile, Room
from sockatuh.client.server_address import ServerAddress
from sockatuh.protocol.server.limits import Limits
from sockatuh.testing import MemoryRoom
from sockatuh.web.browser import Browser
from sockatuh.web.browsers import Browsers
from sockatuh.web.feed import Feed, Place
from sockatuh.web.speech import speech_of
from sockatuh.web.way import Way

ADDRESS = "192.168.1.20"
FAST = Limits(lines_per_second=10_000, lines_burst=10_000)


def way_to(kitchen: MemoryRoom, directory: Path) -> Way:
    def connect(server: ServerAddress, **options: Any) -> Any:
        return kitchen.connect(server.server, **{"password": None, **options})

    return Way(ServerAddress("127.0.0.1"), Profile(directory / "known"), bytes(32), connect)


class Tab:
    """A tab's stream: `seen` is what it was told."""

    def __init__(self, browser: Browser, language: str = "en") -> None:
        self.browser, self.language = browser, language
        self.seen: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.feed: Feed | None = None
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    async def open(self, after: str = "") -> None:
        feed = self.feed = self.browser.open_feed(speech_of(self.language), ADDRESS)
        await self.browser.open(ADDRESS)
        self._task = asyncio.create_task(self._read(feed, Place.parse_untrusted(after)))

    async def _read(self, feed: Feed, after: Place | None) -> None:
        async for data in self.browser.events(feed, after):
            for line in data.decode().splitlines():
                if line.startswith("id: "):
                    self.ids.append(line[4:])
                elif line.startswith("data: "):
                    self.seen.append(json.loads(line[6:]))
                    self._moved.set()
        self.seen.append({"type": "END"})
        self._moved.set()

    async def until(self, **facts: Any) -> dict[str, Any]:
        while True:
            for each in self.seen:
                if facts.items() <= each.items():
                    return each
            self._moved.clear()
            async with asyncio.timeout(60):
                await self._moved.wait()

    async def close(self) -> None:
        assert self._task is not None
        assert self.feed is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.browser.close_feed(self.feed)

    def texts(self) -> list[str]:
        return [each["text"] for each in self.seen if each["type"] == "message"]


@asynccontextmanager
async def in_kitchen(
    tmp_path: Path, name: str = "phone", limits: Limits = FAST
) -> AsyncIterator[tuple[MemoryRoom, Browsers, str, Browser]]:
    async with MemoryRoom(limits=limits) as kitchen:
        browsers = Browsers(tmp_path, way_to(kitchen, tmp_path))
        token, browser = await browsers.join(None, name, kitchen.password, ADDRESS)
        try:
            yield kitchen, browsers, token, browser
        finally:
            await browsers.let_go()


def reopened(tmp_path: Path, kitchen: MemoryRoom, token: str) -> tuple[Browsers, Browser]:
    """Return the browsers of a gateway that begins anew, and the one that has a cookie."""
    browsers = Browsers(tmp_path, way_to(kitchen, tmp_path))
    browser = browsers.find(token)
    assert browser is not None
    return browsers, browser


async def said(room: Room, count: int, what: str = "line") -> None:
    for number in range(count):
        await room.say(f"{what} {number}")
