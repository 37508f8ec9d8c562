"""The command `metrics`, which writes the room's numbers for Prometheus, by node_exporter's textfile collector."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.cli.arguments import a_path
from sockatuh.cli.control import ControlUnanswered, SocketOption, ask, print_lines
from sockatuh.cli.errors import ExitCode, Stopped, stop
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.cli.output_file import write_over
from sockatuh.server.box_report import Metrics, MetricsReport
from sockatuh.wording import control as unanswered
from sockatuh.wording import status as wording

READABLE: Final = 0o644


def metrics(
    to: Annotated[Path | None, typer.Option("--to", parser=a_path, help=wording.HELP_TO, metavar="FILE")] = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the room's server for its numbers, and print or write them."""
    from .exposition import exposition

    try:
        answer = ask(Metrics(), socket, config)
    except ControlUnanswered as error:
        if to is not None and error.exit_code is ExitCode.NO_SERVER:
            _write(to, exposition(None))
        raise
    report = next((item for item in answer.items if isinstance(item, MetricsReport)), None)
    if report is None:
        raise Stopped(unanswered.NO_ITEM, ExitCode.OTHER)
    if to is not None:
        _write(to, exposition(report))
    elif as_json:
        print_lines(answer)
    else:
        sys.stdout.write(exposition(report).decode())


def _write(file: Path, text: bytes) -> None:
    """Replace a file at once, readable by everybody: the collector may read it at any moment."""
    try:
        write_over(file, text, READABLE)
    except OSError as error:
        stop(wording.not_written(file, error.strerror or str(error)))
