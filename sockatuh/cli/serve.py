"""The command that runs a room."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sockatuh.errors import ConfigurationError, SockAtuhError

from .errors import explain
from .setup import ConfigOption
from .wording import admin as wording

if TYPE_CHECKING:
    from sockatuh.server.options import ServiceOptions
    from sockatuh.server.ready import Ready
    from sockatuh.settings import Settings

SWITCH_INTERVAL: Final = 0.0005
"""Seconds a thread may keep the interpreter while another waits."""
PAUSE: Final = 5.0
"""Seconds between two tries with settings that cannot be used, when what waits in a passed socket asks for the next."""


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option("--host", help=wording.HELP_HOST)] = None,
    port: Annotated[int | None, typer.Option("--port", help=wording.HELP_PORT)] = None,
) -> None:
    """Run the room until it is stopped."""
    from sockatuh import log
    from sockatuh.net.activation import take_passed_socket
    from sockatuh.net.systemd import Notifier
    from sockatuh.server.service import Service
    from sockatuh.settings import load

    flags, cwd = {"config": config, "host": host, "port": port}, Path.cwd()
    notifier = Notifier.from_environment(os.environ)
    is_activated = "LISTEN_FDS" in os.environ
    try:
        passed = take_passed_socket(os.environ)
        settings = load(flags, os.environ, cwd)
    except ConfigurationError as error:
        notifier.status(wording.not_started(error.problems))
        if is_activated:
            time.sleep(PAUSE)
        raise
    terminal = sys.stderr.isatty()

    def reread() -> ServiceOptions:
        if terminal and not sys.stderr.isatty():  # it was closed, and nobody is there any more who runs the room
            signal.raise_signal(signal.SIGTERM)
        fresh = load(flags, os.environ, cwd)
        level.change(fresh.log_level)
        return _options(fresh, terminal)

    # A busy loop gives the writer's thread a turn only so often: at Python's 5 ms a commit may wait for seconds.
    sys.setswitchinterval(SWITCH_INTERVAL)

    def announce(ready: Ready) -> None:
        """Tell the person at the terminal, and the scripts that read stderr, how to get in; among lines of the log."""
        stream.write(wording.ready(ready) + "\n")

    async def run() -> None:
        options, logger = _options(settings, terminal), log.get_logger("sockatuh")
        await Service(options, logger, notifier, announce, passed=passed, reread=reread).run()

    with log.unblocked(sys.stderr) as stream:
        level = log.configure(settings.log_format, settings.log_level, stream=stream, is_terminal=terminal)
        try:
            asyncio.run(run())
        except (SockAtuhError, OSError) as error:
            notifier.status(explain(error).message)
            raise


def _options(settings: Settings, terminal: bool) -> ServiceOptions:
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
        event_retention=settings.event_retention,
        name_ownership=settings.name_ownership,
        classic=settings.classic == "on",
        classic_networks=settings.classic_networks,
        max_members=settings.max_members,
        log_texts=settings.log_messages == "always" or (settings.log_messages == "auto" and terminal),
        limits=settings.limits,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
