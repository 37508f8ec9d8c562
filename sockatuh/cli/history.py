"""The command `history`, which reads the room's database, whether or not the server runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec.structs import astuple

from sockatuh.room.log import MAX_SEQ
from sockatuh.room.moments import local, rfc3339
from sockatuh.room.text import clean_line
from sockatuh.store.files import DATABASE
from sockatuh.wording import admin as wording
from sockatuh.wording import attendance as attended
from sockatuh.wording import client as phrases

from .arguments import a_path
from .attendance_shown import show_attendance
from .errors import ExitCode, stop
from .naming import shown_name, shown_program
from .new_room import ConfigOption
from .options import JsonOption, Range
from .reading_range import AfterOption, SinceOption, read_range
from .rendering import ACTED, EVENT, OFFICIAL, TEXTS_FROM, TO, WHISPERED
from .rows import print_wrapped
from .which_room import choose_room, require_access

if TYPE_CHECKING:
    from sockatuh.store.history import HistoryReader, Line, LogLine, SessionLine

NEWEST: Final = 200
"""How many lines are read if no option says so."""


def history(
    config: ConfigOption = None,
    joins: Annotated[bool, typer.Option("--joins", help=wording.HELP_JOINS)] = False,
    everything: Annotated[bool, typer.Option("--all", help=wording.HELP_ALL)] = False,
    lines: Annotated[
        int | None, typer.Option("-n", "--lines", help=wording.HELP_LINES, metavar="N", min=1, max=MAX_SEQ)
    ] = None,
    since: SinceOption = None,
    after: AfterOption = None,
    name: Annotated[str | None, typer.Option("--name", help=wording.HELP_NAME, metavar="NAME")] = None,
    private: Annotated[bool, typer.Option("--private", help=wording.HELP_PRIVATE)] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", parser=a_path, help=attended.HELP_SVG, metavar="FILE", show_default=False)
    ] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help=attended.HELP_TIMELINE)] = False,
    force: Annotated[bool, typer.Option("--force", help=attended.HELP_FORCE)] = False,
    as_json: JsonOption = False,
) -> None:
    """Read what was said, and who came and went."""
    if svg is not None or timeline or force:
        _check_shown(svg, timeline=timeline, force=force, joins=joins, as_json=as_json)
        if everything or lines is not None or after is not None or private:
            stop(attended.ONLY_A_SPAN, ExitCode.USAGE)
        show_attendance(config, since, name, svg, force=force)
        return
    if after is not None and (joins or everything):
        stop(wording.AFTER_COUNTS_MESSAGES, ExitCode.USAGE)
    wanted = read_range(lines, since, after, NEWEST)
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.history import HistoryReader, LogLine, RenameLine, SessionLine

    kinds = {kind.__name__: kind for kind in (LogLine, RenameLine, SessionLine)}
    room = choose_room(config)
    require_access(room)
    path = room.load(serving=False).state_dir / DATABASE
    if not path.exists():
        stop(wording.no_history(path))

    def work(state_dir: Path, _: None) -> list[list[object]]:
        reader = HistoryReader(state_dir / DATABASE)
        lines = _read(reader, wanted, name, joins=joins, everything=everything, private=private)
        return [[type(line).__name__, *astuple(line)] for line in lines]

    found = [kinds[kind](*fields) for kind, *fields in as_owner(path.parent, work)]
    if as_json:
        for text in _as_json(found, private=private):
            print(text)
    else:
        print_wrapped(_for_people(found), TEXTS_FROM)


def _check_shown(svg: Path | None, *, timeline: bool, force: bool, joins: bool, as_json: bool) -> None:
    """Stop with a usage error unless these options together show one picture."""
    if as_json:
        stop(attended.NO_JSON, ExitCode.USAGE)
    if svg is None and force:
        stop(attended.FORCE_WHAT, ExitCode.USAGE)
    if svg is not None and timeline:
        stop(attended.NOT_BOTH, ExitCode.USAGE)
    if svg is not None and not joins:
        stop(attended.SVG_NEEDS_JOINS, ExitCode.USAGE)


def _read(
    reader: HistoryReader, wanted: Range, name: str | None, *, joins: bool, everything: bool, private: bool
) -> Iterable[Line]:
    if everything:
        return reader.lines(wanted.since, name, wanted.lines, private=private)
    if joins:
        return reader.joins_and_renames(wanted.since, name, wanted.lines)
    return reader.messages(wanted.since, name, wanted.lines, after=wanted.after or 0, private=private)


def _as_json(lines: Iterable[Line], *, private: bool) -> Iterator[str]:
    """Yield an object for each line; the text of a private one is null unless it was asked for."""
    from sockatuh.store.history import LogLine, RenameLine, SessionLine

    for line in lines:
        match line:
            case LogLine(seq, at, name, text, action, "", official):
                fields: dict[str, object] = {"type": "message", "seq": seq, "at": rfc3339(at), "from": name}
                fields |= {"text": text, "action": action, "official": official, "struck": _strike_of(line)}
            case LogLine(seq, at, name, text, _, to):
                fields = {"type": "private", "seq": seq, "at": rfc3339(at), "from": name, "to": to}
                fields |= {"text": text if private else None, "struck": _strike_of(line)}
            case RenameLine(seq, at, name, new, owner):
                fields = {"type": "renamed", "seq": seq, "at": rfc3339(at), "name": name, "new": new, "key": owner}
            case SessionLine():
                fields = {"type": "session", "at": rfc3339(line.opened), "name": line.name, "key": line.owner}
                fields |= {"address": line.address, "dialect": line.dialect, "version": line.version}
                fields |= {"transient": line.transient, "reason": line.reason}
                fields["closed"] = None if line.closed is None else rfc3339(line.closed)
        yield json.dumps({"v": 1, **fields})


def _strike_of(line: LogLine) -> dict[str, object] | None:
    """Return what is known about the removal of a line's text, None if it was not removed."""
    if not line.struck:
        return None
    at = None if line.struck_at is None else rfc3339(line.struck_at)
    return {"at": at, "by": line.struck_by, "as": line.struck_as or None, "reason": line.struck_reason or None}


