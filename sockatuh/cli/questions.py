"""Asks a person questions on stderr, one line each, which works with any terminal and any screen reader.

The event loop is blocked while a person answers. Nothing is lost, because the client reconnects and fetches what it
missed. Signals that end the command are still processed.

A terminal echoes typed characters even while no program reads them. A password may be typed ahead at any time, so echo
is off from before the first question until the server's last answer, and what was typed ahead is discarded, not taken
for an answer. The terminal is restored on every exit (an error, Ctrl-C, SIGTERM, Ctrl-\\) and while the program is
stopped by Ctrl-Z.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, TextIO

from sockatuh.wording import NO_ANSWER_GIVEN
from sockatuh.wording import client as phrases

from .errors import stop
from .event_loop import StoppedAtQuestion
from .wrapping import print_folded

_LOCAL_FLAGS: Final = 3
_TERMINAL: Final = 0


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal; a stream that was closed may be None."""
    return stream is not None and not stream.closed and stream.isatty()


def may_ask() -> bool:
    """Tell whether there is a person to ask."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> str:
    """Ask a question; return the typed line without surrounding spaces."""
    with _interruptible(), seen():
        tell(question, end="")
        line = sys.stdin.readline()
    if not line:
        tell("")
        stop(NO_ANSWER_GIVEN)
    return line.strip()


def ask_hidden(question: str) -> str:
    """Ask a question within the event loop; return the typed line, which is not echoed."""
    with _interruptible():
        return read_hidden(question)


def read_hidden(question: str) -> str:
    """Ask a question where no event loop runs; return the typed line, which is not echoed."""
    try:
        return getpass.getpass(question)
    except EOFError:
        tell("")
        stop(NO_ANSWER_GIVEN)
    except UnicodeDecodeError:
        stop(phrases.PASSWORD_NOT_TEXT)


def tell(sentence: str, end: str = "\n") -> None:
    """Print a sentence on stderr."""
    print_folded(sentence, end)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP interrupt a read; the loop's handlers would only mark a task as cancelled."""
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _stop)
    ended_by: int | None = None
    try:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the signal came just before
            raise KeyboardInterrupt
        yield
    except _Stopped as stopped:
        ended_by = stopped.number
        raise StoppedAtQuestion from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if ended_by is not None:  # so that the loop's own handler runs too
            signal.raise_signal(ended_by)


def _stop(number: int, _: FrameType | None) -> None:
    raise _Stopped(number)


class _Stopped(Exception):
    """A signal that ends the command has arrived."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def unseen() -> contextlib.AbstractContextManager[None]:
    """Turn echo off for the block; discard typed-ahead input."""
    return _echoing(on=False)


def seen() -> contextlib.AbstractContextManager[None]:
    """Turn echo on for the block; discard typed-ahead input."""
    return _echoing(on=True)


@contextlib.contextmanager
def _echoing(*, on: bool) -> Iterator[None]:
    """Turn echo on or off for the block; do nothing if stdin is not a Unix terminal."""
    try:
        import termios

        before = termios.tcgetattr(_TERMINAL)
    except (ImportError, OSError, termios.error):
        yield
        return
    inside, outside = _with_echo(before, on=on), _with_echo(before, on=True)

    def step_aside(number: int, _: FrameType | None) -> None:
        """Let the signal stop or end the process with echo on; restore the echo if the process continues."""
        termios.tcsetattr(_TERMINAL, termios.TCSANOW, outside)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, step_aside)
        termios.tcsetattr(_TERMINAL, termios.TCSAFLUSH, inside)

    with _handled(step_aside, signal.SIGTSTP, signal.SIGQUIT):
        termios.tcsetattr(_TERMINAL, termios.TCSAFLUSH, inside)
        try:
            yield
        finally:
            with contextlib.suppress(termios.error):  # the terminal was hung up
                termios.tcsetattr(_TERMINAL, termios.TCSAFLUSH, before)


def _with_echo(attributes: list[Any], *, on: bool) -> list[Any]:
    import termios

    changed = [*attributes]
    changed[_LOCAL_FLAGS] = changed[_LOCAL_FLAGS] | termios.ECHO if on else changed[_LOCAL_FLAGS] & ~termios.ECHO
    return changed


@contextlib.contextmanager
def _handled(handler: Any, *numbers: int) -> Iterator[None]:
    """Handle signals during the block, except those that were ignored when this program started."""
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)
