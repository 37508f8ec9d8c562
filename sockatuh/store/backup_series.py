"""A directory of backups, named by date, of which the newest are kept.

A name begins with two words of the server's key, so rooms can share a directory. Only plain files of this user whose
whole name is one that this module makes for that key are ever deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sockatuh.room.moments import rfc3339

from .draft import COPY
from .trusted_path import reach

WORDS: Final = 2
"""Words of the key in a name."""
_ENDING: Final = ".backup"
_DATE: Final = r"\d{4}-\d\d-\d\d-\d{6}"
_ABANDONED: Final = 86_400.0
"""Seconds after which the draft of a backup that was killed is deleted."""


def backup_name(words: Sequence[str], at: int) -> str:
    """Return the name of a backup made at `at` (ms since 1970) of the room whose key has these words; UTC."""
    moment = rfc3339(at)
    return f"{_beginning(words)}-{moment[:10]}-{moment[11:19].replace(':', '')}{_ENDING}"


def keep_newest(made: Path, words: Sequence[str], keep: int, now: int) -> list[Path]:
    """Delete the oldest backups beside `made`, which is always kept, so that `keep` are left; return what was deleted.

    `keep` is at least 1, `now` is ms since 1970. Also deletes what killed backups have left. Raises OSError.
    """
    with _opened(made.parent) as directory:
        names = sorted(os.listdir(directory), reverse=True)
        own = re.compile(f"{re.escape(_beginning(words))}-{_DATE}{re.escape(_ENDING)}", re.ASCII)
        others = [name for name in names if own.fullmatch(name) and name != made.name and _is_ours(name, directory)]
        surplus = others[keep - 1 :]
        for name in surplus:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
        draft = re.compile(rf"\.{own.pattern}\.[0-9a-f]{{12}}", re.ASCII)
        for name in filter(draft.fullmatch, names):
            _remove_draft(name, directory, now / 1000 - _ABANDONED)
    return [made.parent / name for name in sorted(surplus)]


def _beginning(words: Sequence[str]) -> str:
    return "-".join(["sockatuh", *words[:WORDS]])


def _is_ours(name: str, directory: int) -> bool:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _remove_draft(name: str, directory: int, before: float) -> None:
    """Delete the directory of a draft (store/draft.py) that was last changed before a time, in seconds since 1970."""
    with contextlib.suppress(OSError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mtime > before:
            return
        inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        try:
            os.unlink(COPY, dir_fd=inside)
        except FileNotFoundError:
            pass
        finally:
            os.close(inside)
        os.rmdir(name, dir_fd=directory)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    """Open a directory, as root without being led astray by others' links."""
    if sys.platform == "win32":
        raise NotImplementedError
    if os.geteuid() == 0:
        with reach(directory) as reached:
            if reached.missing:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory))
            yield reached.descriptor
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
