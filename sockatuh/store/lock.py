"""One server for one room: whoever holds the state directory's lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import DatabaseUnusable, KeyFileError

from .files import ensure_private_directory, explained

LOCK_FILE: Final = "room.lock"
STOP_IT: Final = "stop it first; a service: sudo systemctl stop sockatuh.socket sockatuh.service"
"""The socket too, or the next datagram would start the service again."""


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
        raise DatabaseUnusable(str(directory), "another sockatuh serves this room already", STOP_IT) from None
    return file


def is_locked(directory: Path) -> bool:
    """Tell whether a process holds the lock of a state directory; nothing is made."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False
