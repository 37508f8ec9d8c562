"""The command line: thin commands, the screens, and the JSON lines."""

from __future__ import annotations

import gc
import os
import sys
from typing import Final

NAMES_AT_TAB: Final = "--names-at-tab"
"""What the completion scripts call; it is no option of the program."""
INTERRUPTED: Final = 130
"""The exit code of Ctrl-C; `errors.ExitCode` repeats it, but may not be loaded yet."""


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    # Imported here so that a module of this package can be imported without the command line. Garbage collection is off
    # while modules load: it finds nothing, and takes a tenth of each start.
    gc.disable()
    try:
        if sys.argv[1:2] == [NAMES_AT_TAB]:
            from .box.names_at_tab import print_names

            print_names(sys.argv[2:])
            return
        from .safe_output import make_safe

        make_safe()
        from .language import speak_english_to_programs

        speak_english_to_programs(sys.argv[1:], os.environ, sys.stderr)
        from .app import run

        gc.enable()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
