"""The lock of a state directory, which lets only one server run a room."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import DatabaseUnusable, KeyFileError

from .files import ensure_private_directory, explained, lock, open_private

LOCK_FILE: Final = "room.lock"
STOP_IT: Final = "stop it first; a service: sudo systemctl stop sockatuh.socket sockatuh.service"
"""The socket too, or the next datagram would start the service again."""
_WITHOUT_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""The errors of file systems without locks, as many network file systems are."""


def lock_directory(directory: Path) -> IO[bytes]:
    """Lock a state directory, which is made if missing; DatabaseUnusable if another process has locked it.

    The lock lasts until the returned file is closed or the process ends, in whatever way.
    """
    ensure_private_directory(directory)
    path = directory / LOCK_FILE
    try:
        with explained(path):
            file = open(path, "ab", opener=open_private)  # noqa: SIM115 - the lock lasts as long as it is open
    except KeyFileError as error:
        raise DatabaseUnusable(error.path, error.reason) from error
    try:
        lock(file.fileno(), wait=False)
    except OSError as error:
        file.close()
        raise _refused(directory, error) from error
    return file


def is_locked(directory: Path) -> bool:
    """Return whether a process has locked a state directory; nothing is created."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        lock(descriptor, wait=False, shared=True)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def _refused(directory: Path, error: OSError) -> DatabaseUnusable:
    """Return the error for a lock that could not be taken."""
    if isinstance(error, BlockingIOError):
        reason, remedy = "another sockatuh serves this room already", STOP_IT
    elif error.errno in _WITHOUT_LOCKS:
        reason = f"the file system there has no locks ({os.strerror(error.errno)}), as some across a network have none"
        remedy = "keep the room on a disk of this machine (state_dir)"
    else:
        reason, remedy = f"it cannot be locked: {error.strerror or error}", f"see what is there: findmnt -T {directory}"
    return DatabaseUnusable(str(directory), reason, remedy)
