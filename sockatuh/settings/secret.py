"""Read a secret: the first line of a file, of stdin, of a variable or of a credential, without marks and line ends.

Editors put a byte order mark in front of a text, `echo` adds a newline, and some systems end lines with two characters.
None of these belongs to the secret, wherever it comes from, so every secret is read here.
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
    """A secret that cannot be used; the text says why and follows the secret's name, as in `is empty`."""


def secret_in(data: bytes) -> str:
    """Return the secret on the first line of `data`, without a byte order mark and line ends.

    Raises SecretError if that line is empty or is not UTF-8.
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
    """Return the secret in the value of a variable or a setting, or raise SecretError."""
    try:
        return secret_in(os.fsencode(text))
    except UnicodeEncodeError:
        raise SecretError("is not UTF-8") from None


def read_secret(source: Path | BinaryIO) -> str:
    """Return the secret in a file or an open stream; raises SecretError and OSError.

    Nothing after the first line is read from an unbuffered stream, because the rest may be meant for another reader.
    """
    if isinstance(source, Path):
        with open(source, "rb", buffering=0) as file:
            return read_secret(file)
    line = source.readline(LONGEST + 1)
    if len(line) > LONGEST:
        raise SecretError(f"has a first line of more than {LONGEST:,} bytes, which no password has")
    return secret_in(line)
