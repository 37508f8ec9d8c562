"""Reads arguments: paths, and a password from a file, stdin or a variable; stops with a usage error if it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import typer

from sockatuh.settings.secret import SecretError, read_secret, secret_in_text
from sockatuh.store.files import find_expanded
from sockatuh.wording import admin as wording

from .errors import ExitCode, stop
from .safe_output import raw_of

FROM_STDIN: Final = "-"


def working_directory() -> Path:
    """Return the working directory, or "." if it has been removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def a_path(text: str) -> Path:
    """Return the path in an argument, with ~ expanded, which shells do not do in --option=~/path."""
    if not text:
        raise typer.BadParameter(wording.PATH_EMPTY)
    if (path := find_expanded(text)) is None:
        raise typer.BadParameter(wording.no_such_home(text))
    return path


def password_in_file(file: str) -> str:
    """Return the password on the first line of a file; `-` is stdin, from which only that line is read."""
    if file == FROM_STDIN:
        return _read(lambda: read_secret(_stdin()), "stdin")
    if (path := find_expanded(file)) is None:
        stop(wording.no_such_home(file), ExitCode.USAGE)
    if path.is_dir():
        stop(wording.secret_unusable(file, wording.IS_A_DIRECTORY), ExitCode.USAGE)
    return _read(lambda: read_secret(path), file)


def password_in_variable(name: str, value: str) -> str:
    """Return the password in the value of a variable."""
    return _read(lambda: secret_in_text(value), f"${name}")


def _read(read: Callable[[], str], origin: str) -> str:
    try:
        return read()
    except SecretError as error:
        stop(wording.secret_unusable(origin, str(error)), ExitCode.USAGE)


def _stdin() -> BinaryIO:
    """Return stdin unbuffered, so that the lines after the first are left for the command to send."""
    raw: BinaryIO = raw_of(sys.stdin)
    return raw