def _for_people(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a row for each line, in local time, with a heading for each new day."""
    day = ""
    for line in lines:
        moment = local(line.at)
        if (today := f"{moment:%Y-%m-%d}") != day:
            day = today
            yield wording.day(day)
        yield f"{moment:%H:%M} {_shown(line)}"


def _shown(line: Line) -> str:
    from sockatuh.store.history import LogLine, RenameLine, SessionLine

    match line:
        case LogLine():
            return _message(line)
        case RenameLine():
            return EVENT + phrases.renamed(shown_name(line.name), shown_name(line.new))
        case SessionLine():
            return _session(line)


def _message(line: LogLine) -> str:
    name, text = shown_name(line.name), clean_line(line.text)
    if line.struck:
        to, because = line.to and shown_name(line.to), clean_line(line.struck_reason)
        return EVENT + wording.struck(name, to, _struck_by(line), because)
    if line.to:
        return f"{WHISPERED}{name}{TO}{shown_name(line.to)}  {text}".rstrip()
    said = f"{ACTED}{name} {text}" if line.action else f"{name}  {text}"
    return OFFICIAL + said if line.official else said


def _struck_by(line: LogLine) -> str:
    """Return who removed a line's text, "" if the log no longer says."""
    if line.struck_at is None:
        return ""
    if line.struck_by is None:
        return shown_name(line.name)
    return clean_line(line.struck_as) or str(line.struck_by)


def _session(line: SessionLine) -> str:
    program = f"{clean_line(line.dialect)} {shown_program(line.version)}".rstrip()
    came = EVENT + wording.came(shown_name(line.name), clean_line(line.address), program)
    if line.transient:
        came += wording.TRANSIENT
    if line.closed is None:
        return came + wording.STILL_THERE
    return came + wording.went(f"{local(line.closed):%Y-%m-%d %H:%M}", clean_line(line.reason or ""))
