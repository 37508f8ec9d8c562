"""The terminal of the interactive screen, which is never asked where its cursor is.

Not every terminal answers that (serial consoles, the shells in editors, a slow way to it): then a warning appeared amid
the talk, and an answer that came late was taken for typing. Nothing here needs the answer, because the input is painted
below what was printed, wherever that is.
"""

from __future__ import annotations

import os
import sys

from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output


class UnaskedTerminal(Vt100_Output):
    """Draws by escape sequences, and waits for none."""

    @property
    def responds_to_cpr(self) -> bool:
        """Tell that it is not to be asked."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Return the rows that are there at least: the one of the cursor. More come by scrolling."""
        return 1


def open_terminal() -> Output:
    """Return the terminal on stdout."""
    if sys.platform == "win32" or not sys.stdout.isatty():
        return create_output()
    return UnaskedTerminal.from_pty(sys.stdout, term=os.environ.get("TERM"))
