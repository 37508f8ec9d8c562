"""A backup that root opened for a process with fewer rights, which copies it from the open files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from sockatuh.errors import DatabaseUnusable

from .files import open_private
from .trusted_path import reach

_BEGINS: Final = b"SQLite format 3\0"
_ENDS: Final = ("-wal", "")
"""The files of a database; the write-ahead log first, so that a checkpoint in between loses nothing."""


class Sources:
    """A database to read, with its write-ahead log if there is one; DatabaseUnusable if it is not a database.

    Other files are refused, because a link with a backup's name could lead to what only root may read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: dict[str, BinaryIO] = {}
        try:
            with reach(file.absolute().parent) as reached:
                for end in _ENDS:
                    with contextlib.suppress(FileNotFoundError):
                        self._open[end] = _open(f"{file.name}{end}", reached.descriptor)
        except OSError as error:
            reason = "it is a link; name the file itself" if error.errno == errno.ELOOP else error.strerror
            raise DatabaseUnusable(str(file), reason or str(error)) from error
        if "" not in self._open:
            raise DatabaseUnusable(str(file), "there is no such file")
        if os.pread(self._open[""].fileno(), len(_BEGINS), 0) != _BEGINS:
            raise DatabaseUnusable(str(file), "file is not a database")

    @contextlib.contextmanager
    def copied_to(self, path: Path) -> Iterator[Path]:
        """Make a private copy, deleted at the end; DatabaseUnusable if the original changed meanwhile."""
        try:
            before = self._stamps()
            for end, source in self._open.items():
                with open(f"{path}{end}", "xb", opener=open_private) as copy:
                    shutil.copyfileobj(source, copy)
            if self._stamps() != before:
                raise DatabaseUnusable(str(self._file), "a server writes to it; make a backup of it and restore that")
            yield path
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                Path(f"{path}{end}").unlink(missing_ok=True)

    def _stamps(self) -> list[tuple[int, int]]:
        found = [os.fstat(source.fileno()) for source in self._open.values()]
        return [(each.st_size, each.st_mtime_ns) for each in found]


def _open(name: str, directory: int) -> BinaryIO:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    return open(descriptor, "rb")
