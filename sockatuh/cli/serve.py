"""The command that runs a room."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sockatuh.errors import ConfigurationError, SockAtuhError
from sockatuh.home import working_directory
from sockatuh.wording import admin as wording

from .errors import explain
from .paragraphs import folded
from .program import typed_command
from .reading import Reading
from .rows import log_rows
from .setup import ConfigOption

if TYPE_CHECKING:
    from sockatuh.server.options import ServiceOptions
    from sockatuh.server.ready import Ready

SWITCH_INTERVAL: Final = 0.0005
"""Seconds a thread may keep the interpreter while another waits."""


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option("--host", help=wording.HELP_HOST)] = None,
    port: Annotated[int | None, typer.Option("--port", help=wording.HELP_PORT)] = None,
) -> None:
    """Run the room until it is stopped."""
    from sockatuh import log
    from sockatuh.journal import is_journal, levelled
    from sockatuh.net.activation import take_passed_socket
    from sockatuh.net.notify import Notifier

    flags, cwd, terminal = {"config": config, "host": host, "port": port}, working_directory(), sys.stderr.isatty()
    journal = is_journal(sys.stderr, os.environ)
    reading = Reading(flags, cwd, terminal=terminal)
    from sockatuh.server.service import Service  # meanwhile

    notifier = Notifier.from_environment(os.environ)
    try:
        passed = take_passed_socket(os.environ)
        options = reading.result()
    except ConfigurationError as error:
        notifier.status(wording.not_started(error.problems))
        raise

    def reread() -> ServiceOptions:
        if terminal and not sys.stderr.isatty():  # it was closed, and nobody is there any more who runs the room
            os.kill(os.getpid(), signal.SIGTERM)
        fresh = Reading(flags, cwd, terminal=terminal).result()
        level.change(fresh.log_level)
        return fresh

    # A busy loop gives the writer's thread a turn only so often: at Python's 5 ms a commit may wait for seconds.
    sys.setswitchinterval(SWITCH_INTERVAL)

    def announce(ready: Ready) -> None:
        """Tell the person at the terminal, and the scripts that read stderr, how to get in; among lines of the log."""
        told = wording.ready(ready)
        if terminal:
            told = folded(f"{told}\n{wording.ready_here(typed_command(), ready)}")
        stream.write((levelled(told, "info") if journal else told) + "\n")
        # What is there now stays: looking through it for garbage again and again would hold the room up for 20 ms.
        gc.collect()
        gc.freeze()

    async def run() -> None:
        logger = log.get_logger("sockatuh")
        await Service(options, logger, notifier, announce, passed=passed, reread=reread).run()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)  # or its end would undo what follows
            signal.signal(number, signal.SIG_IGN)  # asyncio would write it into a pipe it has closed, and complain

    with log.unblocked(sys.stderr) as stream:
        level = log.configure(
            options.log_format,
            options.log_level,
            stream=stream,
            is_terminal=terminal,
            is_journal=journal,
            lay_out=log_rows,
        )
        log.take_over()
        try:
            asyncio.run(run())
        except (SockAtuhError, OSError) as error:
            notifier.status(explain(error).message)
            raise
