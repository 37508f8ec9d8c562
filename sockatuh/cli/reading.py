"""Read the server's settings in a process of its own.

The library that checks them takes 12 MiB, a quarter of what a server occupies; it goes when that process ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.spared import OPENSSL, spared

if TYPE_CHECKING:
    from sockatuh.server.options import ServiceOptions
    from sockatuh.settings import Settings

_PROGRAM: Final = """
import os, pickle, sys
try:
    sys.path[:], *question = pickle.load(sys.stdin.buffer)
except Exception:  # who asked is gone
    os._exit(1)
from sockatuh.cli.reading import answer
answer(*question)
"""


class Reading:
    """A process that reads the settings, from its start; it needs a moment, in which something else can be done.

    `flags` holds what the command line gave, `terminal` says whether a person watches the log. The environment is this
    process's.
    """

    def __init__(self, flags: Mapping[str, object], cwd: Path, *, terminal: bool) -> None:
        # In a group of its own, so that Ctrl-C is for this process only; not with cwd in its path, where anything lies.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        self._process = subprocess.Popen(  # noqa: S603 (ourselves)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        question = pickle.dumps((sys.path, dict(flags), cwd, terminal))
        if (into := self._process.stdin) is not None:
            with contextlib.suppress(BrokenPipeError), into:  # what is the matter is told below
                into.write(question)

    def result(self) -> ServiceOptions:
        """Wait for the options and return them, or raise what reading them raised (ConfigurationError)."""
        said = b""
        if (out := self._process.stdout) is not None:
            with out:
                said = out.read()
        if code := self._process.wait():
            raise OSError(f"the settings could not be read: the process for it ended with {code}")
        found: ServiceOptions | Exception = pickle.loads(said)  # noqa: S301 (of our own process)
        if isinstance(found, Exception):
            raise found
        return found


def answer(flags: Mapping[str, object], cwd: Path, terminal: bool) -> None:
    """Write the options to stdout, or what reading them raised, and end the process at once."""
    with spared(*OPENSSL):
        from sockatuh.settings import load

    try:
        found: ServiceOptions | Exception = _options(load(flags, os.environ, cwd), terminal)
    except Exception as error:
        found = error
    with contextlib.suppress(BrokenPipeError):  # who asked is gone
        sys.stdout.buffer.write(pickle.dumps(found))
        sys.stdout.flush()
    os._exit(0)  # taking itself apart would take it longer than the rest of the start


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
        message_bytes=settings.message_bytes,
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
