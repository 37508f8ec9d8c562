"""Keeps the lines of a browser on disk: a file of records, one line of JSON each (lines.py).

A record is in the file before the line is handed over, so a killed gateway has it when it starts again. It is not
synced: after a power failure a line may be missing here that a page was told was taken. What is worth a sync is the
room's log.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import IO, Final

from sockatuh.errors import KeyFileError
from sockatuh.store.files import explained, find_bytes, open_private, write_private

from .lines import ANOTHER_LOG, STREAM_BYTES, Lines, Record, Taken

NAME: Final = "lines"
FULL: Final = 262_144
"""Bytes at which the file is written anew, with only what is still needed."""
SKIPPED_BYTES: Final = 4
"""Of how many numbers are skipped when a file is read: any number, so that no two readings of one go on alike."""


class Journal:
    """The lines of one browser, in its directory."""

    def __init__(self, directory: Path) -> None:
        """Read the file; raises KeyFileError if that is impossible, but not for what is in it."""
        self._path = directory / NAME
        self._file: IO[bytes] | None = None
        self._full_at = FULL
        self._is_torn = False
        """Whether the file ends with a part of a record, which the next one must not be added to."""
        data = find_bytes(self._path)
        self.lines = Lines.of(_records(data or b""), os.urandom(STREAM_BYTES))
        if data is not None:
            # The file may come from a backup, or have lost its end with the power. Then the room knows other lines by
            # the next numbers, and would take ours for those.
            self.lines.last += 1 + int.from_bytes(os.urandom(SKIPPED_BYTES))
        self._size = len(data or b"")
        if data is None or not data.endswith(b"\n"):
            self._begin_anew()

    def take(self, line: Taken) -> int:
        """Write that a line is taken and return its number in the stream; KeyFileError: it is not taken."""
        record = self.lines.taking(line)
        self._write(record)
        self.lines.apply(record)
        return self.lines.last

    def store(self, number: int, seq: int) -> None:
        """Note that a line is stored; if that cannot be written, the next start says it again, as the same line."""
        self._answer(self.lines.storing(number, seq))

    def refuse(self, number: int, error: str) -> None:
        """Note that a line will never be stored."""
        self._answer(self.lines.refusing(number, error))

    def begin_another_log(self) -> None:
        """Note that the room's log is another one."""
        self._answer([*ANOTHER_LOG])

    def _answer(self, record: Record | None) -> None:
        if record is not None:
            with contextlib.suppress(KeyFileError):
                self._write(record)
            self.lines.apply(record)

    def _write(self, record: Record) -> None:
        """Write a record; raises KeyFileError if it is not in the file, whole."""
        if self._size >= self._full_at or self._is_torn:
            self._begin_anew()
        data = _encode(record)
        with explained(self._path):
            if self._file is None:
                self._file = open(self._path, "ab", buffering=0, opener=open_private)  # noqa: SIM115 - until `close`
            written = self._file.write(data) or 0
        self._size += written
        if written < len(data):
            self._is_torn = True
            self._begin_anew()
            raise KeyFileError(str(self._path), "the disk took only a part of what was written")

    def close(self) -> None:
        """Close the file; writing opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_anew(self) -> None:
        data = b"".join(map(_encode, self.lines.records()))
        write_private(self._path, data)
        self.close()
        self._size, self._full_at, self._is_torn = len(data), max(FULL, 2 * len(data)), False


def _encode(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _records(data: bytes) -> list[Record]:
    records: list[Record] = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError, RecursionError):  # the last one may be cut off
            record = json.loads(line)
            if isinstance(record, list):
                records.append(record)
    return records
