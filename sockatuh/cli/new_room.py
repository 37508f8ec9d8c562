"""Chooses the name and password of a new room: those given, those typed at a prompt, or generated ones.

Used by `init` and `install-service`; `hash-password` checks a password in the same way.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.room.password import password_size, prepare_password
from sockatuh.wording import HELP_PASSWORD_FILE
from sockatuh.wording import admin as wording

from .arguments import password_in_file
from .errors import ExitCode, stop
from .questions import ask, ask_hidden

BCRYPT_COST: Final = 12
STRONG_BYTES: Final = 8
"""UTF-8 bytes; a shorter password needs --weak."""

RoomOption = Annotated[str | None, typer.Option("--room", help=wording.HELP_ROOM, metavar="NAME")]
PasswordFileOption = Annotated[str | None, typer.Option("--password-file", help=HELP_PASSWORD_FILE, metavar="FILE")]
NonInteractiveOption = Annotated[bool, typer.Option("--non-interactive", help=wording.HELP_NON_INTERACTIVE)]
WeakOption = Annotated[bool, typer.Option("--weak", help=wording.HELP_WEAK)]
ConfigOption = Annotated[Path | None, typer.Option("--config", help=wording.HELP_CONFIG, metavar="FILE")]


def choose_room(given: str | None, *, asking: bool) -> str:
    """Return a valid name for the room: the one given, else what a person types, else this machine's name."""
    from sockatuh.settings.sources import host_name
    from sockatuh.settings.values import room_name

    while True:  # until a valid name is typed
        name = given or (asking and ask(f"{wording.ASK_ROOM} [{host_name()}]: ")) or host_name()
        try:
            return room_name(name)
        except ValueError as error:
            if given or not asking:
                stop(wording.room_refused(str(error)), ExitCode.USAGE)
            print(wording.room_refused(str(error)), file=sys.stderr)


def new_password(password_file: str | None, *, asking: bool) -> tuple[str, bool]:
    """Return the password, and whether it was generated here and must be shown."""
    from sockatuh.protocol.identity import passphrase

    if password_file is not None:
        return password_in_file(password_file), False
    if asking and (typed := ask_twice(wording.ASK_PASSWORD)):
        return typed, False
    return passphrase(os.urandom), True


def ask_twice(question: str) -> str:
    """Return a password that a person typed twice, or stop if the two differ."""
    password = ask_hidden(question)
    if password and ask_hidden(wording.ASK_AGAIN) != password:
        stop(wording.PASSWORDS_DIFFER)
    return password


def check_strength(password: str, *, weak: bool) -> None:
    """Stop if a password is short enough to be found by brute force, unless `weak` ones are allowed."""
    size = password_size(password)
    if password and size < STRONG_BYTES and not weak:
        stop(wording.password_weak(size, STRONG_BYTES), ExitCode.USAGE)


def hash_text(password: str) -> str:
    """Return the bcrypt hash of a password, or stop with what is wrong with it."""
    import bcrypt

    if not password:
        stop(wording.PASSWORD_EMPTY, ExitCode.USAGE)
    try:
        prepared = prepare_password(password)
    except ValueError as error:
        stop(wording.password_refused(str(error)), ExitCode.USAGE)
    return bcrypt.hashpw(prepared, bcrypt.gensalt(BCRYPT_COST)).decode("ascii")
