"""The command `audit`, which reads the room's database, whether or not the server runs; and what `bans --all` reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import astuple

from sockatuh.cli.errors import stop
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.cli.reading_range import read_range
from sockatuh.cli.which_room import choose_room, require_access
from sockatuh.store.files import DATABASE
from sockatuh.wording import admin
from sockatuh.wording import orders as wording

from .arguments import name_of
from .rows import audit_fields, audit_row, past_fields, past_row
from .tables import print_table

if TYPE_CHECKING:
    from sockatuh.store.audit import AuditReader, GivenOrder


def audit(
    since: Annotated[str | None, typer.Option("--since", help=wording.HELP_SINCE, metavar="WHEN")] = None,
    who: Annotated[str | None, typer.Option("--by", help=wording.HELP_BY, metavar="NAME")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was ordered."""
    moment = read_range(None, since, None, None).since
    wanted = None if who is None else name_of(who).casefold()
    found = [each for each in _read(config, lambda reader: reader.orders(moment)) if wanted in (None, *_givers(each))]
    if as_json:
        for given in found:
            print(json.dumps({"v": 1, "type": "ordered", **audit_fields(given)}))
        return
    nothing = wording.NOTHING_ORDERED if (moment, wanted) == (None, None) else wording.NOTHING_CHOSEN
    print_table(wording.AUDIT_COLUMNS, [*map(audit_row, found)], 4, nothing)


def print_past(config: Path | None, *, as_json: bool) -> None:
    """Print every kick, ban and mute that the database has, and how it ended."""
    from sockatuh.store.audit import ends_of
    from sockatuh.store.database import wall_clock

    found = _read(config, lambda reader: reader.those_that_stay())
    ended = ends_of(found, wall_clock())
    past = [(given, ended.get(given.seq)) for given in found if given.stays]
    if as_json:
        for given, end in past:
            print(json.dumps({"v": 1, "type": "order", **past_fields(given, end)}))
        return
    print_table(wording.ALL_BANS_COLUMNS, [past_row(given, end) for given, end in past], 3, wording.NEVER_ORDERED)


def _read(config: Path | None, read: Callable[[AuditReader], list[GivenOrder]]) -> list[GivenOrder]:
    """Read from the database of the room that is named, or of this machine's service, as `history` does."""
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.audit import AuditReader, GivenOrder

    room = choose_room(config)
    require_access(room)
    path = room.load(serving=False).state_dir / DATABASE
    if not path.exists():
        stop(admin.no_history(path))

    def work(state_dir: Path, _: None) -> list[tuple[Any, ...]]:
        return [astuple(given) for given in read(AuditReader(state_dir / DATABASE))]

    return [GivenOrder(*fields) for fields in as_owner(path.parent, work)]


def _givers(given: GivenOrder) -> tuple[str, ...]:
    """Return what names whoever gave an order: a login name and a uid, or a member."""
    if given.by is None:
        return (given.name.casefold(),)
    return given.login.casefold(), str(given.by)
