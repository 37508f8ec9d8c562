"""What a client has said and nobody has acknowledged, on disk while it runs: if it is killed, the next one can tell.

Each running client has a file of its own, which it holds locked, and which it removes when everything was answered or
its person was told what was not. A file that is there and not locked is of one that was killed. To lose these notes is
no reason to lose the conversation: what goes wrong here is passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import KeyFileError
from sockatuh.store.files import ensure_private_directory

_SUFFIX: Final = ".unsent"
_LARGEST: Final = 4_194_304
"""Bytes of one file that are read."""
_FULL: Final = 1_048_576
"""Bytes of one file from which on it is begun anew, with what is open and without what was struck out."""


class Unsent:
    """The notes of one client on what it says to one server; made on the disk with the first."""

    def __init__(self, directory: Path, server: str) -> None:
        self._directory, self._server = directory / "unsent", server
        self._path = self._directory / f"{os.urandom(8).hex()}{_SUFFIX}"
        self._file: IO[bytes] | None = None
        self._open: dict[int, str] = {}
        self._last = self._size = 0
        self._full_at = _FULL

    def note(self, text: str) -> int:
        """Note a text that is about to be said; return what it is settled by."""
        self._last += 1
        self._open[self._last] = text
        self._write([self._last, text])
        return self._last

    def settle(self, noted: int) -> None:
        """Strike out what is answered."""
        self._open.pop(noted, None)
        if self._open:
            self._write([noted])
        elif self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
                self._size = 0

    def take_inherited(self) -> list[str]:
        """Return what clients that were killed had said to this server without an answer, and forget it."""
        texts: list[str] = []
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{_SUFFIX}"), key=os.path.getmtime):
                texts += _take(path, self._server)
        return texts

    def close(self) -> None:
        """Remove the notes: everything was answered, or somebody knows what was not."""
        if self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _write(self, note: list[object]) -> None:
        with contextlib.suppress(OSError, KeyFileError):
            if self._file is None:
                self._file = _create(self._path)
            if self._size >= self._full_at:
                self._begin_anew()
            else:
                self._size += self._file.write(self._encode(note))

    def _begin_anew(self) -> None:
        """Write what is open to another file, and only then remove this one: killed meanwhile, both are told of."""
        path = self._directory / f"{os.urandom(8).hex()}{_SUFFIX}"
        file = _create(path)
        self._size = file.write(b"".join(self._encode([noted, text]) for noted, text in self._open.items()))
        self._full_at = max(_FULL, 2 * self._size)
        self.close()
        self._file, self._path = file, path

    def _encode(self, note: list[object]) -> bytes:
        return json.dumps([self._server, *note]).encode() + b"\n"


def _create(path: Path) -> IO[bytes]:
    ensure_private_directory(path.parent.parent)
    ensure_private_directory(path.parent)
    while True:
        file = open(path, "wb", buffering=0, opener=_open_to_append)  # noqa: SIM115 - locked as long as it is open
        _lock(file)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another client took it for one of a client that was killed


def _open_to_append(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_APPEND, 0o600)


def _take(path: Path, server: str) -> list[str]:
    with open(path, "r+b", buffering=0) as file:
        if not _lock(file) or not os.fstat(file.fileno()).st_nlink:  # its client runs, or another took it meanwhile
            return []
        texts = _read(file.read(_LARGEST) or b"", server)
        if texts is None:
            return []
        file.truncate(0)
        with contextlib.suppress(OSError):
            path.unlink()
    return texts


def _read(data: bytes, server: str) -> list[str] | None:
    """Return the texts that are open; None if they are of another server."""
    texts: dict[int, str] = {}
    for line in data.splitlines():
        with contextlib.suppress(ValueError, TypeError, RecursionError):  # the last one may be cut off
            of, noted, *text = json.loads(line)
            if of != server:
                return None
            texts.pop(noted, None)
            if text:
                texts[noted] = str(text[0])
    return list(texts.values())


def _lock(file: IO[bytes]) -> bool:
    """Take a file's lock if it is free; True also where there are no locks."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
