"""A database that is written in a private directory and moved into place when it is complete.

The private directory (0700) is made beside the target and used by its descriptor only: the owner of the directory above
can move it away, but cannot put anything else in its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .database import database_uri
from .trusted_path import reach

COPY: Final = "copy"
"""The name of the database in the private directory."""
_SETTINGS: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA main.locking_mode = EXCLUSIVE",  # from here on SQLite opens no other file beside it
    "PRAGMA main.journal_mode = OFF",  # an unfinished draft is deleted
    "PRAGMA main.synchronous = OFF",  # `place` syncs it
    "PRAGMA temp_store = MEMORY",
    "BEGIN EXCLUSIVE",
    "COMMIT",
)


class Draft:
    """A draft of `file`; leaving the block without calling `place` deletes it. Raises OSError."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.is_in_foreign_hands = False
        """Whether this is root, and other users can write in the directory above."""
        self._name = f".{file.name}.{os.urandom(6).hex()}"
        self._above = self._own = -1
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if sys.platform == "win32":
            raise NotImplementedError
        with contextlib.ExitStack() as stack:
            self._above = self._open_above(stack)
            os.mkdir(self._name, 0o700, dir_fd=self._above)
            stack.callback(self._remove)
            self._own = os.open(self._name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._above)
            stack.callback(os.close, self._own)
            os.close(os.open(COPY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=self._own))
            stack.callback(self._unlink)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self) -> sqlite3.Connection:
        """Open the draft, which is empty."""
        return _connect(self.file.absolute().parent / self._name / COPY)

    def open_apart(self) -> sqlite3.Connection:  # pragma: no cover - a confined child cannot write what is measured
        """Open the draft as root, in a process that does nothing else: it is confined to the draft's directory."""
        if sys.platform == "win32":
            raise NotImplementedError
        os.fchdir(self._own)
        os.chroot(".")
        return _connect(Path("/") / COPY)

    def place(self, *, replace: bool) -> None:
        """Move the draft into place durably; FileExistsError if a file is there that must not be replaced."""
        descriptor = os.open(COPY, os.O_RDONLY, dir_fd=self._own)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if replace:
            self._replace()
        else:
            self._link()
        os.fsync(self._above)

    def _open_above(self, stack: contextlib.ExitStack) -> int:
        directory = self.file.absolute().parent
        if sys.platform != "win32" and os.geteuid() == 0:
            reached = stack.enter_context(reach(directory))
            if reached.missing:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory))
            self.is_in_foreign_hands = not reached.is_fixed
            return reached.descriptor
        descriptor = os.open(directory, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        return descriptor

    def _link(self) -> None:
        try:
            os.link(COPY, self.file.name, src_dir_fd=self._own, dst_dir_fd=self._above)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, "there is such a file already", str(self.file)) from None
        except OSError:  # a file system without hard links, as on many memory sticks
            if os.path.lexists(self.file):
                raise FileExistsError(errno.EEXIST, "there is such a file already", str(self.file)) from None
            self._replace()

    def _replace(self) -> None:
        try:
            os.replace(COPY, self.file.name, src_dir_fd=self._own, dst_dir_fd=self._above)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self.file)) from error

    def _unlink(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(COPY, dir_fd=self._own)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(self._name, dir_fd=self._above)


def _connect(path: Path) -> sqlite3.Connection:
    # Nobody else opens it, and a network file system may have no locks.
    connection = sqlite3.connect(database_uri(path, "mode=rw", "nolock=1"), uri=True, isolation_level=None)
    try:
        for statement in _SETTINGS:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
