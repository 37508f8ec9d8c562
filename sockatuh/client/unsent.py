"""Keeps lines that the server has not acknowledged on disk, so that after a kill the next client can report them.

Each running client keeps its own file locked, and deletes it once every line is answered or the person has been told
which are not. A file without a lock belonged to a client that was killed. A failure to keep these notes must not end
the conversation, so errors are ignored here.

A note is a line of JSON: the server, the note's number, the text, and for a private line the addressee. Without a text
it settles the note of that number.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import KeyFileError
from sockatuh.store.files import ensure_private_directory, lock

from .items import OwnText

_SUFFIX: Final = ".unsent"
_LARGEST: Final = 4_194_304
"""The most bytes of a file that are read."""
_FULL: Final = 1_048_576
"""Size in bytes at which a file is replaced by one with only the open notes."""


class Unsent:
    """One client's unacknowledged lines to one server; the file is created with the first. No directory: no file."""

    def __init__(self, directory: Path | None, server: str) -> None:
        self._keeps = directory is not None
        self._directory, self._server = (directory or Path()) / "unsent", server
        self._path = self._directory / f"{os.urandom(8).hex()}{_SUFFIX}"
        self._file: IO[bytes] | None = None
        self._open: dict[int, OwnText] = {}
        self._last = self._size = 0
        self._full_at = _FULL

    def note(self, text: OwnText) -> int:
        """Note a text that is about to be sent; return the number to settle it by."""
        self._last += 1
        self._open[self._last] = text
        self._write(_note(self._last, text))
        return self._last

    def settle(self, noted: int) -> None:
        """Delete a note whose line was answered."""
        self._open.pop(noted, None)
        if self._open:
            self._write([noted])
        elif self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
                self._size = 0

    def take_inherited(self) -> list[OwnText]:
        """Return and delete the lines that killed clients sent to this server without an answer."""
        texts: list[OwnText] = []
        if not self._keeps:
            return texts
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{_SUFFIX}"), key=os.path.getmtime):
                texts += _take(path, self._server)
        return texts

    def leave(self) -> None:
        """Leave the notes to whoever takes them next."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Delete the file: every line was answered, or the person was told which were not."""
        if self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _write(self, note: list[object]) -> None:
        if not self._keeps:
            return
        with contextlib.suppress(OSError, KeyFileError):
            if self._file is None:
                self._file = _create(self._path)
            if self._size >= self._full_at:
                self._begin_anew()
            else:
                self._size += self._file.write(self._encode(note))

    def _begin_anew(self) -> None:
        """Write the open notes to a new file, then delete this one, so that a kill in between loses nothing."""
        path = self._directory / f"{os.urandom(8).hex()}{_SUFFIX}"
        file = _create(path)
        self._size = file.write(b"".join(self._encode(_note(noted, text)) for noted, text in self._open.items()))
        self._full_at = max(_FULL, 2 * self._size)
        self.close()
        self._file, self._path = file, path

    def _encode(self, note: list[object]) -> bytes:
        return json.dumps([self._server, *note]).encode() + b"\n"


def move_unsent(directory: Path | None, before: str, after: str) -> None:
    """Give the lines that killed clients sent to a server to another address of it."""
    moved = Unsent(directory, after)
    for text in Unsent(directory, before).take_inherited():
        moved.note(text)
    moved.leave()


def _note(noted: int, text: OwnText) -> list[object]:
    return [noted, text.text, text.to] if text.to else [noted, text.text]


def _create(path: Path) -> IO[bytes]:
    ensure_private_directory(path.parent.parent)
    ensure_private_directory(path.parent)
    while True:
        file = open(path, "wb", buffering=0, opener=_open_to_append)  # noqa: SIM115 - locked as long as it is open
        _lock(file)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another client took it before it was locked, and deleted it


def _open_to_append(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_APPEND, 0o600)


def _take(path: Path, server: str) -> list[OwnText]:
    with open(path, "r+b", buffering=0) as file:
        if not _lock(file) or not os.fstat(file.fileno()).st_nlink:  # its client is running, or another client took it
            return []
        texts = _read(file.read(_LARGEST) or b"", server)
        if texts is None:
            return []
        file.truncate(0)
        with contextlib.suppress(OSError):
            path.unlink()
    return texts


def _read(data: bytes, server: str) -> list[OwnText] | None:
    """Return the open texts, None if they were sent to another server."""
    texts: dict[int, OwnText] = {}
    for line in data.splitlines():
        with contextlib.suppress(ValueError, TypeError, RecursionError):  # the last one may be cut off
            of, noted, *text = json.loads(line)
            if of != server:
                return None
            texts.pop(noted, None)
            if text:
                texts[noted] = OwnText(*map(str, text[:2]))
    return list(texts.values())


def _lock(file: IO[bytes]) -> bool:
    """Lock a file if no other process has; True also on a file system without locks."""
    try:
        lock(file.fileno(), wait=False)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
