"""The full screen in this process, on a terminal in memory: what is typed, what happens in the room, what is seen."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pyte
from client.session_double import ADMITTED, SessionDouble
from kit.emulator import Emulator
from kit.terminal import PATIENCE
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.base import PipeInput
from prompt_toolkit.output import ColorDepth

from sockatuh.cli.fullscreen.screen import FullScreen
from sockatuh.cli.sign_in import AtTerminal
from sockatuh.cli.terminal import UnaskedTerminal
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.protocol.client.events import CaughtUp, EntryArrived, PeerEvent
from sockatuh.protocol.messages import MESSAGE, Entry, MemberInfo

NOW = int(time.time() * 1000)


class Wire(io.StringIO):
    """What the program writes, on its way to the terminal."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self._stream = pyte.Stream(emulator)

    def write(self, text: str) -> int:
        self._stream.feed(text)
        return super().write(text)


class Shown:
    """A room called kitchen, in which this person is called tom."""

    def __init__(self, directory: Path, columns: int, rows: int, pipe: PipeInput, **options: Any) -> None:
        self.session = SessionDouble()
        self.room = Room(self.session, "kitchen", ADMITTED)
        self.terminal = Emulator(columns, rows)
        self.person: AtTerminal = options.pop("person", None) or AtTerminal()
        self.wire = Wire(self.terminal)
        self.now = 1_000.0
        self.running: asyncio.Task[None]
        self.was_interrupted = False
        self._pipe = pipe
        self._seq = 0
        output = UnaskedTerminal(
            self.wire, self._size, term="xterm-256color", default_color_depth=ColorDepth.DEPTH_8_BIT
        )
        self.screen = FullScreen(
            self.room, self.person, Profile(directory), output=output, input=pipe, clock=lambda: self.now, **options
        )

    async def run(self) -> None:
        """Talk until this person leaves."""
        try:
            await self.screen.run()
        except KeyboardInterrupt:
            self.was_interrupted = True  # out of a task of its own it would stop the loop

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.terminal.display]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    @property
    def paintings(self) -> int:
        """How often it was painted."""
        return self.screen._application.app.render_counter

    def type(self, keys: str) -> None:
        self._pipe.send_text(keys)

    def tell(self, *events: PeerEvent) -> None:
        self.session.tell(*events)

    def say(self, text: str, name: str = "ana", own: int | None = None) -> None:
        """Have somebody say something."""
        self._seq += 1
        self.tell(EntryArrived(Entry(self._seq, NOW, MESSAGE, "tom" if own else name, text), own))

    def happen(self, kind: int, name: str, text: str = "secure") -> None:
        """Have an entry of another kind arrive."""
        self._seq += 1
        self.tell(EntryArrived(Entry(self._seq, NOW, kind, name, text), None))

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal, as a person who drags its edge does."""
        self.terminal.resize(rows, columns)
        self.screen._application.app._on_resize()

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait until something is seen."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"no {what} in:\n{self.text}"
            await asyncio.sleep(0.002)

    async def see(self, *texts: str) -> None:
        """Wait until all of it is seen."""
        await self.until(lambda: all(text in self.text for text in texts), " and ".join(texts))

    async def miss(self, text: str) -> None:
        """Wait until it is seen no longer."""
        await self.until(lambda: text not in self.text, f"end of {text}")

    def _size(self) -> Size:
        return Size(rows=self.terminal.lines, columns=self.terminal.columns)


@contextlib.asynccontextmanager
async def shown(
    directory: Path, columns: int = 80, rows: int = 24, *, present: tuple[MemberInfo, ...] = (), **options: Any
) -> AsyncIterator[Shown]:
    """Show the screen, made with some options, for the block; afterwards it is ended if it still runs."""
    with create_pipe_input() as pipe:
        it = Shown(directory, columns, rows, pipe, **{"colour": True} | options)
        it.session.present = present
        running = it.running = asyncio.create_task(it.run())
        try:
            await it.until(lambda: "kitchen" in it.text, "header")
            it.tell(CaughtUp())
            await it.see("you are here")
            yield it
        finally:
            if not running.done():
                running.cancel()
            await asyncio.wait({running})
