"""The terminal of the interactive screen: how it is drawn on, and how typed text is shown.

It is never asked where its cursor is. Not every terminal answers that (serial consoles, the shells in editors, slow
connections); then a warning appeared in the conversation, and a late answer was taken for typing. Nothing here needs
the answer, because the input is drawn below what was printed, wherever that is.

Pasted text may come from anywhere, and would reach the terminal before it is sent. So each character that cleaning
would remove is shown as a stand-in.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import Final

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from sockatuh.room.text import CONTROL_SEQUENCE, judge

STAND_IN: Final = "\ufffd"


class UnaskedTerminal(Vt100_Output):
    """Draws by escape sequences, and waits for no answer."""

    @property
    def responds_to_cpr(self) -> bool:
        """Tell prompt_toolkit not to ask for the cursor's position."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Return the rows that are certain: the cursor's own. More come by scrolling."""
        return 1


def open_terminal() -> Output:
    """Return the terminal on stdout."""
    if sys.platform == "win32" or not sys.stdout.isatty():
        return create_output()
    return UnaskedTerminal.from_pty(sys.stdout, term=os.environ.get("TERM"))


class ShowRemoved(Processor):
    """Shows the input; each character has one stand-in, so the cursor keeps its place."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return a line of the input that is safe to show."""
        shown: StyleAndTextTuples = [(style, show_removed(text)) for style, text, *_ in transformation_input.fragments]
        return Transformation(shown)


def show_removed(text: str) -> str:
    """Return a text with stand-ins for what cleaning removes; prompt_toolkit shows control characters as `^[`."""
    text = CONTROL_SEQUENCE.sub(lambda found: STAND_IN * len(found[0]), text)
    return "".join(char if is_kept or unicodedata.category(char) == "Cc" else STAND_IN for char, is_kept in judge(text))
