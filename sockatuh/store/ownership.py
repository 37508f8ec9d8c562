"""Refuse a client's files that another user owns or can write: their keys and pins cannot be trusted.

As with ssh, files must belong to this user or to root, and others must not be able to write them. For root the same
holds for the directories above: `sudo` may keep HOME, and root must not leave its files in another person's home.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

from sockatuh.errors import FileNotPrivate

from .files import explained

_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ELSEWHERE: Final = "name a directory of your own in SOCKATUH_CLIENT_DIR"


def refuse_foreign(file: Path) -> None:
    """Raise FileNotPrivate if another user owns a client's file or its directory, or can write there."""
    if sys.platform == "win32":
        return
    directory = file.parent
    if os.geteuid() == _ROOT:
        _refuse_led_elsewhere(directory)
    for path in (directory, file):
        with explained(path):
            _refuse(path)


def _refuse(path: Path) -> None:
    try:
        for found in (path.lstat(), path.stat()):
            if found.st_uid not in (os.geteuid(), _ROOT):
                raise FileNotPrivate(str(path), _belongs_to(found.st_uid))
    except FileNotFoundError:
        return
    if found.st_mode & _OTHERS_WRITE and not (stat.S_ISDIR(found.st_mode) and not any(path.iterdir())):
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise FileNotPrivate(str(path), f"others can write there; run: chmod {mode} {path}")


def _refuse_led_elsewhere(directory: Path) -> None:
    """Raise FileNotPrivate if another user can change where this path leads root."""
    from .trusted_path import reach

    try:
        with reach(directory) as reached:
            leader = reached.leader
    except PermissionError as error:
        raise FileNotPrivate(str(directory), f"{error.strerror}; {_ELSEWHERE}") from error
    except OSError:
        return  # opening the file reports it
    if leader != _ROOT:
        raise FileNotPrivate(str(directory), _belongs_to(leader))


def _belongs_to(uid: int) -> str:
    if sys.platform == "win32":
        return ""
    owner = user_name(uid)
    return f"it belongs to {owner}, and this runs as {user_name(os.geteuid())}; run it as {owner}, or {_ELSEWHERE}"


def user_name(uid: int) -> str:
    """Return a user's name, or `user` and the number if it has none."""
    if sys.platform == "win32":
        return str(uid)
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
