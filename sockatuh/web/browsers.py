"""All browsers that have joined: each by the hash of its cookie, with a directory of its own.

At most so many are in the room at a time, and so many are remembered; those unused for long are forgotten first. A
browser that has not joined has nothing here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sockatuh.errors import KeyFileError, SockAtuhError
from sockatuh.store.files import ensure_private_directory

from .barred import BarredAddresses
from .browser import LINGER, Browser
from .cookies import KEPT_FOR, TOKEN_BYTES, hash_of, make_token
from .way import Way

FOLDER: Final = "browsers"
KEPT: Final = 2_000
"""The most browsers that are remembered."""
LIVE: Final = 200
"""The most browsers in the room at a time, if nothing else is set."""
_HASH: Final = re.compile("[0-9a-f]{64}")


class DoorFull(Exception):
    """As many browsers are in the room as the gateway takes."""


class Browsers:
    """The browsers of one gateway; `live` is how many may be in the room."""

    def __init__(
        self,
        directory: Path,
        way: Way,
        *,
        live: int = LIVE,
        kept: int = KEPT,
        linger: float = LINGER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read which browsers there are; raises KeyFileError."""
        self._directory, self._way = directory / FOLDER, way
        self._live, self._most_kept, self._linger, self._clock = live, kept, linger, clock
        self._joining = 0
        ensure_private_directory(directory)
        ensure_private_directory(self._directory)
        self._kept = {path.name for path in self._directory.iterdir() if _HASH.fullmatch(path.name)}
        self._in_memory: dict[str, Browser] = {}
        self._coming: Counter[str] = Counter()
        """Those that are about to come into the room, which are not forgotten meanwhile."""

    @property
    def live(self) -> int:
        """How many browsers are in the room, or on their way."""
        return sum(browser.is_live for browser in self._in_memory.values())

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, token: str | None) -> Browser | None:
        """Return the browser with a cookie, if it has joined."""
        if token is None or (hashed := hash_of(token)) not in self._kept:
            return None
        return self._in_memory.get(hashed) or self._remember(hashed)

    async def join(self, token: str | None, name: str, password: str, address: str) -> tuple[str, Browser]:
        """Let a browser into the room, and return its cookie; raises DoorFull, and what `Browser.join` raises."""
        browser = self.find(token)
        if browser is not None and token is not None:
            self._admit(browser)
            with self._comes(browser):
                await browser.join(name, password, address)
            return token, browser
        if self.live + self._joining >= self._live:
            raise DoorFull
        self._joining += 1
        token = make_token(os.urandom(TOKEN_BYTES))
        browser = Browser(self._directory / hash_of(token), self._way, linger=self._linger, clock=self._clock)
        try:
            ensure_private_directory(browser.directory)
            await self._join_first(browser, name, password, address)
        except BaseException:
            browser.forget()
            raise
        finally:
            self._joining -= 1
        self._make_room()
        self._kept.add(browser.directory.name)
        self._in_memory[browser.directory.name] = browser
        return token, browser

    async def _join_first(self, browser: Browser, name: str, password: str, address: str) -> None:
        """Let a new browser join; if only its coming back fails, its first stream tries that again.

        The name is its key's from then on, so a browser without that key could not have it any longer.
        """
        try:
            await browser.join(name, password, address)
        except (SockAtuhError, OSError):
            if not browser.name:
                raise

    async def open(self, browser: Browser, address: str, *, returns: bool = False) -> None:
        """Bring a browser back into the room; raises DoorFull, and what `Browser.open` raises."""
        self._admit(browser)
        with self._comes(browser):
            await browser.open(address, returns=returns)

    async def leave(self, browser: Browser, *, forget: bool) -> None:
        """Let a browser leave; `forget`: for good. Raises what `Browser.leave` raises."""
        if forget:
            self._kept.discard(browser.directory.name)
        await browser.leave(forget=forget)
        if forget:
            self._in_memory.pop(browser.directory.name, None)
            browser.forget()

    async def bar(self, barred: BarredAddresses) -> list[Browser]:
        """Let the browsers leave whose addresses are banned, all at once, and return them."""
        live = [browser for browser in self._in_memory.values() if browser.is_live]
        found = [(each, barred.find(address, is_known=True)) for each in live for address in each.addresses]
        gone = {browser: removed for browser, removed in found if removed is not None}
        await asyncio.gather(*(browser.bar(removed) for browser, removed in gone.items()))
        return list(gone)

    def sweep(self) -> None:
        """Forget the browsers that were not used for long, and release the memory of those that are away."""
        for hashed, browser in list(self._in_memory.items()):
            is_away = not browser.is_live and not browser.streams and not self._coming[hashed]
            if is_away and not browser.wants_password and browser.removed is None:
                del self._in_memory[hashed]
        before = self._clock() - KEPT_FOR
        for hashed in list(self._kept - self._in_memory.keys()):
            if _used_at(self._directory / hashed) < before or self._has_no_name(hashed):
                self._forget(hashed)

    async def let_go(self) -> None:
        """End all connections, because the gateway ends."""
        await asyncio.gather(*(browser.let_go() for browser in self._in_memory.values()))

    @contextlib.contextmanager
    def _comes(self, browser: Browser) -> Iterator[None]:
        hashed = browser.directory.name
        self._coming[hashed] += 1
        try:
            yield
        finally:
            self._coming[hashed] -= 1
            if not self._coming[hashed]:
                del self._coming[hashed]

    def _has_no_name(self, hashed: str) -> bool:
        """Tell whether a browser never joined; what cannot be read is for the admin to look at, and stays."""
        try:
            return not Browser(self._directory / hashed, self._way).name
        except KeyFileError:
            return False

    def _admit(self, browser: Browser) -> None:
        if not browser.is_live and self.live + self._joining >= self._live:
            raise DoorFull

    def _remember(self, hashed: str) -> Browser:
        browser = Browser(self._directory / hashed, self._way, linger=self._linger, clock=self._clock)
        self._in_memory[hashed] = browser
        return browser

    def _make_room(self) -> None:
        """Forget the browser that was not used for longest, if there are too many."""
        while len(self._kept) >= self._most_kept:
            idle = [each for each in self._kept if not self._coming[each] and not self._is_live(each)]
            if not idle:
                return
            self._forget(min(idle, key=lambda hashed: _used_at(self._directory / hashed)))

    def _is_live(self, hashed: str) -> bool:
        return (browser := self._in_memory.get(hashed)) is not None and browser.is_live

    def _forget(self, hashed: str) -> None:
        self._kept.discard(hashed)
        self._in_memory.pop(hashed, None)
        with contextlib.suppress(OSError):
            shutil.rmtree(self._directory / hashed)


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
