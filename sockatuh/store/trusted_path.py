"""Walk to a directory without letting another user's links lead the way.

Root can enter every directory and follows links like any user, so the owner of a link, or of a directory that is
replaced while root works, could send root anywhere. The walk opens one directory after the other, from `/` downwards
and each by the descriptor of its parent, and follows another user's link only to what belongs to the same user.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

_ROOT: Final = 0
_MAX_LINKS: Final = 40
_LOOK: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Reached(msgspec.Struct, frozen=True):
    """The last existing directory of a path, and the names that do not exist below it."""

    descriptor: int
    uid: int
    gid: int
    leader: int
    """The last user other than root who owns something on the way and can change where it leads; else root."""
    is_fixed: bool
    """Whether only root can change where the path leads, so that it leads to the same place a moment later."""
    missing: tuple[str, ...]


@contextmanager
def reach(path: Path) -> Iterator[Reached]:
    """Open a directory or its last existing ancestor; PermissionError if a user's link leads to another's directory."""
    with ExitStack() as stack:
        yield _Walk(path, stack).go()


def refuse_strangers_links(paths: Iterable[Path]) -> None:
    """Raise PermissionError if this is root and another user's link is on the way to one of these files."""
    if sys.platform != "win32" and os.geteuid() == _ROOT:
        for path in paths:
            with reach(path.parent):
                pass


class _Walk:
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path, self._stack = path, stack
        self._leader, self._is_fixed = _ROOT, True
        self._linkers: set[int] = set()
        self._links = 0
        self._way: list[int] = []
        self._enter("/")
        self._ahead = deque(path.absolute().parts[1:])

    def go(self) -> Reached:
        while self._ahead:
            name = self._ahead.popleft()
            if name == "..":
                self._way = self._way[:-1] or self._way
            elif not self._step(name):
                return self._here((name, *self._ahead))
        return self._here(())

    def _step(self, name: str) -> bool:
        """Enter or follow the next name; return False if it does not exist."""
        try:
            found = os.stat(name, dir_fd=self._way[-1], follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(found.st_mode):
            self._follow(os.readlink(name, dir_fd=self._way[-1]), found.st_uid)
        else:
            self._enter(name)
        return True

    def _follow(self, target: str, owner: int) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self._path))
        if owner != _ROOT:
            self._leader, self._is_fixed = owner, False
            self._linkers.add(owner)
        parts = Path(target).parts
        if parts and parts[0].startswith("/"):
            self._way, parts = self._way[:1], parts[1:]
        self._ahead.extendleft(reversed(parts))

    def _enter(self, name: str) -> None:
        try:
            descriptor = os.open(name, _LOOK, dir_fd=self._way[-1] if self._way else None)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self._path)) from error
        self._stack.callback(os.close, descriptor)
        self._way.append(descriptor)
        found = os.fstat(descriptor)
        if found.st_uid != _ROOT:
            self._leader, self._is_fixed = found.st_uid, False
        elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            self._is_fixed = False

    def _here(self, missing: tuple[str, ...]) -> Reached:
        found = os.fstat(self._way[-1])
        if self._linkers - {found.st_uid}:
            raise PermissionError(errno.EPERM, "another user's link leads to what is not that user's", str(self._path))
        return Reached(self._way[-1], found.st_uid, found.st_gid, self._leader, self._is_fixed, missing)
