"""Reads who was in the room when, and shows it: `history --joins --svg FILE` and `history --timeline`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from msgspec.structs import astuple

from sockatuh.store.files import DATABASE
from sockatuh.wording import admin as wording
from sockatuh.wording import attendance as attended
from sockatuh.wording import backup

from .arguments import FROM_STDIN
from .errors import stop
from .output_file import write_new, write_over
from .reading_range import read_range
from .rows import print_row
from .which_room import choose_room, require_access
from .wrapping import columns_of

DEFAULT_SINCE: Final = "24h"


def show_attendance(
    config: Path | None, since: str | None, name: str | None, file: Path | None, *, force: bool
) -> None:
    """Draw who was here to `file` (`-`: stdout), or print it as rows of characters if that is None."""
    began = read_range(None, since or DEFAULT_SINCE, None, None).since
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.database import wall_clock
    from sockatuh.store.history import HistoryReader, SessionLine
    from sockatuh.store.memberships import Membership

    from .attendance import attendance

    room = choose_room(config)
    require_access(room)
    settings = room.load(serving=False)
    path = settings.state_dir / DATABASE
    if not path.exists():
        stop(wording.no_history(path))
    is_drawn = file is not None and str(file) != FROM_STDIN
    if file is not None and is_drawn and os.path.lexists(file) and not force:
        stop(backup.is_there(file))

    def work(state_dir: Path, _: None) -> list[list[object]]:
        reader = HistoryReader(state_dir / DATABASE)
        sessions = reader.joins(began, name, None)
        members = reader.memberships(began or 0)
        return [[astuple(line) for line in sessions], [astuple(member) for member in members]]

    sessions, members = as_owner(path.parent, work)
    shown = attendance(
        [SessionLine(*fields) for fields in sessions], [Membership(*fields) for fields in members], began, wall_clock()
    )
    if file is None:
        from .attendance_timeline import timeline

        for row in timeline(shown, columns_of(sys.stdout)):
            print_row(row)
        return
    from .attendance_picture import draw_picture

    picture = draw_picture(shown, settings.room)
    if not is_drawn:
        print(picture.decode(), end="")
        return
    try:
        (write_over if force else write_new)(file, picture)
    except FileExistsError:
        stop(backup.is_there(file))
    except OSError as error:
        stop(backup.not_written(file, error.strerror or str(error)))
    print(attended.wrote(file, len(shown.rows) + shown.others), file=sys.stderr)
