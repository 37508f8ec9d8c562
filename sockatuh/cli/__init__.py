"""The command line: thin commands, the screens, and every sentence said to people."""

from __future__ import annotations

import sys
from importlib import import_module

from sockatuh.spared import OPENSSL, spared


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    with spared(*OPENSSL):
        for name in ("asyncio", "hashlib", "hmac"):
            import_module(name)
    # Imported here so that a module of this package can be imported without the command line.
    from .app import run
    from .streams import guard_output

    guard_output()
    sys.exit(run(sys.argv[1:]))
