"""The lines of stdin, read in a thread: it works the same for a terminal, a pipe and a file, on every system.

At most one piece is read ahead of what was taken, so whoever writes is held up rather than remembered.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Final

PIECE: Final = 65_536
LONGEST: Final = 262_144
"""Bytes of a line that are kept; a text of 16 KiB needs less even if each byte of it is escaped."""


async def read_lines() -> AsyncIterator[bytes]:
    """Yield the lines of stdin without their ends; the last one needs none. Of one over LONGEST, only so much."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    wanted = threading.Semaphore(0)

    def read() -> None:
        piece = b"-"
        # A raw file: a thread that is stuck in a buffered one keeps the interpreter from ending.
        with contextlib.suppress(OSError, RuntimeError), open(0, "rb", buffering=0, closefd=False) as source:
            while piece:
                wanted.acquire()
                piece = source.read(PIECE)
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(pieces.put_nowait, b"")

    threading.Thread(target=read, name="stdin", daemon=True).start()
    kept = b""
    while True:
        wanted.release()
        if not (piece := await pieces.get()):
            break
        *lines, kept = (kept + piece).split(b"\n")
        kept = kept[:LONGEST]
        for line in lines:
            yield line.removesuffix(b"\r")
    if kept:
        yield kept.removesuffix(b"\r")
