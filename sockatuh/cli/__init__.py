"""The command line: thin commands, the screens, and every sentence said to people."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

from sockatuh.spared import OPENSSL, spared

INTERRUPTED: Final = 130
"""The exit code of Ctrl-C, also before the table of them is there."""


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    # Imported here so that a module of this package can be imported without the command line.
    try:
        from .safe_output import make_safe

        make_safe()
        with spared(*OPENSSL):
            for name in ("asyncio", "hashlib", "hmac"):
                import_module(name)
        from .app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
