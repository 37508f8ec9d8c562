"""Questions to a person at a terminal, on stderr, one line each: they work with any terminal and any screen reader.

The event loop stands still meanwhile. Nothing is lost by that: the peer finds out what it missed and comes back. The
signals that end a command are heard all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

from sockatuh.wording import NO_ANSWER_GIVEN
from sockatuh.wording import client as phrases

from .echo import seen
from .errors import stop
from .event_loop import StoppedAtQuestion
from .paragraphs import print_folded


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person is at the other end; a stream that was closed is None."""
    return stream is not None and not stream.closed and stream.isatty()


def may_ask() -> bool:
    """Tell whether there is somebody to ask."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> str:
    """Return the line that was typed, without the space around it."""
    with _interruptible(), seen():
        tell(question, end="")
        line = sys.stdin.readline()
    if not line:
        tell("")
        stop(NO_ANSWER_GIVEN)
    return line.strip()


def ask_hidden(question: str) -> str:
    """Return what was typed without showing it."""
    with _interruptible():
        try:
            return getpass.getpass(question)
        except EOFError:
            tell("")
            stop(NO_ANSWER_GIVEN)
        except UnicodeDecodeError:
            stop(phrases.PASSWORD_NOT_TEXT)


def tell(sentence: str, end: str = "\n") -> None:
    """Say something beside the data."""
    print_folded(sentence, end)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C through, and SIGTERM and SIGHUP: the loop's way only marks a task, which does not wake up a read."""
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _stop)
    ended_by: int | None = None
    try:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it came just before
            raise KeyboardInterrupt
        yield
    except _Stopped as stopped:
        ended_by = stopped.number
        raise StoppedAtQuestion from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if ended_by is not None:  # the loop is to hear of it as well
            signal.raise_signal(ended_by)


def _stop(number: int, _: FrameType | None) -> None:
    raise _Stopped(number)


class _Stopped(Exception):
    """A signal has come that ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
