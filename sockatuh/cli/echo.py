"""Turn the terminal's echo off wherever a password may be typed next.

A terminal echoes by itself, whether or not a program reads. So its echo is off from before the first question to the
last answer of the server, and what was typed ahead is dropped instead of being taken for an answer. The terminal is
restored on every way out (an error, Ctrl-C, SIGTERM, Ctrl-\\), and while the program is stopped by Ctrl-Z.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

_LOCAL_FLAGS: Final = 3
_TERMINAL: Final = 0


def unseen() -> contextlib.AbstractContextManager[None]:
    """Turn the echo off for the block, and drop typed text that was not read."""
    return _echoing(on=False)


def seen() -> contextlib.AbstractContextManager[None]:
    """Turn the echo on for the block, and drop text that was typed before it."""
    return _echoing(on=True)


@contextlib.contextmanager
def _echoing(*, on: bool) -> Iterator[None]:
    """Switch the echo; do nothing if stdin is not a terminal or has no such switch (Windows)."""
    try:
        import termios

        before = termios.tcgetattr(_TERMINAL)
    except (ImportError, OSError, termios.error):
        yield
        return
    inside, outside = _with_echo(before, on=on), _with_echo(before, on=True)

    def step_aside(number: int, _: FrameType | None) -> None:
        """Restore the echo, let the signal stop or end the process, and switch the echo again afterwards."""
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
            with contextlib.suppress(termios.error):  # it was hung up
                termios.tcsetattr(_TERMINAL, termios.TCSAFLUSH, before)


def _with_echo(attributes: list[Any], *, on: bool) -> list[Any]:
    import termios

    changed = [*attributes]
    changed[_LOCAL_FLAGS] = changed[_LOCAL_FLAGS] | termios.ECHO if on else changed[_LOCAL_FLAGS] & ~termios.ECHO
    return changed


@contextlib.contextmanager
def _handled(handler: Any, *numbers: int) -> Iterator[None]:
    """Handle signals in the block, except those that the parent process chose to ignore."""
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)
