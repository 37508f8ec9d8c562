"""The command `check`, which prints the settings in force and tries whether the room can be served, or is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sockatuh.errors import AddressUnusable, ConfigurationError, KeyFileError, Problem, StoreError
from sockatuh.store.files import DATABASE
from sockatuh.wording import check as wording

from .arguments import working_directory
from .errors import ExitCode, report
from .new_room import ConfigOption
from .options import JsonOption
from .service_files import SOCKET_UNIT
from .web_checks import door_problems
from .which_room import ChosenRoom, choose_room, is_root

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

SECRETS: Final = frozenset({"password_hash"})
ANSWERS_WITHIN: Final = 2.0
"""Seconds within which a running room must answer."""


def check(
    config: ConfigOption = None,
    show_origin: Annotated[bool, typer.Option("--show-origin", help=wording.HELP_SHOW_ORIGIN)] = False,
    only_settings: Annotated[bool, typer.Option("--settings", help=wording.HELP_SETTINGS)] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the settings in force and try everything that serving needs, without starting anything."""
    from sockatuh.settings.sources import read

    room = choose_room(config)
    is_admitted = room.service is None or is_root()
    settings, found, problems = read(
        {"config": room.config},
        room.environ,
        working_directory(),
        serving=is_admitted,
        credential=room.credential if is_admitted else None,
    )
    if only_settings:
        if problems:
            raise ConfigurationError(problems)
        return
    rows = _rows(settings, room) if settings else {key: (_shown(key, value), at) for key, (value, at) in found.items()}
    if not is_admitted and "password_hash" in rows:
        rows["password_hash"] = ("***", wording.CLOSED_CREDENTIAL)
    state = wording.NOT_TRIED
    if settings is not None and not problems and is_admitted:
        state, problems = try_room(settings, room)
    _print(rows, as_json=as_json, show_origin=show_origin, running=state == wording.RUNNING)
    if problems:
        raise typer.Exit(report(ConfigurationError(problems), as_json=as_json))
    if not is_admitted:
        print(wording.NOT_ADMITTED, file=sys.stderr)
        raise typer.Exit(ExitCode.OTHER)
    if settings is not None:
        print(wording.in_order(state, settings.room, *listens(settings, room), settings.state_dir), file=sys.stderr)


def _rows(settings: Settings, room: ChosenRoom) -> dict[str, tuple[Any, str]]:
    """Return for each key its value, written as in a file, and its origin."""
    rows = {key: (_shown(key, settings.shown(key)), origin) for key, origin in settings.origins.items()}
    if room.service is not None and room.service.listens is not None:
        for key, value in zip(("host", "port"), room.service.listens, strict=True):
            if rows[key][0] != value:
                rows[key] = (value, wording.whatever_is_set(SOCKET_UNIT))
    return rows


def _shown(key: str, value: object) -> object:
    return "***" if key in SECRETS and value else value


def _print(rows: Mapping[str, tuple[Any, str]], *, as_json: bool, show_origin: bool, running: bool) -> None:
    if as_json:
        settings = {key: {"value": _plain(value), "origin": origin} for key, (value, origin) in rows.items()}
        print(json.dumps({"v": 1, "type": "check", "running": running, "settings": settings}))
        return
    for key, (value, origin) in rows.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else _as_written(value)
        print(wording.setting(key, text, origin if show_origin else ""))


def _as_written(value: object) -> str:
    """Return a value as the file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def try_room(settings: Settings, room: ChosenRoom) -> tuple[str, list[Problem]]:
    """Return the state of the room (a sentence of `wording.check`), and the problems that keep it from being served."""
    problems = [*_state_problems(settings), *door_problems(settings)]
    host, port = listens(settings, room)
    running, state_problem = _who_serves(settings, host, port)
    if running:
        return wording.RUNNING, problems
    if state_problem:
        return wording.NOT_TRIED, [*problems, state_problem]
    if room.service is not None and room.service.is_listening:
        return wording.WAITING, problems
    return wording.READY, [*problems, *_port_problems(settings, host, port), *_control_problems(settings, room)]


def listens(settings: Settings, room: ChosenRoom) -> tuple[str, int]:
    """Return host and port of the room."""
    return (room.service and room.service.listens) or (settings.host, settings.port)


def _who_serves(settings: Settings, host: str, port: int) -> tuple[bool, Problem | None]:
    """Return whether this room is being served, and a problem with how it is."""
    from sockatuh.net.probe import find_server_key
    from sockatuh.store.files import is_locked

    if not is_locked(settings.state_dir):
        return False, None
    key = find_server_key(host, port, ANSWERS_WITHIN) if port else None
    if key is not None and key == own_key(settings.state_dir):
        return True, None
    origin = settings.origins["port"]
    return False, Problem("port", origin, wording.silent(port) if key is None else wording.another_answers(port))


def own_key(state_dir: Path) -> bytes | None:
    """Return the public key (32 bytes) of the room in a state directory, None if that cannot be read."""
    from sockatuh.protocol.noise import public_key
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.files import find_key, read_private

    def read(directory: Path, _: None) -> str:
        return read_private(directory / "server.key").decode("ascii", "replace")

    try:
        private = find_key(as_owner(state_dir, read).strip())
    except (KeyFileError, ValueError):
        return None
    return private and public_key(private)


def _state_problems(settings: Settings) -> Iterator[Problem]:
    """Yield problems with the room's files, or with the directory in which they would be created."""
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.database import open_reader
    from sockatuh.store.files import read_private

    origin = settings.origins["state_dir"]
    place = next(path for path in (settings.state_dir, *settings.state_dir.absolute().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Problem("state_dir", origin, wording.not_writable(place))
        return

    def try_file(name: str, state_dir: Path, _: None) -> None:
        if name == DATABASE:
            open_reader(state_dir / name).close()
        else:
            read_private(state_dir / name)

    for name in as_owner(settings.state_dir, _names_to_try):
        try:
            as_owner(settings.state_dir, partial(try_file, name))
        except (KeyFileError, StoreError) as error:
            yield Problem("state_dir", origin, str(error))


def _names_to_try(state_dir: Path, _: None) -> list[str]:
    keys = sorted(path.name for path in state_dir.glob("*.key*"))
    return [*keys, *([DATABASE] if (state_dir / DATABASE).exists() else [])]


def _port_problems(settings: Settings, host: str, port: int) -> Iterator[Problem]:
    from sockatuh.net.sockets import open_server_socket

    try:
        open_server_socket(host, port).close()
    except AddressUnusable as error:
        yield Problem("port", settings.origins["port"], str(error))


def _control_problems(settings: Settings, room: ChosenRoom) -> Iterator[Problem]:
    """Yield what is wrong with the control socket's place; that of a service is made by systemd when it starts."""
    from sockatuh.server.control import control_path, find_fault

    path = control_path(settings.control, settings.state_dir, room.environ.get("RUNTIME_DIRECTORY"))
    if path is None or room.service is not None:
        return
    will_be_made = path.parent == settings.state_dir and not settings.state_dir.exists()
    fault = find_fault(path, is_to_come=will_be_made)
    if fault is not None:
        yield Problem("control", settings.origins["control"], fault)
