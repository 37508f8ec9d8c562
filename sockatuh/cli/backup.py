"""The commands `backup` and `restore`, which copy a room to a file and restore it from one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.moments import from_rfc3339, local
from sockatuh.store.files import DATABASE
from sockatuh.wording import backup as wording

from .arguments import a_path
from .errors import ExitCode, stop
from .new_room import ConfigOption
from .program import called_as
from .service_files import STATE, at
from .which_room import ChosenRoom, choose_room, is_booted, is_root, require_access


def backup(
    file: Annotated[
        Path, typer.Argument(parser=a_path, help=wording.HELP_BACKUP_FILE, metavar="FILE", show_default=False)
    ],
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help=wording.HELP_FORCE)] = False,
) -> None:
    """Copy the room to one file, while it runs."""
    from sockatuh.store.backup import is_own, make_backup

    room = choose_room(config)
    database = room.load(serving=False).state_dir / DATABASE
    require_access(room)
    if not database.exists():
        stop(wording.no_room(database))
    if is_own(file, database):
        stop(wording.belongs_to_room(file), ExitCode.USAGE)
    if file.exists() and not force:
        stop(wording.is_there(file))
    try:
        found = make_backup(database, file, replace=force)
    except DatabaseUnusable as error:
        if error.path != str(file):
            raise
        stop(wording.not_written(file, error.reason))
    print(wording.backed_up(file, found.entries, found.last, _shown(found.at), keys=found.keys), file=sys.stderr)


def restore(
    file: Annotated[
        Path, typer.Argument(parser=a_path, help=wording.HELP_RESTORE_FILE, metavar="FILE", show_default=False)
    ],
    config: ConfigOption = None,
) -> None:
    """Put a room back from a backup."""
    from sockatuh.store.restore import restore_backup

    room = choose_room(config)
    require_access(room)
    database, start = _place(room)
    try:
        done = restore_backup(file, database)
    except DatabaseUnusable as error:
        if error.path != str(file):
            raise
        stop(wording.not_restored(file, error.reason))
    found = done.contents
    if done.unreadable is not None:
        print(wording.unreadable(done.unreadable), file=sys.stderr)
    print(wording.restored(database, found.entries, found.last, _shown(found.at), done.kept, start), file=sys.stderr)


def _place(room: ChosenRoom) -> tuple[Path, str]:
    """Return the path of the database to restore, and the command that starts the room afterwards.

    If there is no room yet and nothing names a place, root restores the service's room, which may be installed later:
    this machine replaces a lost one. Anybody else has to name a place.
    """
    settings = room.load(serving=False)
    database = settings.state_dir / DATABASE
    if room.service is not None:
        return database, wording.START_SERVICE
    is_somewhere = database.exists() or (settings.state_dir / "server.key").exists()
    if is_somewhere or settings.origins["state_dir"] != "default" or room.is_named:
        for_service = settings.state_dir == at(STATE) and is_booted()
        return database, wording.install_service(called_as()) if for_service else wording.SERVE
    if not (is_booted() and is_root()):
        stop(wording.no_room_yet(settings.state_dir))
    return at(STATE) / DATABASE, wording.install_service(called_as())


def _shown(at: str | None) -> str | None:
    return None if at is None else f"{local(from_rfc3339(at)):%Y-%m-%d %H:%M}"
