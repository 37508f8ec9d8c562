"""The terminal of the screens that draw: opens it for drawing, and shows typed text safely.

It is never asked for its cursor position. Serial consoles, shells in editors and slow connections may not answer; then
prompt_toolkit would print a warning between the lines of the room, and take a late answer for typing. The position is
not needed, because the input is drawn below what was printed, wherever that is.

Pasted text may come from anywhere, and the terminal shows it before it is sent. So each character that cleaning would
remove is displayed as U+FFFD.
"""

from __future__ import annotations

import contextlib
import os
import sys
import unicodedata
from typing import Final

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, TabsProcessor, Transformation, TransformationInput
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from sockatuh.room.text import CONTROL_SEQUENCE, judge

STAND_IN: Final = "\ufffd"


class UnaskedTerminal(Vt100_Output):
    """Draws with escape sequences and never waits for an answer."""

    @property
    def responds_to_cpr(self) -> bool:
        """Tell prompt_toolkit not to ask for the cursor's position."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Return 1, the cursor's own row; more become available by scrolling."""
        return 1


def open_terminal() -> Output:
    """Return the terminal on stdout."""
    if sys.platform == "win32" or not sys.stdout.isatty():
        return create_output()
    return UnaskedTerminal.from_pty(sys.stdout, term=os.environ.get("TERM"))


def end_application(app: Application[None], error: BaseException | None = None) -> None:
    """End an application, once; its run raises the error, if there is one."""
    if app.is_running and app.future is not None and not app.future.done():
        app.exit(exception=error) if error else app.exit()


def discard_typed_ahead() -> None:
    """Drop what was typed before a screen took the terminal, which had turned its Enter into Ctrl-J, a new line."""
    if not sys.stdin.isatty():
        return
    try:
        import termios
    except ImportError:
        return
    with contextlib.suppress(termios.error):  # the terminal was hung up
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


class ShowRemoved(Processor):
    """Replaces characters of the displayed input one for one, so that the cursor keeps its place."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return a line of the input that is safe to show."""
        shown: StyleAndTextTuples = [(style, show_removed(text)) for style, text, *_ in transformation_input.fragments]
        return Transformation(shown)


def input_processors() -> list[Processor]:
    """Return what shows the input safely, and tabs as spaces; prompt_toolkit itself shows them as `^I`."""
    return [ShowRemoved(), TabsProcessor(char1=" ", char2=" ")]


def show_removed(text: str) -> str:
    """Return a text with U+FFFD for what cleaning removes; prompt_toolkit itself shows control characters as `^[`."""
    text = CONTROL_SEQUENCE.sub(lambda found: STAND_IN * len(found[0]), text)
    return "".join(char if is_kept or unicodedata.category(char) == "Cc" else STAND_IN for char, is_kept in judge(text))
