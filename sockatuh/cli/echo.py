"""What the terminal shows of what is typed: nothing, wherever a password may come next.

A terminal echoes by itself, whether or not anybody is reading. So it is told not to from before the first question to
the last answer of the server, and what was typed ahead is dropped, not taken for an answer. The terminal is as it was
on every way out: an error, Ctrl-C, SIGTERM, Ctrl-\\, and while the program is stopped by Ctrl-Z.
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
    """Let the terminal not show what is typed in the block, and drop what of it nobody has read."""
    return _echoing(on=False)


def seen() -> contextlib.AbstractContextManager[None]:
    """Let the terminal show what is typed in the block, and nothing that was typed before it."""
    return _echoing(on=True)


@contextlib.contextmanager
def _echoing(*, on: bool) -> Iterator[None]:
    """Switch the echo; where stdin is no terminal, or has no such switch (Windows), nothing is done."""
    try:
        import termios

        before = termios.tcgetattr(_TERMINAL)
    except (ImportError, OSError, termios.error):
        yield
        return
    inside, outside = _with_echo(before, on=on), _with_echo(before, on=True)

    def step_aside(number: int, _: FrameType | None) -> None:
        """Stop or end as the signal says, with a terminal that shows what is typed, and go on as before."""
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
    """Have signals handled, but those that are ignored: whoever began this program meant that."""
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)
