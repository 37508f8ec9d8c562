"""One server for one room: whoever holds the state directory's lock."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from sockatuh.errors import DatabaseUnusable

from .files import ensure_private_directory


def lock_directory(directory: Path) -> IO[bytes]:
    """Take the lock of a state directory, made if missing; DatabaseUnusable if another process has it.

    The lock is held until the file is closed or the process is gone, however it ends.
    """
    ensure_private_directory(directory)
    path = directory / "room.lock"
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DatabaseUnusable(str(directory), "another sockatuh serves this room already") from None
    return file
