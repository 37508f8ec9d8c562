"""The command `status`, the first thing that an admin looks at; `--check` is for programs that watch."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.cli.control import Answer, SocketOption, ask
from sockatuh.cli.errors import ExitCode, Stopped, explain
from sockatuh.cli.jsonlines import print_line
from sockatuh.cli.naming import shown_name
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.cli.rows import print_row, print_styled
from sockatuh.cli.web_page import find_pages, print_code
from sockatuh.cli.wrapping import columns_of
from sockatuh.errors import SockAtuhError
from sockatuh.server.box_report import Status, StatusReport
from sockatuh.wording import control as unanswered
from sockatuh.wording import status as wording

from .caller import Caller
from .status_view import ANSWERED_WITHIN, status_lines, what_is_unwell

STYLES: Final = {"bad": "1;31", "head": "1", "": ""}
"""How lines stand out on a terminal (ECMA-48 §8.3.117)."""
COLOURLESS: Final = {"bad": "1", "head": "1", "": ""}


def status(
    check: Annotated[bool, typer.Option("--check", help=wording.HELP_STATUS_CHECK)] = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the room's server how it is, and print that."""
    if check:
        _check(socket, config, as_json=as_json)
        return
    answer = ask(Status(), socket, config)
    caller = Caller.of(socket, config)
    pages = find_pages_of(caller)
    if as_json:
        _print_json(answer, pages)
        return
    columns = columns_of(sys.stdout)
    styles = COLOURLESS if os.environ.get("NO_COLOR") else STYLES
    for line in status_lines(_report_in(answer), int(time.time() * 1000), columns, caller, pages):
        if line.wraps:
            print_styled(line.text, line.indent, styles[line.style], whole=line.is_whole)
        else:
            print_row(line.text)
    if pages and columns is not None:
        print_code(pages[0], sys.stdout)


def find_pages_of(caller: Caller) -> tuple[str, ...]:
    """Return the addresses of the page for browsers of the room that is asked about."""
    pages = find_pages()
    return pages if pages and caller.runs_service() else ()


def _print_json(answer: Answer, pages: tuple[str, ...]) -> None:
    """Print what the server answered, and before its last line where the page is, which the server does not know."""
    *items, done = answer.lines
    for line in items:
        print(line)
    if pages:
        print_line("web", urls=pages)
    print(done)


def _check(socket: str | None, config: Path | None, *, as_json: bool) -> None:
    """Print one line, and exit with 0 or 1: Docker reserves the others."""
    report, reason = None, None
    try:
        report = _report_in(ask(Status(), socket, config, patience=ANSWERED_WITHIN))
        reason = what_is_unwell(report)
    except (Stopped, SockAtuhError, OSError) as error:
        reason = explain(error).message.partition("\n")[0]
    if as_json:
        facts = {} if report is None else {"loop": report.loop, "writer": report.writer}
        print_line("health", ok=reason is None, reason=reason, **facts)
    elif report is not None and reason is None:
        print(wording.well(shown_name(report.room), report.loop, report.writer))
    else:
        print(wording.unwell(reason or ""))
    if reason is not None:
        raise typer.Exit(ExitCode.OTHER)


def _report_in(answer: Answer) -> StatusReport:
    for item in answer.items:
        if isinstance(item, StatusReport):
            return item
    raise Stopped(unanswered.NO_ITEM, ExitCode.OTHER)
