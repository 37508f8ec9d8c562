"""Runs a client's command in an event loop, and makes it leave the room whichever way it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import typer

from .errors import ExitCode

WAKES_EVERY: Final = 0.2
"""Seconds within which Ctrl-C takes effect on Windows."""


class StoppedShort(asyncio.CancelledError):
    """A signal stopped the command before every line was stored; after SIGTERM and SIGHUP it exits with `code`."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__()
        self.code = code


class StoppedAtQuestion(asyncio.CancelledError):
    """SIGTERM or SIGHUP arrived during a question, before the loop could process it."""


def run(main: Callable[[], Coroutine[Any, Any, None]], *, when_stopped: ExitCode = ExitCode.OTHER) -> None:
    """Run a command to its end; SIGTERM and SIGHUP cancel it, so that it leaves the room first.

    `when_stopped` is the exit code after those signals. Ctrl-C also leaves first, then raises KeyboardInterrupt.
    """
    # A selector loop, because the default loop on Windows cannot watch a datagram socket.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_stoppable(main(), when_stopped))


async def _stoppable(main: Coroutine[Any, Any, None], when_stopped: ExitCode) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        if task is not None:
            task.cancel()

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP, and its loop no handlers
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, stop)
    waking = asyncio.create_task(_wake_now_and_then()) if sys.platform == "win32" else None
    try:
        await main
    except asyncio.CancelledError as cancelled:
        if not stopped.is_set() and not isinstance(cancelled, StoppedAtQuestion):
            raise
        raise typer.Exit(cancelled.code if isinstance(cancelled, StoppedShort) else when_stopped) from None
    finally:
        if waking is not None:
            waking.cancel()


async def _wake_now_and_then() -> None:
    """Wake the loop regularly, because on Windows a signal does not interrupt its wait for sockets."""
    while True:
        await asyncio.sleep(WAKES_EVERY)
