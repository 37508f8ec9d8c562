"""The commands that list what a running room knows: the orders in force, names, and sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.cli.control import Answer, OrderRefused, SocketOption, ask, print_lines
from sockatuh.cli.errors import ExitCode, stop
from sockatuh.cli.naming import shown_name
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.server import box_report
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.wording import orders as wording

from .arguments import name_of
from .audit import print_past
from .caller import Caller
from .denials import why_not
from .rows import name_row, order_row, session_row
from .spans import span_unused
from .tables import print_table

_WHICH: Final = 3
"""Columns of an order that say which it is, and of whom."""
_WHO: Final = 2


def bans(
    everything: Annotated[bool, typer.Option("--all", help=wording.HELP_ALL)] = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the orders in force, or all that the database still has."""
    if everything:
        print_past(config, as_json=as_json)
        return
    answer = _asked(box_report.Bans(), socket, config)
    if as_json:
        print_lines(answer)
        return
    rows = [order_row(item) for item in answer.items if isinstance(item, OrderItem)]
    print_table(wording.BANS_COLUMNS, rows, _WHICH, wording.NO_ORDERS)


def names(
    unused: Annotated[str | None, typer.Option("--unused", help=wording.HELP_UNUSED, metavar="SPAN")] = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the names that the room remembers."""
    answer = _asked(box_report.Names(unused=span_unused(unused)), socket, config)
    if as_json:
        print_lines(answer)
        return
    found = sorted((item for item in answer.items if isinstance(item, NameItem)), key=lambda item: item.name.casefold())
    nothing = wording.NO_NAMES if unused is None else wording.NO_UNUSED_NAMES
    print_table(wording.NAMES_COLUMNS, [*map(name_row, found)], _WHO, nothing)


def sessions(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help=wording.HELP_SESSIONS_NAME, show_default=False)
    ] = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the open sessions."""
    wanted = "" if name is None else name_of(name)
    answer = _asked(box_report.Sessions(name=wanted), socket, config)
    if as_json:
        print_lines(answer)
        return
    rows = [session_row(item) for item in answer.items if isinstance(item, SessionItem)]
    if wanted and not rows:
        stop(wording.nobody_here(shown_name(wanted), []), ExitCode.REFUSED)
    print_table(wording.SESSIONS_COLUMNS, rows, _WHO, wording.NO_SESSIONS)


def _asked(query: box_report.Query, socket: str | None, config: Path | None) -> Answer:
    try:
        return ask(query, socket, config)
    except OrderRefused as refused:
        sentence = why_not(refused.denied, query, Caller.of(socket, config))
        raise OrderRefused(refused.denied, sentence, refused.line or "") from None
