"""The real `chat` on a terminal in memory, in a room in memory, in virtual time: the same picture each time.

Only sockets, the terminal's driver, waiting and the clock are missing. Everybody has the same key each time. The clock
of the room's first second is 09:52 on 15 November 2023.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import io
import os
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import partialmethod
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, Self
from unittest import mock

import pyte
from kit.emulator import Emulator
from prompt_toolkit.application import create_app_session, get_app
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.base import PipeInput

from sockatuh.cli import chat
from sockatuh.cli.fullscreen.screen import FullScreen
from sockatuh.cli.inline_screen import InlineScreen
from sockatuh.cli.notifications import Notifier
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.client.server_address import ServerAddress
from sockatuh.store.files import ensure_private_directory, write_private
from sockatuh.testing import EPOCH, MemoryRoom

ZONE: Final = "KITCHEN-11:38:40"
"""As POSIX writes it: so far ahead of UTC that the room opens at 09:52:00."""
SERVER: Final = "kitchen-pi"
SETTLED: Final = 0.5
"""Virtual seconds within which whatever was said or typed is on the screen."""


class _Paper(io.StringIO):
    """A stream that says it is a terminal; what is written to it is drawn."""

    encoding = "utf-8"

    def __init__(self, draw: Any, descriptor: int) -> None:
        super().__init__()
        self._draw, self._descriptor = draw, descriptor

    def write(self, text: str) -> int:
        self._draw(text.replace("\r\n", "\n").replace("\n", "\r\n"))
        return len(text)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


class Stage:
    """A person's terminal, with `chat` in it."""

    def __init__(self, keys: PipeInput, terminal: int, screen: Emulator) -> None:
        self.screen = screen
        self.written = ""
        self._keys, self._terminal = keys, terminal
        self._stream = pyte.Stream(self.screen)
        self.task: asyncio.Task[None] | None = None

    @property
    def rows(self) -> list[str]:
        """The rows of the screen, without what is blank at their ends."""
        return [row.rstrip() for row in self.screen.display]

    def draw(self, text: str) -> None:
        """Take what the program writes."""
        self.written += text
        self._stream.feed(text)

    async def pause(self) -> None:
        """Wait until whatever was said is on the screen."""
        await asyncio.sleep(SETTLED)

    async def type(self, text: str) -> None:
        """Press keys, and wait until the screen shows it."""
        self._keys.send_text(text)
        await asyncio.sleep(SETTLED)

    async def paste(self, text: str) -> None:
        """Paste, as a terminal does that knows bracketed paste."""
        await self.type(f"\x1b[200~{text}\x1b[201~")

    async def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size."""
        self.screen.resize(rows, columns)
        _set_size(self._terminal, columns, rows)
        get_app()._on_resize()
        await asyncio.sleep(SETTLED)

    @property
    def is_running(self) -> bool:
        """Tell whether the program has not ended yet."""
        return self.task is not None and not self.task.done()

    async def end(self) -> None:
        """Wait until the program has ended by itself; raises the error with which it has."""
        task, self.task = self.task, None
        assert task is not None
        await task


@contextlib.asynccontextmanager
async def chatting(
    kitchen: MemoryRoom,
    directory: Path,
    *,
    columns: int = 80,
    rows: int = 24,
    name: str = "tom",
    joins: bool = True,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Stage]:
    """Run `chat` for the time of the block; `joins`: on a terminal that joins characters as most new ones do."""
    known = {
        "SOCKATUH_PASSWORD": kitchen.password,
        "SOCKATUH_CLIENT_DIR": str(_person(directory / name, name)),
        "TERM": "xterm-256color",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(directory),
        "TZ": ZONE,
        "COLUMNS": str(columns),
        "LINES": str(rows),
    }
    ours, theirs = os.openpty()
    _set_size(theirs, columns, rows)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        stack.callback(os.close, theirs)
        keys = stack.enter_context(create_pipe_input())
        stage = Stage(keys, theirs, Emulator(columns, rows, joins=joins))
        paper = _Paper(stage.draw, theirs)
        stack.callback(time.tzset)  # when the environment is as before
        stack.enter_context(mock.patch.dict(os.environ, known | dict(environ), clear=True))
        time.tzset()
        stack.enter_context(_virtual_clock())
        for stream in ("stdin", "stdout", "stderr"):
            stack.enter_context(mock.patch.object(sys, stream, paper))
        stack.enter_context(mock.patch("sockatuh.cli.connection.connect", connecting(kitchen)))
        stack.enter_context(create_app_session(input=keys))
        stage.task = asyncio.create_task(_started(SERVER, name))
        await asyncio.sleep(SETTLED)
        try:
            yield stage
        finally:
            if stage.task is not None:
                stage.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await stage.task


def _started(server: str, name: str) -> Any:
    """Return what `chat` would have run by an event loop of its own."""
    mains: list[Any] = []
    with mock.patch("sockatuh.cli.chat.run", lambda main, **_: mains.append(main)):
        chat.chat(server, name)
    return mains[0]()


@contextlib.asynccontextmanager
async def guest(kitchen: MemoryRoom, directory: Path, name: str) -> AsyncIterator[Room]:
    """Join as somebody else, with the key that this name always has."""
    async with kitchen.connect(name=name, profile=Profile(_person(directory / name, name))) as room:
        yield room


def _person(directory: Path, name: str) -> Path:
    if not directory.exists():
        ensure_private_directory(directory)
        write_private(directory / "identity", base64.b64encode(hashlib.sha256(name.encode()).digest()))
    return directory


def connecting(kitchen: MemoryRoom) -> Any:
    def connect(server: ServerAddress, **options: Any) -> Any:
        return kitchen.connect(server.host, **options)

    return connect


@contextlib.contextmanager
def _virtual_clock() -> Iterator[None]:
    """Let every clock of the program show the loop's time, and its wall that of the kitchen."""
    loop = asyncio.get_running_loop()

    class KitchenTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(wall(), tz)

    def wall() -> float:
        return EPOCH / 1000 + loop.time()

    assert InlineScreen.__module__ in sys.modules, "it has to be imported before its clock can be replaced"
    kitchen = SimpleNamespace(**vars(time) | {"time": wall, "monotonic": loop.time})
    with contextlib.ExitStack() as stack:
        # Only in our modules: prompt_toolkit postpones its paintings until a clock that stood still would go on.
        for name, module in list(sys.modules.items()):
            if name.startswith("sockatuh."):
                for attribute, real, ours in (("time", time, kitchen), ("datetime", datetime, KitchenTime)):
                    if getattr(module, attribute, None) is real:
                        stack.enter_context(mock.patch.object(module, attribute, ours))
        for clocked in (Notifier, FullScreen):  # their default was taken from `time` when they were defined
            stack.enter_context(
                mock.patch.object(clocked, "__init__", partialmethod(clocked.__init__, clock=loop.time))
            )
        yield


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
