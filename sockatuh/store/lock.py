"""One server for one room: whoever holds the state directory's lock."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import DatabaseUnusable, KeyFileError

from .files import ensure_private_directory, explained, open_private

LOCK_FILE: Final = "room.lock"
STOP_IT: Final = "stop it first; a service: sudo systemctl stop sockatuh.socket sockatuh.service"
"""The socket too, or the next datagram would start the service again."""
_WITHOUT_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""How a file system says that it locks nothing, as many across a network do."""


def lock_directory(directory: Path) -> IO[bytes]:
    """Take the lock of a state directory, made if missing; DatabaseUnusable if another process has it.

    The lock is held until the file is closed or the process is gone, however it ends.
    """
    ensure_private_directory(directory)
    path = directory / LOCK_FILE
    try:
        with explained(path):
            file = open(path, "ab", opener=open_private)  # noqa: SIM115 - the lock lasts as long as it is open
    except KeyFileError as error:
        raise DatabaseUnusable(error.path, error.reason) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise _refused(directory, error) from error
    return file


def is_locked(directory: Path) -> bool:
    """Tell whether a process holds the lock of a state directory; nothing is made."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
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


def _refused(directory: Path, error: OSError) -> DatabaseUnusable:
    """Return what to tell of a lock that could not be had."""
    if isinstance(error, BlockingIOError):
        reason, remedy = "another sockatuh serves this room already", STOP_IT
    elif error.errno in _WITHOUT_LOCKS:
        reason = f"the file system there has no locks ({os.strerror(error.errno)}), as some across a network have none"
        remedy = "keep the room on a disk of this machine (state_dir)"
    else:
        reason, remedy = f"it cannot be locked: {error.strerror or error}", f"see what is there: findmnt -T {directory}"
    return DatabaseUnusable(str(directory), reason, remedy)
