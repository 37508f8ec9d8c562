"""The command `serve`, which runs a room."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sockatuh.errors import ConfigurationError, SockAtuhError
from sockatuh.wording import admin as wording

from .arguments import working_directory
from .errors import explain
from .new_room import ConfigOption
from .program import typed_command
from .rows import log_rows
from .wrapping import folded

if TYPE_CHECKING:
    from sockatuh.server.options import Ready, ServiceOptions
    from sockatuh.settings.model import Settings

SWITCH_INTERVAL: Final = 0.0005
"""Seconds for which one thread may keep the interpreter while another waits for it."""


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option("--host", help=wording.HELP_HOST, metavar="ADDRESS")] = None,
    port: Annotated[int | None, typer.Option("--port", help=wording.HELP_PORT, metavar="PORT")] = None,
) -> None:
    """Run the room until it is stopped."""
    gc.disable()  # until the room is open: nothing that is loaded until then becomes garbage
    from sockatuh import log
    from sockatuh.net.activation import take_passed_socket
    from sockatuh.net.journal import is_journal, with_level
    from sockatuh.net.notify import Notifier
    from sockatuh.server.service import Service
    from sockatuh.settings.sources import load

    flags, cwd, terminal = {"config": config, "host": host, "port": port}, working_directory(), sys.stderr.isatty()
    journal = is_journal(sys.stderr, os.environ)
    notifier = Notifier.from_environment(os.environ)
    try:
        passed = take_passed_socket(os.environ)
        options = service_options(load(flags, os.environ, cwd), terminal=terminal)
    except ConfigurationError as error:
        notifier.status(wording.not_started(error.problems))
        raise

    def reread() -> ServiceOptions:
        if terminal and not sys.stderr.isatty():  # the terminal was closed, so end as SIGHUP would have
            os.kill(os.getpid(), signal.SIGTERM)
        fresh = service_options(load(flags, os.environ, cwd), terminal=terminal)
        level.change(fresh.log_level)
        return fresh

    # While the loop is busy, the writer thread runs only this often; with Python's default of 5 ms a commit could take
    # seconds.
    sys.setswitchinterval(SWITCH_INTERVAL)

    def announce(ready: Ready) -> None:
        """Print how to join the room, for the person at the terminal and for scripts that read stderr."""
        text = wording.ready(ready)
        if terminal:
            text = folded(f"{text}\n{wording.ready_here(typed_command(), ready)}")
        stream.write((with_level(text, "info") if journal else text) + "\n")
        # What exists now lives as long as the process; scanning it in each collection would stall the room for 20 ms.
        gc.collect()
        gc.freeze()
        gc.enable()

    async def run() -> None:
        logger = log.get_logger("sockatuh")
        await Service(options, logger, notifier, announce, passed=passed, reread=reread).run()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(
                number
            )  # otherwise closing the loop would undo the next line
            signal.signal(number, signal.SIG_IGN)  # asyncio would write the signal to a pipe that is closed by then

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


def service_options(settings: Settings, *, terminal: bool) -> ServiceOptions:
    """Return the server's options from the settings; `terminal`: the log goes to a terminal."""
    from sockatuh.server.options import ServiceOptions

    return ServiceOptions(
        host=settings.host,
        port=settings.port,
        room=settings.room,
        password_hash=settings.password_hash,
        state_dir=settings.state_dir,
        synchronous=settings.synchronous,
        history_on_join=settings.history_on_join,
        message_retention=settings.message_retention,
        message_bytes=settings.message_bytes,
        event_retention=settings.event_retention,
        name_ownership=settings.name_ownership,
        classic=settings.classic == "on",
        classic_networks=settings.classic_networks,
        max_members=settings.max_members,
        join_lines_up_to=settings.join_lines_up_to,
        discoverable=settings.discoverable,
        nodes=settings.nodes,
        control=settings.control,
        announce_as=settings.announce_as,
        log_texts=settings.log_messages == "always" or (settings.log_messages == "auto" and terminal),
        limits=settings.limits,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
