"""Runs what blocks or computes for long in a daemon thread, which is abandoned when its result is no longer needed.

asyncio's own executor would be waited for at the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_background(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own, and return its result or raise its error."""
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not finished.done():  # cancelled
            outcome()

    def run() -> None:
        try:
            outcome = partial(finished.set_result, work())
        except Exception as error:
            outcome = partial(finished.set_exception, error)
        with contextlib.suppress(RuntimeError):  # nobody waits, and the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    start_in_background(run)
    return await finished


def start_in_background(run: Callable[[], None]) -> None:
    """Start `run`, which raises nothing, in a thread of its own."""
    threading.Thread(target=run, name="background", daemon=True).start()
