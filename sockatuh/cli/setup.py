"""The commands that set a room up: init, hash-password, version."""

from __future__ import annotations

import getpass
import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh import __version__
from sockatuh.protocol.constants import VERSION
from sockatuh.wording import admin as wording

from .errors import ExitCode, stop
from .given import FROM_STDIN, a_path, password_in_file, working_directory

BCRYPT_COST: Final = 12
STRONG_BYTES: Final = 8
"""UTF-8 bytes of a password under which --weak is wanted."""
DATABASE: Final = "room.db"
CONFIG_FILE: Final = "sockatuh.toml"
CONFIG_MODE: Final = 0o640

ConfigOption = Annotated[Path | None, typer.Option("--config", help=wording.HELP_CONFIG, metavar="FILE")]
JsonOption = Annotated[bool, typer.Option("--json", help=wording.HELP_JSON)]
WeakOption = Annotated[bool, typer.Option("--weak", help=wording.HELP_WEAK)]


def init(
    directory: Annotated[
        Path | None, typer.Option("--dir", parser=a_path, help=wording.HELP_INIT_DIR, metavar="DIR")
    ] = None,
    room: Annotated[str | None, typer.Option("--room", help=wording.HELP_ROOM)] = None,
    non_interactive: Annotated[bool, typer.Option("--non-interactive", help=wording.HELP_NON_INTERACTIVE)] = False,
    password_file: Annotated[
        str | None, typer.Option("--password-file", help=wording.HELP_PASSWORD_FILE, metavar="FILE")
    ] = None,
    weak: WeakOption = False,
) -> None:
    """Write a configuration and the server's key."""
    config = _config_path(directory)
    if config.exists():
        stop(wording.already_there(config))
    asking = sys.stdin.isatty() and not non_interactive
    name = choose_room(room, asking=asking)
    password, made = new_password(password_file, asking=asking)
    check_strength(password, weak=weak)
    password_hash = hash_text(password)
    if made:  # first of all: a room whose password nobody has seen is of no use
        print(wording.made_password(password), flush=True)
    key = _set_up(directory, config, name, password_hash)
    print(wording.wrote(config, key))
    print(wording.serve_next(None if _is_found_by_itself(config) else config))


def hash_password(
    for_service: Annotated[bool, typer.Option("--service", help=wording.HELP_FOR_SERVICE)] = False,
    weak: WeakOption = False,
) -> None:
    """Print the hash of a password that is typed twice, or of the first line of stdin."""
    if for_service:
        from .install import admit

        admit("hash-password --service")
    password = _ask_twice(wording.ASK_NEW_PASSWORD) if sys.stdin.isatty() else password_in_file(FROM_STDIN)
    check_strength(password, weak=weak)
    hashed = hash_text(password)
    if for_service:
        from .install import replace_password

        replace_password(hashed)
    else:
        print(hashed)


def version() -> None:
    """Print what is installed."""
    print(f"sockatuh {__version__} (protocol {VERSION})")


def _config_path(directory: Path | None) -> Path:
    """Where the file goes if no directory is named: to the system's place for root, else to ./config."""
    from sockatuh.settings.sources import LOCAL_FILE, SYSTEM_FILE

    if directory is not None:
        return directory / CONFIG_FILE
    return SYSTEM_FILE if os.access(SYSTEM_FILE.parent.parent, os.W_OK) else LOCAL_FILE


def _is_found_by_itself(config: Path) -> bool:
    from sockatuh.settings.sources import find_file

    found = find_file(None, os.environ, working_directory())
    return found is not None and found[0].exists() and found[0].samefile(config)


def choose_room(given: str | None, *, asking: bool) -> str:
    """Return a name for the room that can be used: the one given, else what is typed, else this machine's."""
    from sockatuh.settings.sources import host_name
    from sockatuh.settings.values import room_name

    while True:  # until the answer can be used
        name = given or (_ask(wording.ASK_ROOM, host_name()) if asking else host_name())
        try:
            return room_name(name)
        except ValueError as error:
            if given or not asking:
                stop(wording.room_refused(str(error)), ExitCode.USAGE)
            print(wording.room_refused(str(error)), file=sys.stderr)


def new_password(password_file: str | None, *, asking: bool) -> tuple[str, bool]:
    """Return the password, and whether it was made here and is to be shown."""
    from sockatuh.protocol.identity import passphrase

    if password_file is not None:
        return password_in_file(password_file), False
    if asking and (typed := _ask_twice(wording.ASK_PASSWORD)):
        return typed, False
    return passphrase(os.urandom), True


def _ask(question: str, default: str) -> str:
    print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip() or default


def _ask_twice(question: str) -> str:
    password = getpass.getpass(question)
    if password and getpass.getpass(wording.ASK_AGAIN) != password:
        stop(wording.PASSWORDS_DIFFER)
    return password


def check_strength(password: str, *, weak: bool) -> None:
    """Stop if a password is so short that trying all of them takes little, unless it is meant to be `weak`."""
    size = len(unicodedata.normalize("NFC", password).encode(errors="replace"))
    if password and size < STRONG_BYTES and not weak:
        stop(wording.password_weak(size, STRONG_BYTES), ExitCode.USAGE)


def hash_text(password: str) -> str:
    """Return the bcrypt hash of a password, or stop with what is wrong with it."""
    import bcrypt

    from sockatuh.room.names import prepare_password

    if not password:
        stop(wording.PASSWORD_EMPTY, ExitCode.USAGE)
    try:
        prepared = prepare_password(password)
    except ValueError as error:
        stop(wording.password_refused(str(error)), ExitCode.USAGE)
    return bcrypt.hashpw(prepared, bcrypt.gensalt(BCRYPT_COST)).decode("ascii")


def _set_up(directory: Path | None, config: Path, room: str, password_hash: str) -> Path:
    """Make keys and configuration, in the directory that was named or each in its own; return the key's file."""
    from sockatuh.settings.sources import find_state_dir
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.keys import ServerKeys

    def make_keys(state_dir: Path, _: None = None) -> None:
        ServerKeys.load(state_dir)

    def make_both(state_dir: Path, _: None = None) -> None:
        ServerKeys.load(state_dir)
        _write_config(state_dir / CONFIG_FILE, room, password_hash, beside=True)

    if directory is not None:
        as_owner(directory, make_both)
        return directory / "server.key"
    state_dir = find_state_dir(os.environ, working_directory())
    as_owner(state_dir, make_keys)
    _write_config(config, room, password_hash, beside=False)
    return state_dir / "server.key"


def _write_config(path: Path, room: str, password_hash: str, *, beside: bool) -> None:
    lines = [
        wording.CONFIG_HEAD,
        # A JSON string of printable characters is a TOML string.
        f"room = {json.dumps(room, ensure_ascii=False)}",
        f"password_hash = '{password_hash}'",
        *([f'state_dir = "."  # {wording.CONFIG_BESIDE}'] if beside else []),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", encoding="utf-8", opener=_open_config) as file:
        file.write("\n".join(lines) + "\n")


def _open_config(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, CONFIG_MODE)
    os.fchmod(descriptor, CONFIG_MODE)  # whatever the umask took away
    return descriptor
