"""The command that runs a room."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .setup import ConfigOption
from .wording import admin as wording

if TYPE_CHECKING:
    from sockatuh.server.ready import Ready
    from sockatuh.server.service import ServiceOptions
    from sockatuh.settings import Settings

SWITCH_INTERVAL: Final = 0.0005
"""Seconds a thread may keep the interpreter while another waits."""


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option("--host", help=wording.HELP_HOST)] = None,
    port: Annotated[int | None, typer.Option("--port", help=wording.HELP_PORT)] = None,
) -> None:
    """Run the room until it is stopped."""
    from sockatuh import log
    from sockatuh.net.systemd import Notifier
    from sockatuh.server.service import Service
    from sockatuh.settings import load

    settings = load({"config": config, "host": host, "port": port}, os.environ, Path.cwd())
    terminal = sys.stderr.isatty()
    log.configure(settings.log_format, settings.log_level, stream=sys.stderr, is_terminal=terminal)
    notifier = Notifier.from_environment(os.environ)

    # A busy loop gives the writer's thread a turn only so often: at Python's 5 ms a commit may wait for seconds.
    sys.setswitchinterval(SWITCH_INTERVAL)

    async def run() -> None:
        await Service(_options(settings, terminal), log.get_logger("sockatuh"), notifier, _announce).run()

    asyncio.run(run())


def _options(settings: Settings, terminal: bool) -> ServiceOptions:
    from sockatuh.server.service import ServiceOptions

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
    )


def _announce(ready: Ready) -> None:
    """Tell the person at the terminal, and the scripts that read stderr, how to get in."""
    print(wording.ready(ready), file=sys.stderr, flush=True)
