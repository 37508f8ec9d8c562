"""Writes the file that a command was asked for, whole or not at all.

Root writes where it was told to, so no link that somebody else made leads it elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sockatuh.store.trusted_path import refuse_strangers_links


def write_new(file: Path, data: bytes) -> None:
    """Write a file that is not there yet; raises FileExistsError if it is, and OSError."""
    refuse_strangers_links([file])
    _write(file, data, None)


def write_over(file: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file, or put a new one in its place, at once; raises OSError. `mode` holds whatever the umask is."""
    refuse_strangers_links([file])
    beside = file.parent / f".{file.name}.{os.urandom(6).hex()}"
    _write(beside, data, mode)
    try:
        os.replace(beside, file)
    except OSError:
        _remove(beside)
        raise


def _write(file: Path, data: bytes, mode: int | None) -> None:
    with open(file, "xb") as stream:
        try:
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
        except OSError:
            _remove(file)
            raise


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(file)
