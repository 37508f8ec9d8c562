"""Work in a directory that may be another user's, done by root as that user.

Whoever owns a directory decides what each name in it means, now and a moment later. So root never works there by name:
a child of its process is shut in the directory (chroot), gives root up for the directory's owner, and does the work.
Whatever the names there lead to, they lead to nothing its owner could not have changed anyway. The answer comes back as
JSON, so that nothing the owner may have done to the child does anything to root.

Inside, the directory is `/`. A path in an error, which is a word that begins so, becomes the path outside.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from sockatuh.errors import DatabaseDamaged, DatabaseTooNew, DatabaseUnusable, FileNotPrivate, KeyFileError

from .trusted_path import Reached, reach

T = TypeVar("T")

_ROOT: Final = 0
_NOBODY: Final = 65_534
_INSIDE: Final = Path("/")
_PATH: Final = re.compile(r"(?<![^\s(=])/(?!/)[^\s;,)]*")
_ERRORS: Final[dict[str, type[Exception]]] = {
    error.__name__: error for error in (DatabaseDamaged, DatabaseTooNew, DatabaseUnusable, FileNotPrivate, KeyFileError)
}
"""What may come back besides OSError; each is made of the facts it was raised with."""


def as_owner(
    directory: Path,
    work: Callable[[Path, T | None], Any],
    *,
    hand: Callable[[], T] | None = None,
    names: Mapping[str, Path] | None = None,
    apart: bool = False,
) -> Any:
    """Return what `work` returns (JSON) for a directory, done as its owner if this is root and the owner is not.

    A directory that is missing belongs to whoever owns the last one above it. `hand` makes, with root's rights, what
    the work is given from outside; it gets None where it is done in this process. `names` are files inside that have
    another path outside. `apart`: in a child even if the directory is root's. Raises what `work` raises.

    What the work needs must be imported before: who is shut in a directory finds no module.
    """
    if sys.platform == "win32" or os.geteuid() != _ROOT:
        return work(directory, None)
    with reach(directory) as reached:
        if reached.is_fixed and not apart:
            return work(directory, None)
        inside = _INSIDE.joinpath(*reached.missing)
        answer = _ask_child(lambda: work(inside, _give_up_root(reached, hand)))
    known = {str(inside / name): str(path) for name, path in (names or {}).items()}
    here = [directory, *directory.parents][len(reached.missing)]

    def outside(path: re.Match[str]) -> str:
        return known.get(path[0]) or str(here / path[0][1:])

    return _understand(answer, outside, directory)


def _give_up_root(reached: Reached, hand: Callable[[], T] | None) -> T | None:
    """Shut this process in a directory, as its owner; return what it takes along."""
    if sys.platform == "win32":
        raise NotImplementedError
    gid = reached.gid or _group_of(reached.uid)
    handed = hand() if hand else None
    os.fchdir(reached.descriptor)
    os.chroot(".")
    os.umask(0o077)
    if reached.uid != _ROOT:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(reached.uid)
    return handed


def _group_of(uid: int) -> int:
    """Return the group of a user whose directory is of root's group."""
    if sys.platform == "win32" or uid == _ROOT:
        return 0
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid or _NOBODY
    except KeyError:  # a user of systemd's, or of another machine
        return _NOBODY


def _ask_child(work: Callable[[], Any]) -> bytes:
    """Do work in a child of this process; return what it answers, nothing if it could not."""
    if sys.platform == "win32":
        raise NotImplementedError
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            with open(theirs, "wb") as stream:
                stream.write(_answer(work))
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer


def _answer(work: Callable[[], Any]) -> bytes:
    try:
        said = {"done": work()}
    except OSError as error:
        said = {"error": ["OSError", error.errno, error.strerror or str(error), error.filename and str(error.filename)]}
    except Exception as error:
        name = type(error).__name__
        said = {"error": [name, *(error.args if name in _ERRORS else [str(error)])]}
    return json.dumps(said).encode()


def _understand(answer: bytes, outside: Callable[[re.Match[str]], str], directory: Path) -> Any:
    """Return what the child has done, or raise what it met, in the names of outside."""
    try:
        said = json.loads(answer)
        if "done" in said:
            return said["done"]
        name, *facts = (_PATH.sub(outside, fact) if isinstance(fact, str) else fact for fact in said["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise OSError(errno.EIO, "the work there ended without an answer", str(directory)) from None
    if name == "OSError":
        raise OSError(*facts)
    raise _ERRORS[name](*facts) if name in _ERRORS else RuntimeError(f"{name}: {facts}")
