"""Which browsers the room's admin keeps out by their address.

The room sees the address that the gateway connects from, so a ban of a browser's own address would miss it. The room
writes those bans to a file that everybody on its machine may read (store/barred.py); the gateway looks at it with
each request, and every few seconds, and refuses or ends the browsers that they cover, as the room would.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from sockatuh.errors import Removed
from sockatuh.room.targets import find_number, find_prefix
from sockatuh.store.barred import Barred, read_barred


class BarredAddresses:
    """The bans in a file, as last read; no path: there are none. `clock` returns seconds since 1970."""

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._networks: dict[tuple[int, int], dict[int, Barred]] = {}
        """By version of IP and bits that vary, as in the room's order book."""
        self._read: tuple[int, ...] | None = None
        """What the file system said of the file that was read last."""
        self.fault = ""
        """Why the file cannot be read; then the bans read before stay."""
        self.changes = 0
        """Counts how often it was another one."""

    def look(self) -> None:
        """Read the file if it is another than before."""
        if self._path is None:
            return
        state: tuple[int, ...] | None = None
        barred: tuple[Barred, ...] = ()
        try:
            with contextlib.suppress(FileNotFoundError):  # a room that bans no address, or does not run
                found = self._path.stat()
                state = (found.st_ino, found.st_mtime_ns, found.st_size)
            if state != self._read and state is not None:
                barred = read_barred(self._path)
        except (OSError, ValueError) as error:
            self.fault = getattr(error, "strerror", None) or str(error)
            return
        self.fault = ""
        if state == self._read:
            return
        self._read, self._networks = state, {}
        self.changes += 1
        for each in barred:
            if (place := find_prefix(each.network)) is not None:
                version, bits, prefix = place
                self._networks.setdefault((version, bits), {})[prefix] = each

    def find(self, address: str, *, is_known: bool) -> Removed | None:
        """Return what keeps a browser at an address out; a ban of strangers spares one that has joined, `is_known`."""
        self.look()
        if not self._networks or (number := find_number(address)) is None:
            return None
        version, value = number
        now = self._clock() * 1000
        for (of, bits), networks in self._networks.items():
            found = networks.get(value >> bits) if of == version else None
            if found is None or (found.strangers and is_known) or (found.until is not None and found.until <= now):
                continue
            wait = 0.0 if found.until is None else (found.until - now) / 1000
            return Removed("banned", wait, found.reason, found.until)
        return None
