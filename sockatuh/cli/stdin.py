"""Reads the lines of stdin in a thread, which works for terminals, pipes and files on every system.

At most one piece is read ahead, so a fast writer blocks instead of filling memory. Of a line that is far too long only
the size is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Final

import msgspec

from sockatuh.wording import client as phrases

from .safe_output import raw_of

PIECE: Final = 65_536
LONGEST: Final = 262_144
"""Bytes of a line that are kept; a text of 16 KiB needs less even if each byte of it is escaped."""


class InputLine(msgspec.Struct, frozen=True):
    """One line without its line end: its number from 1, its size in bytes, and its bytes if at most LONGEST."""

    number: int
    size: int
    data: bytes

    @property
    def is_whole(self) -> bool:
        """Tell whether the bytes were kept."""
        return len(self.data) == self.size


class LineCutter:
    """Splits pieces of any size into lines; keeps at most LONGEST bytes of each."""

    def __init__(self) -> None:
        self._count = self._size = 0
        self._kept = bytearray()
        self._last = b""

    def cut(self, piece: bytes) -> Iterator[InputLine]:
        """Yield the lines that end in a piece."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._take(part)
            yield self._line()
        self._take(rest)

    def rest(self) -> Iterator[InputLine]:
        """Yield the last line if it does not end in a newline."""
        if self._size:
            yield self._line()

    def _take(self, part: bytes) -> None:
        if part:
            self._size += len(part)
            self._last = part[-1:]
            self._kept += part[: LONGEST + 1 - len(self._kept)]

    def _line(self) -> InputLine:
        self._count += 1
        size = self._size - (self._last == b"\r")
        data = bytes(self._kept[:size]) if size <= LONGEST else b""
        self._kept.clear()
        self._size, self._last = 0, b""
        return InputLine(self._count, size, data)


class NoText(ValueError):
    """A line that cannot be sent: a code of the protocol or `bad_line`, the line's size, and perhaps a sentence."""

    def __init__(self, code: str, size: int, reason: str = "") -> None:
        super().__init__(code, size, reason)
        self.code, self.size, self.reason = code, size, reason


def text_of(line: InputLine) -> str:
    """Return the text of a line, or raise NoText."""
    if not line.is_whole:
        raise NoText("text_too_long", line.size)
    if b"\0" in line.data:
        raise NoText("bad_line", line.size, phrases.HOLDS_NUL)
    try:
        return line.data.decode()
    except UnicodeDecodeError:
        raise NoText("bad_line", line.size, phrases.NOT_UTF8) from None


async def read_lines() -> AsyncIterator[InputLine]:
    """Yield the lines of stdin."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    wanted = threading.Semaphore(0)
    # The raw file: a thread that is blocked in a buffered one keeps the interpreter from exiting.
    source = raw_of(sys.stdin)

    def read() -> None:
        piece = b"-"
        with contextlib.suppress(OSError, RuntimeError):  # stdin failed; the loop is closed
            while piece:
                wanted.acquire()
                piece = source.read(PIECE)
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(pieces.put_nowait, b"")

    threading.Thread(target=read, name="stdin", daemon=True).start()
    cutter = LineCutter()
    while True:
        wanted.release()
        if not (piece := await pieces.get()):
            break
        for line in cutter.cut(piece):
            yield line
    for line in cutter.rest():
        yield line
