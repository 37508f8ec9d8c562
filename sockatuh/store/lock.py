"""One server for one room: whoever holds the state directory's lock."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import DatabaseUnusable, KeyFileError

from .files import ensure_private_directory, explained

LOCK_FILE: Final = "room.lock"


def lock_directory(directory: Path) -> IO[bytes]:
    """Take the lock of a state directory, made if missing; DatabaseUnusable if another process has it.

    The lock is held until the file is closed or the process is gone, however it ends.
    """
    ensure_private_directory(directory)
    path = directory / LOCK_FILE
    try:
        with explained(path):
            file = path.open("ab")
    except KeyFileError as error:
        raise DatabaseUnusable(error.path, error.reason) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        reason, remedy = "another sockatuh serves this room already", "stop it first: sudo systemctl stop sockatuh"
        raise DatabaseUnusable(str(directory), reason, remedy) from None
    return file
