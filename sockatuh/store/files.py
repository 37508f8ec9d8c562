"""Private files: 0600, in a directory nobody else can write, replaced whole or not at all; and the locks of files.

Functions raise KeyFileError with the path and the system's reason. A link in the place of a file is never followed.
Windows has no such modes: there the access list of the user's profile decides, and nothing is checked.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import DatabaseUnusable, FileNotPrivate, KeyFileError

DATABASE: Final = "room.db"
"""The room's database, in its state directory."""
LOCK_FILE: Final = "room.lock"
STOP_IT: Final = "stop it first; a service: sudo systemctl stop sockatuh.socket sockatuh.service"
"""The socket has to be stopped too, or the next datagram would start the service again."""
_WITHOUT_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""The errors of file systems without locks, as many network file systems are."""
KEY_BYTES: Final = 32
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_POSIX: Final = os.name == "posix"
_REMEDIES: Final = {
    errno.ENOSPC: "; make room there: df -h {directory}",
    errno.EDQUOT: "; make room there: quota -s",
    errno.EROFS: "; make it writable: findmnt -T {directory}",
    errno.EACCES: "; see whose it is: ls -ld {directory}",
}


def find_expanded(path: str | os.PathLike[str]) -> Path | None:
    """Return a path with the home directory in place of ~ or ~user, or None if there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def write_private(path: Path, data: bytes) -> None:
    """Replace the content of `path` in one durable step: readers see the old bytes or the new ones."""
    with explained(path), _finished_beside(path, data) as finished:
        _replace(finished, path)


def create_private(path: Path, data: bytes) -> bool:
    """Create `path` in one durable step, unless it exists: the first of two processes wins; tell whether it was this.

    On a file system without hard links, as on many USB sticks, two at the same moment may both believe it.
    """
    with explained(path), _finished_beside(path, data) as finished:
        try:
            os.link(finished, path)
        except FileExistsError:
            return False
        except OSError:
            if os.path.lexists(path):
                return False
            _replace(finished, path)
    return True


def read_private(path: Path) -> bytes:
    """Return the content of a private file; FileNotPrivate if others can read or write it."""
    with explained(path), open(path, "rb", opener=_open_itself) as file:
        if _POSIX and os.fstat(file.fileno()).st_mode & _OTHERS:
            raise FileNotPrivate(str(path), f"others can read it; run: chmod 600 {path}")
        return file.read()


def find_bytes(path: Path) -> bytes | None:
    """Return the content of a file that need not be private, or None if it does not exist."""
    with explained(path):
        try:
            with open(path, "rb", opener=_open_itself) as file:
                return file.read()
        except FileNotFoundError:
            return None


def load_or_create_key(path: Path) -> bytes:
    """Return the 32-byte key in a private file (one line of base64), which is created on first use."""
    if not os.path.exists(path):
        create_private(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    key = find_key(read_private(path).strip())
    if key is None:
        raise KeyFileError(str(path), f"damaged: it should hold {KEY_BYTES} bytes in base64")
    return key


def find_key(text: bytes | str) -> bytes | None:
    """Return the 32-byte key that a base64 text encodes, or None if it encodes none."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def ensure_private_directory(path: Path) -> None:
    """Create a directory (0700) with its parents; FileNotPrivate if it exists and others can write there.

    An existing empty directory becomes 0700. One with files in it keeps its mode: it may be a home or a system
    directory, and our files have modes of their own.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if _is_used_or_closed(path):
                return
        path.chmod(0o700)


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Lock a directory for the block, so that processes that read, change and replace its files take turns."""
    with contextlib.ExitStack() as stack:
        with explained(directory):
            file = stack.enter_context(open(directory / ".lock", "ab", opener=open_private))
        with contextlib.suppress(OSError):  # a file system without locks: each replacement is still whole
            lock(file.fileno(), wait=True)
        yield


def _is_used_or_closed(path: Path) -> bool:
    mode = path.stat().st_mode
    if not _POSIX or not mode & _OTHERS:
        return True
    used = any(path.iterdir())
    if used and mode & _OTHERS_WRITE:
        raise FileNotPrivate(str(path), f"others can write there; run: chmod 700 {path}")
    return used


def _replace(finished: Path, path: Path) -> None:
    """Replace a file by another; on Windows, retry while a virus scanner or another program has it open."""
    for pause in _PAUSES if sys.platform == "win32" else ():
        try:
            os.replace(finished, path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(finished, path)


@contextlib.contextmanager
def _finished_beside(path: Path, data: bytes) -> Iterator[Path]:
    """Write and sync a file beside `path` for the block to move there; whatever is left of it is deleted."""
    finished = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        with open(finished, "xb", opener=open_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield finished
    finally:
        finished.unlink(missing_ok=True)
    if _POSIX:
        _sync_directory(path.parent)


def open_private(path: str, flags: int) -> int:
    """Open a file for writing and set its mode to 0600, also if it existed: an opener for `open`."""
    descriptor = _open_itself(path, flags)
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # whatever the umask removed
    return descriptor


def _open_itself(path: str, flags: int) -> int:
    """Open a regular file: neither what a link leads to, nor a pipe, which could block."""
    if sys.platform == "win32":
        return os.open(path, flags, 0o600)
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):  # the latter on some BSDs
            raise FileNotPrivate(path, "it is a link; put the file itself there") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotPrivate(path, "it is no plain file; move it away")
    return descriptor


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, wait: bool, shared: bool = False) -> None:
    """Lock an open file until it is closed or the process ends.

    Raises BlockingIOError if another process has locked it and `wait` is False, OSError on a file system without locks.
    Windows has no `shared` locks, and waits ten seconds at most.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
    else:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


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
        raise _lock_refused(directory, error) from error
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


def _lock_refused(directory: Path, error: OSError) -> DatabaseUnusable:
    """Return the error for a lock that could not be taken."""
    if isinstance(error, BlockingIOError):
        reason, remedy = "another sockatuh serves this room already", STOP_IT
    elif error.errno in _WITHOUT_LOCKS:
        reason = f"the file system there has no locks ({os.strerror(error.errno)}), as some across a network have none"
        remedy = "keep the room on a disk of this machine (state_dir)"
    else:
        reason, remedy = f"it cannot be locked: {error.strerror or error}", f"see what is there: findmnt -T {directory}"
    return DatabaseUnusable(str(directory), reason, remedy)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn OSError into KeyFileError, with a remedy where one is known."""
    try:
        yield
    except OSError as error:
        reason, remedy = error.strerror or str(error), _REMEDIES.get(error.errno or 0, "")
        raise KeyFileError(str(path), reason + remedy.format(directory=path.parent)) from error
