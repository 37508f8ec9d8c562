"""The file `barred` of a running room: the addresses that are banned, for what lets people in from elsewhere.

The room sees the gateway of the door for browsers (docs/WEB.md) and not where its browsers are, so the gateway refuses
them. It has no right to ask the control socket, and needs none: the file may be read by everybody on this machine. No
file stands for no ban.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "barred"
VERSION: Final = 1
MODE: Final = 0o644
MOST_BYTES: Final = 16 << 20
"""Of a file that is read; ten thousand bans with the longest reasons take half of that."""


class Barred(msgspec.Struct, frozen=True, kw_only=True):
    """A banned address or network; `until` is in ms since 1970 (None: for ever), `strangers`: only who is new."""

    network: str
    until: int | None
    reason: str
    strangers: bool


class _File(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    barred: tuple[Barred, ...]


def write_barred(path: Path, barred: Sequence[Barred]) -> None:
    """Replace the file at once; raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()  # of a process that was killed
    with open(fresh, "xb") as file:
        if os.name == "posix":
            os.fchmod(file.fileno(), MODE)  # whatever the umask is
        file.write(msgspec.json.encode(_File(v=VERSION, barred=tuple(barred))))
    os.replace(fresh, path)


def read_barred(path: Path) -> tuple[Barred, ...]:
    """Return the bans in the file; raises OSError, and ValueError for what is no such file."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    if len(data) > MOST_BYTES:
        raise ValueError("too large")
    found = msgspec.json.decode(data, type=_File)
    if found.v != VERSION:
        raise ValueError(f"version {found.v}")
    return found.barred
