"""Lays out what a server tells of itself: what is wrong and what to do, who is here, and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from sockatuh.cli.direction import apart
from sockatuh.cli.naming import shown_name
from sockatuh.cli.rows import NOTE_INDENT, aligned
from sockatuh.cli.verdict import MARKS, Result
from sockatuh.room.moments import find_moment
from sockatuh.room.text import clean_line
from sockatuh.server.box_report import Here, StatusReport, Trouble
from sockatuh.wording import client as phrases
from sockatuh.wording import reasons
from sockatuh.wording import status as wording

from .caller import Caller
from .shown import moment

ANSWERED_WITHIN: Final = 3.0
"""Seconds since the last sign of a part of the server, beyond which something is wrong with it."""
LABEL: Final = 11
"""Columns of a fact's name."""
WIDE: Final = 60
"""From this many columns on, all rows of a fact begin behind its name."""
UNUSUAL: Final = ("classic", "web")
"""Ways to be here that a status names."""


class Line(msgspec.Struct, frozen=True):
    """A line of the screen; its further rows are indented. `style`: "", `bad` or `head`.

    `is_whole`: words that are too long for a row are not cut, so that they can be copied; never for a stranger's text.
    """

    text: str
    indent: int = NOTE_INDENT
    style: str = ""
    is_whole: bool = False
    wraps: bool = True
    """Whether the line is cut into rows; the terminal wraps another one, so that it is copied in one piece."""


def status_lines(
    report: StatusReport, now: int, columns: int | None, caller: Caller, pages: Sequence[str] = ()
) -> Iterator[Line]:
    """Yield the lines of a status at `now` (ms since 1970) for a terminal of so many columns (None: a file).

    `pages` are the addresses of the page for browsers.
    """
    for trouble in troubles_of(report):
        mark = f"{MARKS[Result.BAD]}  "
        yield Line(mark + _sentence(trouble), len(mark), "bad")
        if trouble.remedy:
            yield Line(" " * len(mark) + clean_line(reasons.in_words(trouble.remedy)), len(mark), is_whole=True)
    room = shown_name(report.room)
    yield Line(wording.head(room, report.members, report.max_members, report.lost, report.guests), style="head")
    yield from map(Line, _people(report))
    for label, text in _facts(report, now, caller, pages):
        head = f"{wording.LABELS[label]:<{LABEL}}"
        indent = LABEL if columns is None or columns >= WIDE else NOTE_INDENT
        yield Line(head + text, indent, is_whole=True, wraps=label != "invite")


def troubles_of(report: StatusReport) -> Iterator[Trouble]:
    """Yield what is wrong: what the server says, and which part of it has given no sign for a while."""
    known = {trouble.code for trouble in report.troubles}
    if not report.storing and "not_storing" not in known:
        yield Trouble(code="not_storing", reason="", remedy="")
    yield from report.troubles
    for code, seconds in (("loop_late", report.loop), ("writer_silent", report.writer)):
        if seconds > ANSWERED_WITHIN and code not in known:
            yield Trouble(code=code, reason=wording.late(seconds), remedy="")


def what_is_unwell(report: StatusReport) -> str | None:
    """Return a sentence about what keeps a server from its work, None if nothing does."""
    vital = [each for each in troubles_of(report) if each.code in ("not_storing", "loop_late", "writer_silent")]
    return _sentence(vital[0]) if vital else None


def _sentence(trouble: Trouble) -> str:
    if trouble.code == "backup_overdue" and trouble.reason:
        return wording.overdue(moment(trouble.reason))
    return wording.trouble(trouble.code, trouble.reason)


def _people(report: StatusReport) -> Iterator[str]:
    if not report.here:
        return
    yield from aligned([wording.COLUMNS, *map(_row, report.here)])
    if report.members > len(report.here):
        yield wording.more(report.members - len(report.here))


def _row(member: Here) -> tuple[str, ...]:
    remarks = [member.dialect] if member.dialect in UNUSUAL else []
    remarks += [wording.in_sessions(member.sessions)] if member.sessions > 1 else []
    remarks += [wording.lost_since(moment(member.lost))] if member.lost is not None else []
    if member.away is not None:  # last, because it ends with a text of somebody else's
        remarks.append(phrases.is_away(apart(clean_line(member.away))))
    return shown_name(member.name), moment(member.since), clean_line(member.key) or "-", ", ".join(remarks)


def _facts(report: StatusReport, now: int, caller: Caller, pages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each fact: its label, and what is told."""
    yield "address", wording.address(report.addresses, report.port)
    yield "words", clean_line(report.words)
    yield "invite", clean_line(report.invite)
    if pages:
        yield "browsers", " ".join(map(clean_line, pages))
    started = find_moment(report.started)
    seconds = 0.0 if started is None else max(0.0, (now - started) / 1000)
    yield "running", wording.running(report.version, moment(report.started), seconds)
    yield "storing", wording.storing(report.storing, report.head, report.database, report.unwritten)
    yield "sessions", wording.counted(_most_first(report.sessions))
    yield (
        "orders",
        wording.orders({kind: count for kind, count in report.orders.items() if count}, caller.command("bans")),
    )
    yield "dropped", wording.dropped(_most_first(report.dropped), report.receive_buffer)
    yield "backup", _backup(report)


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: count for kind, count in sorted(counts.items(), key=lambda each: -each[1]) if count}


def _backup(report: StatusReport) -> str:
    last = report.backup
    if last is None:
        return wording.NO_BACKUP
    made = f"{moment(last.at)}, {clean_line(last.file)}" if last.at is not None else ""
    failed = wording.last_failed(moment(last.failed)) if last.failed is not None else ""
    return "; ".join(filter(None, [made, failed]))
