"""Questions to a person at a terminal, on stderr, one line each: they work with any terminal and any screen reader.

The event loop stands still meanwhile. Nothing is lost by that: the peer finds out what it missed and comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Iterator
from typing import TextIO

from .errors import stop
from .paragraphs import print_folded
from .wording import client as phrases


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person is at the other end; a stream that was closed is None."""
    return stream is not None and not stream.closed and stream.isatty()


def may_ask() -> bool:
    """Tell whether there is somebody to ask."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> str:
    """Return the line that was typed, without the space around it."""
    with _interruptible():
        tell(question, end="")
        line = sys.stdin.readline()
    if not line:
        tell("")
        stop(phrases.NO_ANSWER_GIVEN)
    return line.strip()


def ask_hidden(question: str) -> str:
    """Return what was typed without showing it."""
    with _interruptible():
        try:
            return getpass.getpass(question)
        except EOFError:
            tell("")
            stop(phrases.NO_ANSWER_GIVEN)
        except UnicodeDecodeError:
            stop(phrases.PASSWORD_NOT_TEXT)


def tell(sentence: str, end: str = "\n") -> None:
    """Say something beside the data."""
    print_folded(sentence, end)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C through: the loop's own way only marks a task, which does not wake up a read."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it came just before
            raise KeyboardInterrupt
        yield
    finally:
        signal.signal(signal.SIGINT, before)
