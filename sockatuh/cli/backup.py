"""The commands `backup` and `restore`, which copy a room to a file and restore it from one."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sockatuh.errors import DatabaseUnusable, SockAtuhError
from sockatuh.protocol.identity import words
from sockatuh.room.moments import from_rfc3339, local
from sockatuh.store.backup_series import backup_name, keep_newest
from sockatuh.store.backup_stamp import note_failed, note_made
from sockatuh.store.files import DATABASE
from sockatuh.wording import backup as wording

from .arguments import a_path
from .errors import ExitCode, explain, stop, warn
from .new_room import ConfigOption
from .program import called_as
from .service_files import STATE, at
from .which_room import ChosenRoom, choose_room, is_booted, is_root, require_access


def backup(
    place: Annotated[
        Path,
        typer.Argument(parser=a_path, help=wording.HELP_BACKUP_FILE, metavar="FILE", show_default=False),
    ],
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help=wording.HELP_FORCE)] = False,
    keep: Annotated[int | None, typer.Option("--keep", help=wording.HELP_KEEP, metavar="N", min=1)] = None,
    every: Annotated[str | None, typer.Option("--every", help=wording.HELP_EVERY, metavar="SPAN")] = None,
) -> None:
    """Copy the room to one file, while it runs."""
    from sockatuh.store.backup import is_own, make_backup

    seconds = _interval(every)
    is_series = keep is not None or seconds is not None
    room = choose_room(config)
    database = room.load(serving=False).state_dir / DATABASE
    require_access(room)
    if not database.exists():
        stop(wording.no_room(database))
    spelt, now = _key_words(database.parent), int(time.time() * 1000)
    file = place / backup_name(spelt, now) if is_series or place.is_dir() else place
    if is_own(file, database):
        stop(wording.belongs_to_room(file), ExitCode.USAGE)
    if file.exists() and not force:
        stop(wording.is_there(file))
    try:
        made = make_backup(database, file, replace=force)
        deleted = [] if keep is None else keep_newest(file, spelt, keep, now)
    except (SockAtuhError, OSError) as error:
        if is_series:
            _stamp(database, partial(note_failed, reason=_in_english(error), every=seconds))
        if isinstance(error, DatabaseUnusable) and error.path == str(file):
            stop(wording.not_written(file, error.reason))
        raise
    _stamp(database, partial(note_made, file=file.absolute(), every=seconds))
    print(wording.backed_up(file, made.entries, made.last, _shown(made.at), keys=made.keys), file=sys.stderr)
    if deleted:
        print(wording.deleted(deleted), file=sys.stderr)


def _interval(every: str | None) -> float | None:
    """Return the seconds within which the next backup is expected, or stop with a usage error."""
    from sockatuh.settings.values import parse_span

    if every is None:
        return None
    try:
        seconds = parse_span(every)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        stop(wording.not_an_interval(every), ExitCode.USAGE)
    return seconds


def _key_words(state_dir: Path) -> tuple[str, ...]:
    """Return the words of the room's key, none if it has no key yet."""
    from .check import own_key

    key = own_key(state_dir)
    return words(key) if key is not None else ()


def _in_english(error: SockAtuhError | OSError) -> str:
    """Return why a backup failed, as logs and JSON say it."""
    if isinstance(error, OSError):
        return ": ".join(filter(None, [str(error.filename or ""), error.strerror or str(error)]))
    return str(error)


def _stamp(database: Path, note: Callable[[Path, int], None]) -> None:
    """Note what became of a backup where the room sees it; the backup itself does not depend on that."""
    try:
        note(database.parent, int(time.time() * 1000))
    except (SockAtuhError, OSError) as error:
        warn(wording.not_noted(explain(error).message))


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
