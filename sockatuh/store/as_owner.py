"""Let root work in another user's directory with no more rights than that user has.

The owner of a directory can replace everything in it at any moment, so root never uses names there. Instead a child
process confines itself to the directory (chroot), becomes the directory's owner, and does the work. It can reach only
what the owner could change anyway. It answers in JSON, so a child that the owner took over cannot harm root.

Inside, the directory is `/`. Paths in errors are translated into paths outside.
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
"""Errors that the child may report in addition to OSError; each is rebuilt from its arguments."""


def as_owner(
    directory: Path,
    work: Callable[[Path, T | None], Any],
    *,
    hand: Callable[[], T] | None = None,
    names: Mapping[str, Path] | None = None,
    apart: bool = False,
) -> Any:
    """Return what `work` returns (JSON) for a directory, as the directory's owner if this is root and the owner is not.

    A directory that does not exist counts as owned by the owner of the last existing one above it. `hand` runs with
    root's rights and makes what the child needs from outside; without a child, `work` gets None instead. `names` maps
    files inside to their paths outside. With `apart`, a child does the work even if root owns the directory. Raises
    what `work` raises.

    Modules that the work needs must be imported before, because a confined child cannot find them.
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


# Both run in the confined child only, which cannot write what coverage measures; tests/cli/test_as_root.py holds them.
def _give_up_root(reached: Reached, hand: Callable[[], T] | None) -> T | None:  # pragma: no cover - see above
    """Confine this process to a directory and become its owner; return what `hand` made before that."""
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


def _group_of(uid: int) -> int:  # pragma: no cover - see above
    """Return a group for a user whose directory has root's group."""
    if sys.platform == "win32" or uid == _ROOT:
        return 0
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid or _NOBODY
    except KeyError:  # a dynamic user of systemd, or one of another machine
        return _NOBODY


def _ask_child(work: Callable[[], Any]) -> bytes:
    """Do the work in a child process and return its answer, b"" if it ended without one."""
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
    """Return the child's result or raise its error, with paths as they are outside."""
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
