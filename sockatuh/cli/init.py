"""The commands `init` and `hash-password`, which set a room up, and `version`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh import __version__
from sockatuh.protocol.constants import VERSION
from sockatuh.wording import admin as wording
from sockatuh.wording import config_file

from .arguments import FROM_STDIN, a_path, password_in_file, working_directory
from .errors import stop
from .new_room import (
    NonInteractiveOption,
    PasswordFileOption,
    RoomOption,
    WeakOption,
    ask_twice,
    check_strength,
    choose_room,
    hash_text,
    new_password,
)

CONFIG_FILE: Final = "sockatuh.toml"
CONFIG_MODE: Final = 0o640


def init(
    directory: Annotated[
        Path | None, typer.Option("--dir", parser=a_path, help=wording.HELP_INIT_DIR, metavar="DIR")
    ] = None,
    room: RoomOption = None,
    non_interactive: NonInteractiveOption = False,
    password_file: PasswordFileOption = None,
    weak: WeakOption = False,
) -> None:
    """Write a configuration and the server's key."""
    config = _config_path(directory)
    if config.exists():
        stop(wording.already_there(config))
    asking = sys.stdin.isatty() and not non_interactive
    name = choose_room(room, asking=asking)
    password, is_made_up = new_password(password_file, asking=asking)
    check_strength(password, weak=weak)
    password_hash = hash_text(password)
    if is_made_up:  # before anything is written, lest a room exist whose password nobody has seen
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
        from .install import require_root_and_systemd

        require_root_and_systemd("hash-password --service")
    password = ask_twice(wording.ASK_NEW_PASSWORD) if sys.stdin.isatty() else password_in_file(FROM_STDIN)
    check_strength(password, weak=weak)
    hashed = hash_text(password)
    if for_service:
        from .install import replace_password

        replace_password(hashed)
    else:
        print(hashed)


def version() -> None:
    """Print the version of the program and of its protocol."""
    print(f"sockatuh {__version__} (protocol {VERSION})")


def _config_path(directory: Path | None) -> Path:
    """Return where the configuration goes: the named directory, else the system's place for root, else ./config."""
    from sockatuh.settings.sources import LOCAL_FILE, SYSTEM_FILE

    if directory is not None:
        return directory / CONFIG_FILE
    return SYSTEM_FILE if os.access(SYSTEM_FILE.parent.parent, os.W_OK) else LOCAL_FILE


def _is_found_by_itself(config: Path) -> bool:
    """Return whether `serve` finds this file without --config."""
    from sockatuh.settings.sources import find_file

    found = find_file(None, os.environ, working_directory())
    return found is not None and found[0].exists() and found[0].samefile(config)


def _set_up(directory: Path | None, config: Path, room: str, password_hash: str) -> Path:
    """Write keys and configuration to the named directory or each to its default place; return the key's path."""
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
        config_file.HEAD,
        # A JSON string of printable characters is a TOML string.
        f"room = {json.dumps(room, ensure_ascii=False)}",
        f"password_hash = '{password_hash}'  # {config_file.HASH_IS_SECRET}",
        *([f'state_dir = "."  # {config_file.BESIDE}'] if beside else []),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", encoding="utf-8", opener=_open_config) as file:
        file.write("\n".join(lines) + "\n")


def _open_config(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, CONFIG_MODE)
    os.fchmod(descriptor, CONFIG_MODE)  # regardless of the umask
    return descriptor
