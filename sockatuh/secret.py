"""Read a secret: the first line of a file, of stdin, of a variable or of a credential, without what only encloses it.

Editors put a byte order mark before a text, `echo` puts a newline behind it, and some systems write two characters for
that. None of it is part of the secret, wherever the secret comes from; so every place that reads one does it here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

LONGEST: Final = 4_096
"""Bytes of the first line; a longer one is no secret."""
MARK: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class SecretError(ValueError):
    """What was given as a secret is none; the text says why, to stand behind its name: `is empty`."""


def secret_in(data: bytes) -> str:
    """Return the secret that `data` begins with: its first line, without a byte order mark and line ends.

    SecretError if there is none, or if it is no UTF-8.
    """
    if data.startswith(_UTF_16) or b"\0" in data[:2]:
        raise SecretError("is UTF-16, and should be UTF-8: save it as that, or as plain text")
    try:
        secret = data.partition(b"\n")[0].decode().removeprefix(MARK).rstrip("\r")
    except UnicodeDecodeError:
        raise SecretError("is not UTF-8") from None
    if "\0" in secret:
        raise SecretError("holds a NUL, and should be text")
    if not secret:
        raise SecretError("is empty, or its first line is")
    return secret


def secret_in_text(text: str) -> str:
    """Return the secret in the value of a variable or a setting; SecretError if there is none."""
    try:
        return secret_in(os.fsencode(text))
    except UnicodeEncodeError:
        raise SecretError("is not UTF-8") from None


def read_secret(source: Path | BinaryIO) -> str:
    """Return the secret in a file, or in what is read from now on; raises SecretError and OSError.

    From something unbuffered not a byte more than the first line is read: what stands behind it may be for others.
    """
    if isinstance(source, Path):
        with open(source, "rb", buffering=0) as file:
            return read_secret(file)
    line = source.readline(LONGEST + 1)
    if len(line) > LONGEST:
        raise SecretError(f"has a first line of more than {LONGEST:,} bytes, which no password has")
    return secret_in(line)
