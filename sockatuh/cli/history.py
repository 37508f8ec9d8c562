"""The command `history`: the room's past from its database, whether the server runs or not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sockatuh.room.text import clean_line

from .errors import ExitCode, stop
from .installed import admit, choose_room
from .naming import shown_name, shown_program
from .rows import print_wrapped
from .setup import DATABASE, ConfigOption, JsonOption
from .transcript import ACTED, EVENT, TEXTS_FROM
from .wording import admin as wording

if TYPE_CHECKING:
    from sockatuh.store.history import HistoryReader, LogLine, SessionLine


def history(
    config: ConfigOption = None,
    joins: Annotated[bool, typer.Option("--joins", help=wording.HELP_JOINS)] = False,
    messages: Annotated[bool, typer.Option("--messages", help=wording.HELP_MESSAGES)] = False,
    since: Annotated[str | None, typer.Option("--since", help=wording.HELP_SINCE, metavar="SPAN")] = None,
    name: Annotated[str | None, typer.Option("--name", help=wording.HELP_NAME)] = None,
    limit: Annotated[int, typer.Option("--limit", help=wording.HELP_LIMIT, min=1)] = 200,
    as_json: JsonOption = False,
) -> None:
    """Read who came and went, and what was said."""
    from sockatuh.store.history import HistoryReader

    room = choose_room(config)
    admit(room)
    path = room.load(serving=False).state_dir / DATABASE
    if not path.exists():
        stop(wording.no_history(path))
    lines = _read(HistoryReader(path), _moment(since), name, limit, joins=joins, messages=messages)
    if as_json:
        for text in _as_json(lines):
            print(text)
    else:
        print_wrapped(_for_people(lines), TEXTS_FROM)


def _read(
    reader: HistoryReader, since: int | None, name: str | None, limit: int, *, joins: bool, messages: bool
) -> Iterable[SessionLine | LogLine]:
    if joins == messages:
        return reader.lines(since, name, limit)
    return reader.joins(since, name, limit) if joins else reader.messages(since, name, limit)


def _moment(since: str | None) -> int | None:
    """Return so long ago, in milliseconds since 1970."""
    from sockatuh.spans import parse_span
    from sockatuh.store.database import wall_clock

    try:
        seconds = math.inf if since is None else parse_span(since)
    except ValueError:
        stop(wording.NO_SUCH_SPAN, ExitCode.USAGE)
    return None if math.isinf(seconds) else max(0, wall_clock() - int(seconds * 1000))


def _as_json(lines: Iterable[SessionLine | LogLine]) -> Iterator[str]:
    from sockatuh.store.database import rfc3339
    from sockatuh.store.history import LogLine

    for line in lines:
        if isinstance(line, LogLine):
            fields: dict[str, object] = {"type": "message", "seq": line.seq, "at": rfc3339(line.at), "from": line.name}
            fields |= {"text": line.text, "action": line.action}
        else:
            fields = {"type": "session", "at": rfc3339(line.opened), "name": line.name, "key": line.owner}
            fields |= {"address": line.address, "dialect": line.dialect, "version": line.version}
            fields |= {"transient": line.transient, "reason": line.reason}
            fields["closed"] = None if line.closed is None else rfc3339(line.closed)
        yield json.dumps({"v": 1, **fields})


def _for_people(lines: Iterable[SessionLine | LogLine]) -> Iterator[str]:
    """Yield a line for each, in local time, with one for each new day."""
    from sockatuh.store.history import LogLine

    day = ""
    for line in lines:
        moment = _local(line.at if isinstance(line, LogLine) else line.opened)
        if (today := f"{moment:%Y-%m-%d}") != day:
            day = today
            yield wording.day(day)
        shown = _message(line) if isinstance(line, LogLine) else _session(line)
        yield f"{moment:%H:%M} {shown}"


def _message(line: LogLine) -> str:
    name, text = shown_name(line.name), clean_line(line.text)
    return f"{ACTED}{name} {text}" if line.action else f"{name}  {text}"


def _session(line: SessionLine) -> str:
    program = f"{clean_line(line.dialect)} {shown_program(line.version)}".rstrip()
    came = EVENT + wording.came(shown_name(line.name), clean_line(line.address), program)
    if line.transient:
        came += wording.TRANSIENT
    if line.closed is None:
        return came + wording.STILL_THERE
    return came + wording.went(f"{_local(line.closed):%Y-%m-%d %H:%M}", clean_line(line.reason or ""))


def _local(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone()
