"""Handlers of signals for the duration of a block, and what a signal does to a question."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, NoReturn

from .event_loop import StoppedAtQuestion

# Windows has no SIGHUP.
_ENDING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_ENDED_BY_SIGNAL: Final = 128
"""A shell's exit code for a command that a signal ended, less the signal's number."""


@contextlib.contextmanager
def handled(handler: Any, *numbers: int) -> Iterator[None]:
    """Handle signals during the block, except those that were ignored when this program started."""
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = [number for number in numbers if before[number] is not signal.SIG_IGN]
    try:
        for number in heeded:
            signal.signal(number, handler)
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a question; they take effect at the end of the block.

    An event loop's own handlers would only mark a task as cancelled. Only the first signal raises an exception in the
    block, so that none interrupts what restores the terminal there.
    """
    ended_by: int | None = None

    def end(number: int, _: FrameType | None) -> None:
        nonlocal ended_by
        if ended_by is None:
            ended_by = number
            raise _Ended

    with contextlib.suppress(_Ended), handled(end, *_ENDING):
        if _is_cancelled():  # the signal came just before
            raise KeyboardInterrupt
        yield
    if ended_by is not None:
        _take_effect(ended_by)


class _Ended(Exception):
    """A signal that ends the command has arrived."""


def _take_effect(number: int) -> NoReturn:
    """Do what a signal does without a question; the event loop was told of it when it arrived."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if _find_task() is not None:
        raise StoppedAtQuestion
    signal.raise_signal(number)
    raise SystemExit(_ENDED_BY_SIGNAL + number)  # it ended nothing, which is so for the first process of a container


def _is_cancelled() -> bool:
    task = _find_task()
    return task is not None and task.cancelling() > 0


def _find_task() -> asyncio.Task[Any] | None:
    """Return the task that asks, or None where no event loop runs."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
