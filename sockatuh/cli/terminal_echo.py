"""Turns a terminal's echo off and on; questions.py says why.

The terminal is restored on every exit (an error, Ctrl-C, SIGTERM, Ctrl-\\) and while the program is stopped by Ctrl-Z.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

from .signal_handlers import handled

_LOCAL_FLAGS: Final = 3
_TERMINAL: Final = 0
_MOST_STOPS: Final = 100


def unseen() -> contextlib.AbstractContextManager[None]:
    """Turn echo off for the block; discard typed-ahead input."""
    return _echoing(on=False)


def seen() -> contextlib.AbstractContextManager[None]:
    """Turn echo on for the block; discard typed-ahead input."""
    return _echoing(on=True)


@contextlib.contextmanager
def _echoing(*, on: bool) -> Iterator[None]:
    """Turn echo on or off for the block; do nothing if stdin is not a Unix terminal.

    Raises OSError if the terminal is not this program's and never becomes so.
    """
    try:
        import termios
    except ImportError:
        yield
        return
    _wait_for_foreground()
    try:
        before = termios.tcgetattr(_TERMINAL)
    except termios.error:
        yield
        return
    inside, outside = _with_echo(before, on=on), _with_echo(before, on=True)

    def step_aside(number: int, _: FrameType | None) -> None:
        """Let the signal stop or end the process with echo on; restore the echo if the process continues."""
        _set(termios.TCSANOW, outside)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, step_aside)
        _set(termios.TCSAFLUSH, inside)

    with handled(step_aside, signal.SIGTSTP, signal.SIGQUIT):
        try:
            _set(termios.TCSAFLUSH, inside)
            yield
        finally:
            # In the background this program was stopped, and has stepped aside. And the terminal may be hung up.
            with contextlib.suppress(OSError):
                if _is_in_foreground():
                    _set(termios.TCSAFLUSH, before)


def _wait_for_foreground() -> None:
    """Stop, as a read would, while another job has the terminal: its settings are that job's until then.

    Where no shell could continue this program the system does not stop it.
    """
    for _ in range(_MOST_STOPS):
        if _is_in_foreground():
            return
        os.killpg(os.getpgrp(), signal.SIGTTIN)
    raise OSError(errno.EIO, os.strerror(errno.EIO), "stdin")


def _is_in_foreground() -> bool:
    """Tell whether the terminal is this program's; one that does not control it, or no terminal, counts as that."""
    try:
        return os.tcgetpgrp(_TERMINAL) == os.getpgrp()
    except OSError:
        return True


def _set(when: int, attributes: list[Any]) -> None:
    """Set the terminal's attributes, once more if a signal interrupts that."""
    import termios

    while True:
        try:
            return termios.tcsetattr(_TERMINAL, when, attributes)
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise OSError(*error.args, "stdin") from None


def _with_echo(attributes: list[Any], *, on: bool) -> list[Any]:
    import termios

    changed = [*attributes]
    changed[_LOCAL_FLAGS] = changed[_LOCAL_FLAGS] | termios.ECHO if on else changed[_LOCAL_FLAGS] & ~termios.ECHO
    return changed
