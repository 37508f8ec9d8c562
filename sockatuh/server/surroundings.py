"""What the admin is told that has to be read from the disk and from the network interfaces, never in the event loop.

A state directory may hang: a dying disk, a network file system that is gone. Whoever asks then is told what was read
last, and the room goes on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from sockatuh.net.background import in_background
from sockatuh.net.interfaces import lan_addresses_of
from sockatuh.store.backup_stamp import Stamp, read_stamp
from sockatuh.store.files import DATABASE

READ_WITHIN: Final = 1.0
"""Seconds that a query waits for what is read; `status --check` gives up after three."""


class Surroundings(msgspec.Struct, frozen=True):
    """The addresses at which others reach the room, the bytes of its database on disk, and its last backup."""

    addresses: tuple[str, ...]
    database: int
    stamp: Stamp


def read_surroundings(state_dir: Path, sock: socket.socket) -> Surroundings:
    """Read them for a bound socket and a state directory; this may take as long as the disk does."""
    database = sum(map(_size, (state_dir / DATABASE, state_dir / f"{DATABASE}-wal")))
    return Surroundings(lan_addresses_of(sock), database, read_stamp(state_dir))


class SurroundingsReader:
    """Reads them again whenever it is asked, in one thread at most, and keeps what was read `last`."""

    def __init__(self, read: Callable[[], Surroundings]) -> None:
        self._read = read
        self._reading: asyncio.Task[None] | None = None
        self.last = read()

    async def refresh(self) -> None:
        """Read them again, and return after READ_WITHIN in any case; what hangs is not started a second time."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._refresh())
        await asyncio.wait([self._reading], timeout=READ_WITHIN)

    async def _refresh(self) -> None:
        try:
            self.last = await in_background(self._read)
        except OSError:
            pass  # what was read last is as good as it gets
        finally:
            self._reading = None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
