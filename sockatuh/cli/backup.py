"""The commands that copy a room to a file and put it back: backup, restore."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sockatuh.errors import DatabaseUnusable

from .errors import ExitCode, stop
from .setup import DATABASE, ConfigOption
from .wording import backup as wording


def backup(
    file: Annotated[Path, typer.Argument(help=wording.HELP_BACKUP_FILE, metavar="FILE", show_default=False)],
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help=wording.HELP_FORCE)] = False,
) -> None:
    """Copy the room to one file, while it runs."""
    from sockatuh.store.backup import is_own, make_backup

    database = _database(config)
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
    print(wording.backed_up(file, found.entries, found.last, _local(found.at), keys=found.keys), file=sys.stderr)


def restore(
    file: Annotated[Path, typer.Argument(help=wording.HELP_RESTORE_FILE, metavar="FILE", show_default=False)],
    config: ConfigOption = None,
) -> None:
    """Put a room back from a backup."""
    from sockatuh.store.restore import restore_backup

    database = _database(config)
    try:
        done = restore_backup(file, database)
    except DatabaseUnusable as error:
        if error.path != str(file):
            raise
        stop(wording.not_restored(file, error.reason))
    found = done.contents
    print(wording.restored(database, found.entries, found.last, _local(found.at), done.kept), file=sys.stderr)
    if done.unreadable is not None:
        print(wording.unreadable(done.unreadable), file=sys.stderr)


def _database(config: Path | None) -> Path:
    from sockatuh.settings import load

    return load({"config": config}, os.environ, Path.cwd(), serving=False).state_dir / DATABASE


def _local(at: str | None) -> str | None:
    return None if at is None else f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
