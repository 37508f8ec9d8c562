"""The stamp of the last backup, beside the database: it tells the room when it was copied last, and that a copy failed.

Whoever makes a backup writes it, as the owner of the state directory; the room only reads it. A timer's backup that
cannot even begin writes nothing, so a stamp also says when the next one is expected.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from sockatuh.errors import KeyFileError

from .as_owner import as_owner
from .files import find_bytes, write_private

STAMP: Final = "backup.json"
MAX_STAMP: Final = 16_384
"""Bytes of a stamp that is read."""
LATE: Final = 1.5
"""A backup is overdue this many times its interval after the last one."""


class Stamp(msgspec.Struct, frozen=True):
    """When the last backup was made (ms since 1970) and to which file; when a later one failed, and why.

    `every` is the seconds within which the next one is expected, None if none is.
    """

    at: int | None = None
    file: str = ""
    failed: int | None = None
    reason: str = ""
    every: float | None = None

    @property
    def due(self) -> int | None:
        """From when on (ms since 1970) the next backup is overdue."""
        since = self.at if self.at is not None else self.failed
        return None if since is None or self.every is None else since + int(self.every * LATE * 1000)


def read_stamp(directory: Path) -> Stamp:
    """Return the stamp in a state directory, an empty one if there is none that can be read."""
    try:
        if os.stat(directory / STAMP, follow_symlinks=False).st_size > MAX_STAMP:
            return Stamp()
        return msgspec.json.decode(find_bytes(directory / STAMP) or b"{}", type=Stamp)
    except (KeyFileError, OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return Stamp()


def note_made(directory: Path, at: int, file: Path, every: float | None) -> None:
    """Note that a backup was made; `every`: None leaves what is expected as it is. Raises KeyFileError, OSError."""
    made: dict[str, Any] = {"at": at, "file": str(file), "failed": None, "reason": ""}
    _change(directory, made | ({} if every is None else {"every": every}))


def note_failed(directory: Path, at: int, reason: str, every: float | None) -> None:
    """Note that a backup failed, and why. Raises KeyFileError, OSError."""
    failed: dict[str, Any] = {"failed": at, "reason": reason[:1_000]}
    _change(directory, failed | ({} if every is None else {"every": every}))


def expect_no_more(directory: Path) -> None:
    """Note that no further backup is expected, and that none has failed. Raises KeyFileError, OSError."""
    _change(directory, {"every": None, "failed": None, "reason": ""})


def _change(directory: Path, fields: dict[str, Any]) -> None:
    as_owner(directory, partial(_write, fields))


def _write(fields: dict[str, Any], directory: Path, _: None) -> None:
    before = read_stamp(directory)
    after = replace(before, **fields)
    if after != before:
        write_private(directory / STAMP, msgspec.json.encode(after))
